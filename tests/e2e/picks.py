"""Which rows the steps of a run take up, of any model: found by what must come of the old rows there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from demo.cast import Cast
from remodel.errors import RejectedRow
from remodel.items import Item
from remodel.keys import Key
from remodel.model import Model
from remodel.newkeys import origins

Old = Mapping[str, Sequence[Item]]
"""All rows of the old tables."""

TRIES = 50


class Seen(NamedTuple):
    """An old row, and the new row of another one that shows it."""

    row: Key
    item: Item
    new: Key


def has_joins(model: Model) -> bool:
    return any(plan.provides for plan in model.plans.values())


def seen(cast: Cast, old: Old) -> Seen | None:
    """The first old row without which a new row that is not its own would be another one, or none."""
    whole = _new(cast, old)
    for row, item in _provided(cast.model, old):
        without = _new(cast, {**old, row.table: [each for each in old[row.table] if each is not item]})
        for new, wanted in whole.items():
            if without.get(new) != wanted and len(wanted) == 1 and row not in origins(cast.model, new, wanted[0]):
                return Seen(row, item, new)
    return None


def arrival(cast: Cast, old: Old) -> tuple[str, Item] | None:
    """An old table, and a row that the application inserts there, of which a new row comes that is not expected yet."""
    before = _new(cast, old).keys()
    for table in filter(cast.model.migrates, reversed(cast.model.order)):
        for row in filter(None, (cast.insert(table) for _ in range(TRIES))):
            if _new(cast, {**old, table: [*old[table], row]}).keys() - before:
                return table, row
    return None


def _new(cast: Cast, old: Old) -> dict[Key, Sequence[Item]]:
    """The new rows that must come of these old rows."""
    expected = cast.expected(old).rows
    return {Key(table, text): rows for table, by_key in expected.items() for text, rows in by_key.items()}


def _provided(model: Model, old: Old) -> Iterator[tuple[Key, Item]]:
    for table in model.order:
        for item in old[table]:
            key = Key(table, model.old_tables[table].schema.encode(item))
            try:
                kind = model.kind_of(key)
            except RejectedRow:
                continue
            if kind and model.plans[kind].provides:
                yield key, item
