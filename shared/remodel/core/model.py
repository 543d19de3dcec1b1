"""What a model is, seen from the engine: row types and pure functions.

The engine joins *rows* with *links* inside a *group*. A source (an old table) is one or the other, or a *lookup*: rows that
become nothing themselves, but that links are computed from. The engine keeps one copy of each old row in the index under
its group, and what is needed of all links of the group together (or of all rows that one value finds) on one *roster*. A
model says how to read a row, which group it belongs to, and which new rows follow from it.

A model that joins nothing has no links: each row is a group of its own, and its roster stays empty.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from remodel.core.wire import Item

Facts = Mapping[str, str]
"""What the roster keeps of one live link: a few short texts of the model's choosing. A change of them moves the epoch."""

Context = Any
"""What a row's lookups came to; opaque to the engine."""

Lookups = Generator["Get | Find", list[Item], Context]
"""A pure function that asks for rows by yielding and is answered by `send`; its return value is the context."""


@dataclass(frozen=True, slots=True)
class Get:
    """Asks for the row of a looked-up table with this id: a list of one or none."""

    table: str
    id: str


@dataclass(frozen=True, slots=True)
class Find:
    """Asks for all rows of a looked-up table that an index finds under this value."""

    table: str
    index: str
    attribute: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class NewKey:
    """A row of a new table: the table's name in the model, and the id."""

    table: str
    id: str


class Source(Protocol):
    """An old table. All functions are pure; `read` alone raises, and only Refused."""

    @property
    def name(self) -> str: ...

    @property
    def is_link(self) -> bool: ...

    @property
    def is_lookup(self) -> bool: ...

    @property
    def is_seated(self) -> bool:
        """Whether each row has a seat on its group's roster: links have, and what a Find looks for."""

    @property
    def derived(self) -> frozenset[str]:
        """The attributes of its new rows that come from lookups."""

    @property
    def attributes(self) -> frozenset[str]:
        """What the index keeps of a row; all else on it is ignored."""

    def accepts(self, id: str) -> bool:
        """Whether a row of this id could ever have been read."""

    def read(self, item: Item) -> Any:
        """The row, or Refused with a reason that a person can act on. The item holds `attributes` at the most."""

    def group(self, item: Item) -> str | None:
        """The group of a row that may be unreadable otherwise; None where there is none to be seen."""

    def facts(self, row: Any) -> Facts:
        """For a link, what the roster keeps of it; for a row, what decides which links it pairs with."""

    def lookups(self, row: Any) -> Lookups | None:
        """How to find the context of `wanted`, or None where none is needed."""

    def wanted(self, row: Any, links: Mapping[str, Facts], context: Context) -> dict[NewKey, Item]:
        """The new rows that follow from this old row, given the live links of its group."""

    def possible(self, id: str, links: Iterable[str]) -> set[NewKey]:
        """All new rows that could ever have followed from it, whichever of these links was first."""

    def strangers(self, row: Any, links: Mapping[str, Facts]) -> int:
        """With how many links of its group the row must never pair, because they belong to others."""

    def unique(self, row: Any) -> str | None:
        """What no two rows of this source should share; None where there is no such rule."""


class Lookup(Source, Protocol):
    """An old table whose rows are looked up by links. Its rows want nothing, and none is refused that DynamoDB could hold."""

    def place(self, request: Get | Find) -> str:
        """The group in which the index has the answer."""

    def ahead(self, row: Any) -> Iterable[Get | Find]:
        """What the links of the row's own group will look up on its account."""


@dataclass(frozen=True)
class Model:
    """Sources and lookups in the order in which a backfill takes them (links first), and the new tables."""

    sources: Mapping[str, Source]
    lookups: Mapping[str, Lookup]
    new_tables: tuple[str, ...]
    link_of: Callable[[NewKey, Item], str | None]
    """The id of the link that a new row names: where to look for the old row that it could follow from."""
    group_of: Callable[[NewKey, Item], str | None]
    """The group that a new row itself names, where it does: where its old row was when it was written."""

    @cached_property
    def every(self) -> Mapping[str, Source]:
        """All old tables, lookups first: what links are computed from is there before them."""
        return {**self.lookups, **self.sources}
