"""What the engine needs of the world: a store of tables, a clock, and where there is much, a queue and a ledger.

Tables go by their names in the model, plus `index` and `quarantine`. A store does one request a call and never retries
for itself: what it could not do it says, item by item, and the engine decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from remodel.core.change import Key
from remodel.core.model import NewKey
from remodel.core.wire import Item, Value

INDEX, QUARANTINE = "index", "quarantine"

READS, WRITES = 100, 25
"""Keys in one batched read, and requests in one batched write: DynamoDB's limits."""


@dataclass(frozen=True, slots=True)
class Write:
    """An unconditional put, or a delete where there is no item."""

    key: NewKey
    item: Item | None


@dataclass(frozen=True, slots=True)
class Condition:
    """On one text or number attribute: `<` or `=`."""

    attribute: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Guarded:
    """A write under a condition. Without one it inserts where nothing is; with one it replaces or deletes what is there.

    attributes: all attributes beside the key, or None to delete. `drop` names those that a replaced item loses.
    """

    table: str
    key: Item
    attributes: Item | None
    condition: Condition | None = None
    drop: tuple[str, ...] = ()


class Outcome(Enum):
    DONE = "done"
    CONDITION_FAILED = "condition failed"
    AGAIN = "again"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is where the next page starts; None at the end."""

    items: list[Item]
    next: Item | None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a store has used up since it was made. units: write units, those of the tables' indexes included.

    throttled: requests, or parts of them, that were turned away and had to be sent again.
    """

    units: float = 0.0
    throttled: int = 0


class Store(Protocol):
    """Every method may raise Unavailable, TableNotFound or NotAllowed; the reads are consistent unless it says otherwise."""

    def get(self, table: str, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        """Up to READS items: those found, and the keys that were not processed."""

    def write(self, writes: Sequence[Write]) -> list[Write]:
        """Up to WRITES writes to different keys: those not processed. Raises Rejected where one can never be done."""

    def guard(self, writes: Sequence[Guarded]) -> list[Outcome]:
        """Up to WRITES guarded writes to different keys of one table, each with an outcome of its own."""

    def query(self, table: str, group: str, start: Item | None, prefix: str = "") -> Page:
        """A page of a group of the index: the items whose names begin so."""

    def find(self, table: str, index: str, attribute: str, value: str, start: Item | None) -> Page:
        """A page of what a GSI has under a value; eventually consistent, as GSIs are."""

    def scan(self, table: str, segment: int, total: int, start: Item | None, limit: int | None = None) -> Page:
        """A page of a segment of a table; eventually consistent."""

    def stream_view(self, table: str) -> str | None:
        """The view type of the table's stream; None where it is off."""

    def spent(self) -> Spent:
        """Units are told only where the store meters them."""


@dataclass(frozen=True, slots=True)
class Fanout:
    """A group of which every row is to be settled. `cursor`: from behind that entry on, where the roster's epoch is still
    this one."""

    group: str
    cursor: Item | None = None
    epoch: int = -1


class Queue(Protocol):
    """`beyond`: how many entries of a group are settled in place."""

    @property
    def beyond(self) -> int: ...

    def send(self, fanout: Fanout) -> None:
        """It is done once it is sure to be taken up. Raises Unavailable and NotAllowed."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A new row in both accounts: the old row that makes expect it, its digest as expected, and as found; None where it is
    not in that account."""

    new: NewKey
    old: Key | None
    expected: bytes | None
    found: bytes | None


class Ledger(Protocol):
    """What the new tables should hold, beside what they do; it may be larger than memory. May raise LedgerFull."""

    def expect(self, rows: Iterable[tuple[NewKey, bytes, Key]]) -> None:
        """New rows with their digests, and the old rows that they follow from. Of two for one new row the last counts."""

    def find(self, rows: Iterable[tuple[NewKey, bytes]]) -> None: ...

    def postings(self) -> Iterator[Posting]:
        """Each new row of either account once, in order."""

    def close(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None: ...

    def jitter(self) -> float:
        """A random number from 0 to 1."""
