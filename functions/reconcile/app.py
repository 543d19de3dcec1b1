"""Do both models say the same? On a schedule and on demand; in one call, or part by part."""

from __future__ import annotations

from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.backfill import Segment
from remodel.compare import Report, compare
from remodel.reconcile import figures, reconcile
from remodel.requests import PartRequest, ReconcileRequest, parse
from remodel.resync import resync
from remodel.runtime import Runtime, wire
from remodel.telemetry import Telemetry

telemetry = Telemetry("reconcile")

COUNTS = {
    "missing": "Missing",
    "different": "Different",
    "orphaned": "Orphaned",
    "unindexed": "Unindexed",
    "unlinked": "Unlinked",
    "quarantined": "Quarantined",
    "tenant_violations": "TenantViolations",
    "uniqueness_violations": "UniquenessViolations",
    "ambiguous_lookups": "AmbiguousLookups",
    "claims": "Claims",
    "left_out": "LeftOut",
    "repaired": "Repaired",
}
"""What is counted, and the metric of each."""


@cache
def wired() -> Runtime:
    return wire()


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"mode": "counts|sample|full", "repair": false}`; answers the counts, and examples field by field.

    `{"mode": "diff", "table": …, "segment": 0, "total_segments": 1, "cursor": null, "repair": false}` answers those of a part,
    with done and cursor; "resync" walks a part of the index or of quarantine in the same way.
    """
    if isinstance(event, dict) and event.get("mode") in ("diff", "resync"):
        return _part(parse(PartRequest, event), context)
    request, runtime = parse(ReconcileRequest, event), wired()
    with telemetry.call(mode=request.mode):
        call = runtime.call(context)
        report = reconcile(call, request.mode, request.repair, request.sample)
        telemetry.count(Drift=report.drift, **{metric: report.counts[name] for name, metric in COUNTS.items()})
        if request.mode == "sample":
            telemetry.count(**figures(call))
    return _answer(report)


def _part(request: PartRequest, context: Any) -> dict[str, Any]:
    """A part is not the whole: it says nothing of drift in metrics."""
    runtime = wired()
    call, stop_at = runtime.call(context), runtime.stop_at(context)
    segment = Segment(request.table, request.segment, request.total_segments, request.cursor)
    with telemetry.call(mode=request.mode, table=request.table, segment=request.segment):
        if request.mode == "resync":
            walked = resync(call, segment, stop_at)
            telemetry.count(Scanned=walked.scanned, Written=walked.written)
            return {"done": walked.done, "cursor": walked.cursor, "scanned": walked.scanned, "written": walked.written}
        report = compare(call, segment, stop_at, request.repair)
        telemetry.count(Scanned=report.rows.total(), Repaired=report.counts["repaired"])
    return _answer(report)


def _answer(report: Report) -> dict[str, Any]:
    counts = {name: report.counts[name] for name in COUNTS}
    return {
        **counts,
        "drift": report.drift,
        "done": report.done,
        "cursor": report.cursor,
        "rows": dict(report.rows),
        "expected": report.counts["expected"],
        "examples": report.examples,
    }
