"""The engine on the store in memory, with a clock that stands still until somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable

from measures import MODEL
from remodel.adapters.memory import Handle, MemoryStore, Table, nothing
from remodel.core.record import VIEW
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, QUARANTINE, Outcome

NAMES = {name: name for name in MODEL.every}


class StillClock:
    def __init__(self) -> None:
        self.time = 1_795_334_400.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def jitter(self) -> float:
        return 0.5


def tables() -> dict[str, Table]:
    return {
        **{name: Table(view=VIEW) for name in MODEL.every},
        **{name: Table() for name in MODEL.new_tables},
        INDEX: Table(key=("group_key", "item_key")),
        QUARANTINE: Table(key=("source", "row")),
    }


def engine(hook: Callable[[str, str, Handle], Outcome | None] = nothing, page: int = 1_000) -> Engine:
    return Engine(MODEL, MemoryStore(tables(), hook, page), StillClock(), frozenset(MODEL.lookups))


def store(made: Engine) -> MemoryStore:
    assert isinstance(made.store, MemoryStore)
    return made.store


def patience(made: Engine, seconds: float = 60.0) -> Patience:
    return Patience(made.clock, made.clock.now() + seconds)
