"""Do both models say the same? On a schedule and on demand; in one call, or part by part."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.call import Call
from remodel.compare import compare
from remodel.findings import Report
from remodel.reconcile import figures, reconcile
from remodel.requests import PartRequest, ReconcileRequest, parse
from remodel.resync import clear, resync
from remodel.runtime import wire
from remodel.segments import Progress, Segment, advance, standing
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
wired = cache(wire)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"mode": "counts|sample|full", "repair": false}`; answers the counts, and examples field by field.

    `{"mode": "diff", "table": …, "segment": 0, "total_segments": 1, "cursor": null, "repair": false}` answers those of a part,
    with done and cursor; "resync" walks a part of the index or of quarantine in the same way, and "clear" deletes the new rows
    of `tables` by a part of one of them or of the index. With a `run` the cursor is kept in the index.
    """
    if isinstance(event, dict) and event.get("mode") in ("diff", "resync", "clear"):
        return _part(parse(PartRequest, event), context)
    request, runtime = parse(ReconcileRequest, event), wired()
    with telemetry.call(mode=request.mode):
        call = runtime.call(context)
        if request.scheduled and call.fenced_since():
            # An alarm keeps its state where nothing is reported, and would go on asking for a repair.
            telemetry.count(Drift=0, QuarantineDepth=0, BackfillIdle=0)
            return _answer(Report(done=True))
        report = reconcile(call, request.mode, request.repair, request.sample)
        telemetry.count(Drift=report.drift, **{metric: report.counts[name] for name, metric in COUNTS.items()})
        if request.mode == "sample":
            telemetry.count(**figures(call))
    return _answer(report)


def _part(request: PartRequest, context: Any) -> dict[str, Any]:
    """A part is not the whole: it says nothing of drift in metrics."""
    runtime = wired()
    call, run = runtime.call(context), request.run
    before = standing(call, run, request.part) if run else Progress(request.part)
    if before.done:
        return {"done": True, "cursor": None}
    with telemetry.call(mode=request.mode, table=request.table, segment=request.segment):
        answer = _work(call, request, before.segment, runtime.stop_at(context, request.seconds))
        if run:
            counts = {name: value for name, value in answer.items() if type(value) is int}
            advance(call, run, before, answer["cursor"], counts)
    return answer


def _work(call: Call, request: PartRequest, segment: Segment, stop_at: float) -> dict[str, Any]:
    if request.mode == "diff":
        report = compare(call, segment, stop_at, request.repair)
        telemetry.count(Scanned=report.rows.total(), Repaired=report.counts["repaired"])
        return {**_answer(report), "scanned": report.rows[segment.table]}
    is_resync = request.mode == "resync"
    walked = resync(call, segment, stop_at) if is_resync else clear(call, request.tables, segment, stop_at)
    telemetry.count(Scanned=walked.scanned, Written=walked.written)
    cleared = Counter(key.table for key in walked.keys)
    return {
        "done": walked.done,
        "cursor": walked.cursor,
        "scanned": walked.scanned,
        "written": walked.written,
        **cleared,
    }


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
