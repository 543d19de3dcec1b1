"""Settings become clients, clients become adapters, adapters become the engine. The only place that makes a client."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

from remodel import startup
from remodel.adapters.client import make_client
from remodel.adapters.clock import SystemClock
from remodel.adapters.disk import DiskLedger
from remodel.adapters.dynamodb import DynamoStore
from remodel.adapters.sqs import SqsQueue
from remodel.core.model import Model
from remodel.flow.engine import Engine, Patience
from remodel.settings import Settings, settings

RESERVE = 5.0
"""Seconds before a function's time limit at which it stops retrying, so that it can still answer."""


class LambdaContext(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Wired:
    engine: Engine
    settings: Settings

    def patience(self, context: LambdaContext | Any) -> Patience:
        """Until shortly before the invocation ends; half of what is left where that is little."""
        left = context.get_remaining_time_in_millis() / 1000
        return Patience(self.engine.clock, self.engine.clock.now() + max(left - RESERVE, left / 2))


def wire(model: Model, metered: bool = False) -> Wired:
    """Reads the environment and makes the one client of the process. Raises MissingSetting."""
    found = settings(os.environ, model)
    queue = SqsQueue(found.queue) if found.queue else None
    store = DynamoStore(make_client(), found.tables, metered)
    made = Wired(Engine(model, store, SystemClock(), found.live, queue=queue, ledger=DiskLedger), found)
    startup.done()
    return made
