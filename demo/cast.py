"""What the demo has to know of a model: the rows that its application writes, and what must come of them.

A model may have a cast of its own, with an oracle that shares nothing with the engine. Every other one has its rows generated
from its kinds, and its expectation from a plain evaluation of its declarations.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from demo.measures import Measures
from remodel.errors import RejectedRow
from remodel.items import Item
from remodel.keys import RANGE_LIMIT, Key, KeySchema
from remodel.kinds import Kind
from remodel.model import Model
from remodel_testing import plain
from remodel_testing.rows import NoRow, Rows
from runner.names import STEM, camel
from stack.parts import Parts

A_GROUP = 20
"""Generated rows for each value that rows are joined by."""

ODD = 0.2
"""The share of generated changes with unusual values."""

TRIES = 50


class Expected(Protocol):
    """`rows`: by new table and key text, the rows that are right there; several where old rows claim one key. `quarantine`: old
    table and key text of each rejected row. `counts`: of what the old rows are like."""

    @property
    def rows(self) -> Mapping[str, Mapping[str, Sequence[Item]]]: ...

    @property
    def quarantine(self) -> set[tuple[str, str]]: ...

    @property
    def counts(self) -> Mapping[str, int]: ...


class Cast(Protocol):
    """Rows of one application. Tables go by their logical names; None means that there is no such row. `size`: rows of a demo.
    `terms`: what is counted of the old rows, with what it means."""

    model: Model
    size: int
    terms: Mapping[str, str]

    @property
    def random(self) -> random.Random: ...

    def seeded(self, count: int) -> dict[str, list[Item]]:
        """About so many rows, some of which the new model rejects, by old table."""

    def resume(self, tables: Mapping[str, Sequence[Item]]) -> None:
        """Goes on with the rows that there are."""

    def insert(self, table: str) -> Item | None:
        """A row that the new model takes."""

    def change(self, table: str, row: Item, moves: bool = False) -> Item | None:
        """The row with other values, which the new model takes. `moves`: also those that join it with other rows."""

    def reject(self, table: str, row: Item) -> Item | None:
        """The row with a value that the new model rejects."""

    def is_rejected(self, table: str, row: Item) -> bool:
        """Whether the row alone is reason enough for quarantine."""

    def expected(self, old: Mapping[str, Sequence[Item]]) -> Expected:
        """What must come of these rows, the only ones."""


def cast_of(model: Model, seed: int) -> Cast:
    return Measures(seed) if model is Measures.model else Generated(model, seed)


@dataclass(frozen=True)
class Evaluated:
    rows: Mapping[str, Mapping[str, Sequence[Item]]]
    quarantine: set[tuple[str, str]]

    @property
    def counts(self) -> dict[str, int]:
        claims = sum(len(rows) - 1 for table in self.rows.values() for rows in table.values())
        return {"claims": claims, "quarantined": len(self.quarantine)}


class Generated:
    """A cast for any model."""

    size = 1_000
    terms: Mapping[str, str] = {
        "claims": "old rows that claim the new key of another one",
        "quarantined": "old rows that the new model rejects",
    }

    def __init__(self, model: Model, seed: int) -> None:
        self.model, self._seed = model, seed
        made = Parts(model, STEM).sandbox_tables()
        self._keys = {name: _keys_of(made[f"Sandbox{camel(name)}"]["Properties"]) for name in model.old_tables}
        self._rows = Rows(model, seed, apart=True)

    @property
    def random(self) -> random.Random:
        return self._rows.random

    def seeded(self, count: int) -> dict[str, list[Item]]:
        """Raises NoRow."""
        self._rows = Rows(self.model, self._seed, span=3 + count // A_GROUP, apart=True)
        made = self._rows.tables(count)
        return {table: [row for row in rows if self._is_storable(table, row)] for table, rows in made.items()}

    def resume(self, tables: Mapping[str, Sequence[Item]]) -> None: ...

    def insert(self, table: str) -> Item | None:
        kinds = self.model.old_tables[table].kinds
        return self._some(self.random.choice(kinds)) if kinds else None

    def change(self, table: str, row: Item, moves: bool = False) -> Item | None:
        kind = self._kind_of(table, row)
        return self._some(kind, row) if kind else None

    def reject(self, table: str, row: Item) -> Item | None:
        kind = self._kind_of(table, row)
        tries = (self._rows.rejected(kind, row) for _ in range(TRIES if kind else 0) if kind)
        return next((found for found in tries if found and self._is_storable(table, found)), None)

    def is_rejected(self, table: str, row: Item) -> bool:
        return bool(plain.expected(self.model, {table: [row]}).quarantine)

    def expected(self, old: Mapping[str, Sequence[Item]]) -> Expected:
        found = plain.expected(self.model, old)
        return Evaluated(found.rows, found.quarantine)

    def _some(self, kind: type[Kind], was: Item | None = None) -> Item | None:
        """What a kind accepts may be rejected by the mapping."""
        made = self._rows.odd if self.random.random() < ODD else self._rows.row
        for _ in range(TRIES):
            try:
                row = made(kind, was)
            except NoRow:
                return None
            if not self.is_rejected(kind.table.name, row) and self._is_storable(kind.table.name, row):
                return row
        return None

    def _is_storable(self, table: str, row: Item) -> bool:
        """DynamoDB keeps no row with a value that the key of one of the old table's indexes cannot have."""
        keys = {name: kind for name, kind in self._keys[table] if name in row}
        sizes = {name: len(str(row[name].get(kind, "")).encode()) for name, kind in keys.items()}
        return all(0 < size <= RANGE_LIMIT for name, size in sizes.items() if name not in self._schema(table).names)

    def _schema(self, table: str) -> KeySchema:
        return self.model.old_tables[table].schema

    def _kind_of(self, table: str, row: Item) -> type[Kind] | None:
        try:
            return self.model.kind_of(Key(table, self._schema(table).encode(row)))
        except RejectedRow:
            return None


def _keys_of(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Attributes of keys, those of indexes included, with their types."""
    return [(each["AttributeName"], each["AttributeType"]) for each in table["AttributeDefinitions"]]
