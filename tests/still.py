"""A place for the engine in memory, and a clock that stands still until somebody sleeps."""

from __future__ import annotations

from remodel.call import Place
from remodel.model import Model
from remodel_testing.memory import Hook, MemoryStore, nothing
from remodel_testing.simulation.parts import tables_of


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
    store = MemoryStore(tables_of(model), hook)
    return Place(model, store, StillClock(), frozenset(model.old_tables)), store
