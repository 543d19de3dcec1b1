"""The function on the stream of one old table. Which one, the template says in SOURCE."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import remodel.startup  # noqa: F401 (first, so that it holds for all other imports)
from measures import MODEL
from remodel.adapters.telemetry import Telemetry
from remodel.flow.replicate import replicate
from remodel.settings import source_setting
from remodel.wiring import Wired, wire

telemetry = Telemetry("replicate")


@cache
def wired() -> tuple[Wired, str]:
    return wire(MODEL), source_setting(os.environ, MODEL)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """A batch of stream records in Lambda's format; answers with the first record that is not done."""
    it, source = wired()
    with telemetry.call(source=source):
        batch = replicate(it.engine, source, it.settings.tables[source], event, it.patience(context))
        telemetry.count(
            Records=batch.records,
            Changes=batch.changes,
            Stale=batch.stale,
            Quarantined=batch.quarantined,
            Written=batch.written,
            Unfinished=batch.unfinished,
        )
        telemetry.explain(batch.reasons)
    return batch.answer
