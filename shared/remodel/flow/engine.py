"""What every use case is given: the model, the store, the clock, and how long it may try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from remodel.core.model import Model
from remodel.flow.ledger import MemoryLedger
from remodel.ports import Clock, Ledger, Queue, Store

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 3.0
"""Seconds: what is retried waits between these, twice as long each time, at random within that."""


@dataclass(frozen=True, slots=True)
class Engine:
    """live: the lookups whose streams are connected. complete: those of which it was found that the index has all rows.

    queue: where groups go that are too large to be settled while a shard waits; without one they are settled in place.
    ledger: makes what a whole comparison is kept in.
    """

    model: Model
    store: Store
    clock: Clock
    live: frozenset[str] = frozenset()
    complete: set[str] = field(default_factory=set)
    queue: Queue | None = None
    ledger: Callable[[], Ledger] = MemoryLedger


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may go on retrying, as the clock's own seconds since the epoch."""

    clock: Clock
    until: float

    @property
    def left(self) -> float:
        return self.until - self.clock.now()

    def tries(self) -> Iterator[int]:
        """A try now, and one after each pause for as long as time is left."""
        attempt = 0
        while True:
            yield attempt
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * (0.5 + self.clock.jitter() / 2)
            if pause > self.left:
                return
            self.clock.sleep(pause)
            attempt += 1
