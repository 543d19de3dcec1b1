"""The function on the stream of one old table. Which one, the template says in SOURCE."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from remodel.replicate import replicate
from remodel.runtime import Runtime, wire
from remodel.settings import source_setting
from remodel.telemetry import Telemetry

telemetry = Telemetry("replicate")


@cache
def wired() -> tuple[Runtime, str]:
    runtime = wire()
    return runtime, source_setting(os.environ, runtime.place.model)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """A batch of stream records in Lambda's format; answers with the first record that is not done."""
    runtime, source = wired()
    with telemetry.call(source=source):
        batch = replicate(runtime.call(context), source, runtime.settings.tables[source], event)
        telemetry.count(
            Records=batch.records,
            Rows=batch.rows,
            Written=batch.done.written,
            Quarantined=len(batch.done.rejected),
            Unreadable=batch.unreadable,
            Unfinished=batch.failed is not None,
            LargestGroup=batch.done.largest.members,
        )
        telemetry.explain(batch.done.rejected.values())
    return batch.answer
