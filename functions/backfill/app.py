"""One segment of one old table: called again with the cursor that it answers, until it says done."""

from __future__ import annotations

from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from measures import MODEL
from remodel.adapters.telemetry import Telemetry
from remodel.flow.backfill import Segment, backfill
from remodel.requests import BackfillRequest, parse
from remodel.wiring import Wired, wire

telemetry = Telemetry("backfill")

SHARE = 0.6
"""Of the time that is left, after which no new page is begun: a page may take the rest."""


@cache
def wired() -> Wired:
    return wire(MODEL, metered=True)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"table": …, "segment": 0, "total_segments": 1, "cursor": null}`, at will with `units_per_second` and
    `seconds`; answers done, cursor, scanned, written, and what it cost."""
    request, it = parse(BackfillRequest, event), wired()
    clock = it.engine.clock
    left = SHARE * context.get_remaining_time_in_millis() / 1000
    stop_at = clock.now() + min(left, request.seconds or left)
    segment = Segment(request.table, request.segment, request.total_segments, request.cursor)
    with telemetry.call(source=request.table, segment=request.segment):
        progress = backfill(it.engine, segment, stop_at, it.patience(context), request.units_per_second)
        telemetry.count(Scanned=progress.scanned, Written=progress.written, Quarantined=progress.quarantined)
    return progress.answer
