"""The runtime of one function process: settings become a client, a store, and a place for calls. Entry points only wire.

This is the only module of the engine that makes clients. Each entry point wires once and keeps the result.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from remodel import startup
from remodel.call import Call, Place
from remodel.client import make_client
from remodel.clock import SystemClock
from remodel.dynamodb import DynamoStore, Table
from remodel.model import Model
from remodel.settings import Settings, load_model, settings
from remodel.sqs import SqsQueue
from remodel.store import INDEX, INDEX_KEY, QUARANTINE, QUARANTINE_KEY

RESERVE = 5.0
"""Seconds before a function's time limit at which a call begins nothing any more, so that it can still answer."""

SHARE = 0.6
"""Of the time of a call, after which no new page is begun: a page may take the rest."""


def tables_of(model: Model, names: dict[str, str]) -> dict[str, Table]:
    """Physical names and key schemas by logical name."""
    schemas = {INDEX: INDEX_KEY, QUARANTINE: QUARANTINE_KEY}
    schemas |= {name: table.schema for name, table in model.old_tables.items()}
    schemas |= {name: table.schema for name, table in model.new_tables.items()}
    return {name: Table(names[name], schema) for name, schema in schemas.items()}


@dataclass(frozen=True, slots=True)
class Runtime:
    place: Place
    settings: Settings

    def call(self, context: Any) -> Call:
        """Ends shortly before the invocation does; where little time is left, half of it is kept in reserve."""
        left: float = context.get_remaining_time_in_millis() / 1_000
        return self.place.call(max(left - RESERVE, left / 2))

    def stop_at(self, context: Any, seconds: float | None = None) -> float:
        """When a call that works page by page begins no new page. `seconds`: at most so many from now."""
        left: float = SHARE * context.get_remaining_time_in_millis() / 1_000
        return self.place.clock.now() + min(left, seconds or left)


def wire(metered: bool = False) -> Runtime:
    """Reads the environment and makes the one client of the process. Raises MissingSetting."""
    model = load_model(os.environ)
    found = settings(os.environ, model)
    store = DynamoStore(make_client(), tables_of(model, dict(found.tables)), metered)
    queue = SqsQueue(found.queue) if found.queue else None
    made = Runtime(Place(model, store, SystemClock(), found.live, queue), found)
    startup.done()
    return made
