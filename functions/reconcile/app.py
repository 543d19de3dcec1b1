"""Do both models say the same? On a schedule, and on demand."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from measures import MODEL
from remodel.adapters.telemetry import Telemetry
from remodel.flow.reconcile import reconcile
from remodel.requests import ReconcileRequest, parse
from remodel.wiring import Wired, wire

telemetry = Telemetry("reconcile")


@cache
def wired() -> Wired:
    return wire(MODEL)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"mode": "counts|sample|full", "repair": false}`; answers the counts, and examples field by field."""
    request, it = parse(ReconcileRequest, event), wired()
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
