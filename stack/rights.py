"""What the function on a stream must be allowed, as it follows from a model: which tables it reads and writes for its rows.

A change of a row touches the row itself and each row that is joined with it; chains of joins are not followed.
"""

from __future__ import annotations

from remodel.kinds import Kind
from remodel.model import Model


def writes(model: Model, source: str) -> list[str]:
    """The new tables of the rows of an old table, and of the rows that see them."""
    found = [rule.table.name for kind in _affected(model, source) for rule in model.plans[kind].mappings]
    return [name for name in model.new_tables if name in found]


def reads(model: Model, new: str) -> list[str]:
    """The old tables that a new row is computed from, and those whose rows may claim its key."""
    rules = [rule for rule in model.mappings if rule.table.name == new]
    kinds = [kind for rule in rules for kind in (rule.kind, *(join.kind for join in rule.joins))]
    return [name for name in model.old_tables if any(kind.table.name == name for kind in kinds)]


def indexes(model: Model, new: str) -> list[tuple[str, str]]:
    """Old tables, each with a secondary index in which rows are looked up for a new row."""
    joins = [join for rule in model.mappings if rule.table.name == new for join in rule.joins]
    return list(dict.fromkeys((join.kind.table.name, join.join.index) for join in joins if join.join.index))


def is_contested(model: Model, new: str) -> bool:
    """Whether a row of the table is put under a condition: its key is shared, and may be another one's own."""
    return any(rule.keys is not None for rule in model.mappings if rule.table.name == new)


def provides(model: Model, source: str) -> bool:
    """Whether others see its rows, so that a change may become a pending fan-out."""
    return any(model.plans[kind].provides for kind in model.old_tables[source].kinds)


def _affected(model: Model, source: str) -> list[type[Kind]]:
    """Its own kinds, and those whose rows see rows of these."""
    own = model.old_tables[source].kinds
    return [
        kind for kind, plan in model.plans.items() if kind in own or any(join.kind in own for join in plan.receives)
    ]
