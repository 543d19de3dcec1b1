"""The worker of pending fan-outs. A message names one; what it has to do stands in the index."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.errors import RemodelError
from remodel.fanout import work
from remodel.requests import FanoutRequest, parse
from remodel.runtime import wire
from remodel.telemetry import Telemetry

telemetry = Telemetry("fanout")
wired = cache(wire)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Messages in SQS's format; answers with those that are not done."""
    failed = [message["messageId"] for message in event["Records"] if not _done(message, context)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _done(message: Any, context: Any) -> bool:
    runtime = wired()
    try:
        with telemetry.call(request=message["messageId"]):
            asked = parse(FanoutRequest, json.loads(message["body"]))
            done = work(runtime.call(context), asked.fanout, runtime.stop_at(context))
            telemetry.count(FanoutsDone=done, FanoutsLeft=not done)
            if not done and runtime.place.queue is not None:
                runtime.place.queue.send(asked.fanout)
    except (RemodelError, ValueError, RecursionError):
        return False
    return True
