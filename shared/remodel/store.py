"""The port to DynamoDB: what the engine asks of a store, one request a call, without retries.

Tables go by their logical names; a store knows the physical ones and the key schemas. What a store could not process it
returns, and `call` decides. Behind the port: `dynamodb` for real, and a deterministic store in memory for tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from remodel.items import Item, Wire
from remodel.keys import Key, KeySchema

T = TypeVar("T")

INDEX, QUARANTINE = "index", "quarantine"
"""Logical names of the engine's own tables."""

GROUP, NAME = "group_key", "item_key"
"""The key attributes of the index."""

INDEX_KEY = KeySchema(((GROUP, "S"), (NAME, "S")))
QUARANTINE_KEY = KeySchema((("source", "S"), ("row", "S")))

READS, WRITES = 100, 25
"""Keys of one BatchGetItem, changes of one BatchWriteItem: DynamoDB's limits."""


class Change(NamedTuple):
    """An unconditional put of a whole item, or a delete where `item` is None."""

    key: Key
    item: Item | None


@dataclass(frozen=True, slots=True)
class Update:
    """One UpdateItem. `add`: numbers to add and sets to extend; `put`: attributes to set. `below`: an attribute and a
    number; the update applies only where the attribute is absent or smaller. `new`: only where no item has the key."""

    key: Key
    add: Mapping[str, Wire] = field(default_factory=dict)
    put: Mapping[str, Wire] = field(default_factory=dict)
    below: tuple[str, int] | None = None
    new: bool = False


class Page(NamedTuple):
    """`next`: the key text after which the next page starts; None at the end."""

    items: list[Item]
    next: str | None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a store has used since it was made. Units are 0.0 where the store does not meter."""

    write_units: float = 0.0
    read_units: float = 0.0
    requests: int = 0
    throttled: int = 0


class Stream(NamedTuple):
    """A stream's view type, and the label that no other stream of the table has."""

    view: str
    label: str


class Store(Protocol):
    """Each method is one request and may raise Unavailable, TableNotFound, NotAllowed, or Rejected."""

    def schema(self, table: str) -> KeySchema:
        """The key schema of a table."""

    def get(self, keys: Sequence[Key], consistent: bool = True) -> tuple[dict[Key, Item], list[Key]]:
        """Up to READS different keys over any tables: the items that exist, and the keys not processed."""

    def write(self, changes: Sequence[Change]) -> list[Change]:
        """Up to WRITES changes of different keys over any tables: those not processed."""

    def update(self, update: Update) -> Item | None:
        """The whole item after the update; None where the condition did not hold."""

    def query(self, group: str, prefix: str, start: str | None, limit: int) -> Page:
        """A strongly consistent page of one partition of the index, by the prefix of NAME, in order of NAME."""

    def find(self, table: str, index: str, attribute: str, value: Wire) -> list[Item]:
        """All items that a global secondary index has for a value; eventually consistent, as such an index is."""

    def scan(self, table: str, segment: tuple[int, int], start: str | None, limit: int) -> Page:
        """An eventually consistent page of segment (n, of m) of a table."""

    def stream(self, table: str) -> Stream | None:
        """The table's latest stream; None where it is off."""

    def spent(self) -> Spent: ...

    def together(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """The results of independent requests, made in parallel where the store can. It returns after the last has
        ended, and then raises the first error."""


def wire_key(store: Store, key: Key) -> dict[str, Any]:
    """The typed key attributes of a key."""
    return store.schema(key.table).decode(key.text)
