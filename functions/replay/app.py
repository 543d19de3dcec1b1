"""Quarantined rows and failed batches, again, from the rows as they are now."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from measures import MODEL
from remodel.adapters.telemetry import Telemetry
from remodel.core.errors import BadRequest
from remodel.flow.engine import Patience
from remodel.flow.replay import Wanted, failed, quarantined, replay
from remodel.requests import ReplayRequest, parse
from remodel.wiring import Wired, wire

telemetry = Telemetry("replay")


@cache
def wired() -> Wired:
    return wire(MODEL)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"source": "actuals", "ids": […]}`, `{"all": true}`, or `{"source": "actuals", "records": […]}`."""
    request, it = parse(ReplayRequest, event), wired()
    with telemetry.call(source=request.source or "all"):
        done = replay(it.engine, _wanted(it, request, it.patience(context)), it.patience(context))
        telemetry.count(Mended=done.mended, StillRefused=len(done.refused))
    return asdict(done)


def _wanted(it: Wired, request: ReplayRequest, patience: Patience) -> Wanted:
    if request.all:
        return quarantined(it.engine, patience)
    if request.source not in it.engine.model.every or not (request.ids or request.records):
        raise BadRequest("expected all, or source with ids or records, found neither: name what to replay")
    rows: Wanted = {(request.source, id): set() for id in request.ids}
    return rows | failed(it.engine, request.source, it.settings.tables[request.source], request.records)
