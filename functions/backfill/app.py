"""One segment of one old table. The caller calls again with the cursor that is answered, until the segment is done."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache, partial
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.backfill import backfill
from remodel.requests import BackfillRequest, UnfinishedRequest, parse
from remodel.runtime import wire
from remodel.segments import unfinished
from remodel.telemetry import Telemetry

telemetry = Telemetry("backfill")
wired = cache(partial(wire, metered=True))


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"table": …, "segment": 0, "total_segments": 1, "cursor": null}`, optionally with `units_per_second` and `seconds`.
    Answers done, cursor, scanned, written, quarantined, and the write units used. With a `run` the cursor is kept in the index.

    `{"unfinished": true, "run": …, "table": …, "total_segments": 4}` answers the segments that the run has still to do.
    """
    if isinstance(event, dict) and "unfinished" in event:
        return _unfinished(parse(UnfinishedRequest, event), context)
    request, runtime = parse(BackfillRequest, event), wired()
    with telemetry.call(source=request.table, segment=request.segment):
        stop_at = runtime.stop_at(context, request.seconds)
        done = backfill(runtime.call(context), request.part, stop_at, request.units_per_second, request.run)
        telemetry.count(Scanned=done.scanned, Written=done.written, Quarantined=done.quarantined)
    return asdict(done)


def _unfinished(request: UnfinishedRequest, context: Any) -> dict[str, Any]:
    found = unfinished(wired().call(context), request.run, request.table, request.total_segments)
    parts = [each.segment for each in found]
    total = parts[0].total if parts else request.total_segments
    return {"table": request.table, "total_segments": total, "segments": [each.number for each in parts]}
