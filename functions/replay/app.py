"""Rows in quarantine and failed batches, taken up again from the rows as they are now."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.call import Call
from remodel.errors import BadRequest
from remodel.hints import Hint, read_record
from remodel.keys import Key
from remodel.quarantine import held, replay
from remodel.requests import ReplayRequest, parse
from remodel.runtime import wire
from remodel.telemetry import Telemetry

telemetry = Telemetry("replay")
wired = cache(wire)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`{"source": table, "ids": […]}`, `{"all": true}`, or `{"source": table, "records": […]}`."""
    request, call = parse(ReplayRequest, event), wired().call(context)
    with telemetry.call(source=request.source or "all"):
        done = replay(call, _hints(call, request))
        telemetry.count(Corrected=done.corrected, StillRejected=len(done.rejected))
    return asdict(done)


def _hints(call: Call, request: ReplayRequest) -> list[Hint]:
    if request.all:
        return [Hint(each.row) for each in held(call)]
    if request.source not in call.model.old_tables or not (request.ids or request.records):
        raise BadRequest("expected `all`, or `source` with `ids` or `records`, found neither: name what to replay")
    try:
        keys = [Key(request.source, call.store.schema(request.source).checked(id)) for id in request.ids]
    except ValueError as problem:
        raise BadRequest(
            f"expected ids of rows of {request.source}, found one that no row can have: {problem}"
        ) from None
    read = [read_record(call.model, request.source, record).hint for record in request.records]
    return [*map(Hint, keys), *(hint for hint in read if hint is not None)]
