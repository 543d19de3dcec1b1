"""One segment of one old table. The caller calls again with the cursor that is answered, until the segment is done."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.backfill import Segment, backfill
from remodel.requests import BackfillRequest, parse
from remodel.runtime import Runtime, wire
from remodel.telemetry import Telemetry

telemetry = Telemetry("backfill")


@cache
def wired() -> Runtime:
    return wire(metered=True)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"table": …, "segment": 0, "total_segments": 1, "cursor": null}`, optionally with `units_per_second` and `seconds`.
    Answers done, cursor, scanned, written, quarantined, and the write units used."""
    request, runtime = parse(BackfillRequest, event), wired()
    segment = Segment(request.table, request.segment, request.total_segments, request.cursor)
    with telemetry.call(source=request.table, segment=request.segment):
        stop_at = runtime.stop_at(context, request.seconds)
        progress = backfill(runtime.call(context), segment, stop_at, request.units_per_second)
        telemetry.count(Scanned=progress.scanned, Written=progress.written, Quarantined=progress.quarantined)
    return asdict(progress)
