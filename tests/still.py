"""A place for the engine in memory, and a clock that stands still until somebody sleeps."""

from __future__ import annotations

from remodel.call import Place
from remodel.hints import VIEW
from remodel.model import Model
from remodel.store import INDEX, INDEX_KEY, QUARANTINE, QUARANTINE_KEY
from remodel_testing.memory import Hook, MemoryStore, MemoryTable, nothing


class StillClock:
    def __init__(self) -> None:
        self.time = 1_795_334_400.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def jitter(self) -> float:
        return 0.5


def memory_place(model: Model, hook: Hook = nothing) -> tuple[Place, MemoryStore]:
    """Every stream connected, no queue."""
    tables = {name: MemoryTable(table.schema, view=VIEW) for name, table in model.old_tables.items()}
    tables |= {name: MemoryTable(table.schema) for name, table in model.new_tables.items()}
    tables |= {INDEX: MemoryTable(INDEX_KEY), QUARANTINE: MemoryTable(QUARANTINE_KEY)}
    store = MemoryStore(tables, hook)
    return Place(model, store, StillClock(), frozenset(model.old_tables)), store
