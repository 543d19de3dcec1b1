"""The worker of large fan-outs: a message names a group, of which every row is settled; what is left goes back to the queue."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from measures import MODEL
from remodel.adapters.telemetry import Telemetry
from remodel.core.errors import RemodelError
from remodel.flow.fanout import work
from remodel.ports import Fanout
from remodel.requests import FanoutRequest, parse
from remodel.wiring import Wired, wire

telemetry = Telemetry("fanout")

SHARE = 0.6
"""Of the time that is left, after which no new page is begun: a page may take the rest."""


@cache
def wired() -> Wired:
    return wire(MODEL)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Messages in SQS's format; answers with those that are not done."""
    failed = [message["messageId"] for message in event["Records"] if not _done(message, context)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _done(message: Any, context: Any) -> bool:
    it = wired()
    try:
        with telemetry.call(request=message["messageId"]):
            asked = parse(FanoutRequest, json.loads(message["body"]))
            fanout = Fanout(asked.group, asked.cursor, asked.epoch)
            stop_at = it.engine.clock.now() + SHARE * context.get_remaining_time_in_millis() / 1000
            left = work(it.engine, fanout, stop_at, it.patience(context))
            telemetry.count(FanoutsDone=left is None, FanoutsLeft=left is not None)
            if left is not None and it.engine.queue is not None:
                it.engine.queue.send(left)
    except (RemodelError, ValueError):
        return False
    return True
