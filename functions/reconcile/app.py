"""Do both models say the same? On a schedule, and on demand; whole, or one part after the other."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from measures import MODEL
from remodel.adapters.telemetry import Telemetry
from remodel.core.change import Key
from remodel.flow.backfill import Segment
from remodel.flow.diff import Part, PartialReport, diff
from remodel.flow.reconcile import reconcile
from remodel.flow.resync import Resynced, resync
from remodel.requests import DiffRequest, ReconcileRequest, parse
from remodel.wiring import Wired, wire

telemetry = Telemetry("reconcile")

SHARE = 0.5
"""Of the time that is left, after which a part begins no new page: the looks at what differs may take the rest."""


@cache
def wired() -> Wired:
    return wire(MODEL)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"mode": "counts|sample|full", "repair": false}`; answers the counts, and examples field by field.

    `{"mode": "diff", "table": …, "segment": 0, "total_segments": 1, "cursor": null, "repair": false, "astray": []}` answers
    those of one part, with done and cursor; "resync" mends the index in parts in the same way.
    """
    if isinstance(event, dict) and event.get("mode") in ("diff", "resync"):
        return _part(parse(DiffRequest, event), context)
    return _whole(parse(ReconcileRequest, event), context)


def _whole(request: ReconcileRequest, context: Any) -> dict[str, Any]:
    it = wired()
    with telemetry.call(mode=request.mode):
        report = reconcile(it.engine, request.mode, request.repair, request.sample, it.patience(context))
        telemetry.count(
            Missing=report.missing,
            Different=report.different,
            Orphaned=report.orphaned,
            Drift=report.drift,
            StaleLookups=report.stale_lookups,
            Unlinked=report.unlinked,
            Quarantined=report.quarantined,
            TenantViolations=report.tenant_violations,
            UniquenessViolations=report.uniqueness_violations,
            AmbiguousLookups=report.ambiguous_lookups,
            Repaired=report.repaired,
        )
        if request.mode == "sample":
            telemetry.count(QuarantineDepth=report.quarantined)
            telemetry.seconds(QuarantineAge=report.oldest_quarantined, BackfillIdle=report.backfill_idle)
    return asdict(report)


def _part(request: DiffRequest, context: Any) -> dict[str, Any]:
    """A part is not the whole: it says nothing of drift in metrics."""
    it = wired()
    report: PartialReport | Resynced
    stop_at = it.engine.clock.now() + SHARE * context.get_remaining_time_in_millis() / 1000
    segment = Segment(request.table, request.segment, request.total_segments, request.cursor)
    astray = [Key(row.group, row.source, row.id) for row in request.astray]
    with telemetry.call(mode=request.mode, table=request.table, segment=request.segment):
        if request.mode == "resync":
            report = resync(it.engine, segment, stop_at, it.patience(context))
            scanned = report.old
        else:
            report = diff(it.engine, Part(segment, astray, request.repair), stop_at, it.patience(context))
            scanned = report.old | report.found
        telemetry.count(Scanned=sum(scanned.values()), Repaired=report.repaired)
    return asdict(report)
