"""The mapping of a whole world, computed with the engine's pure functions and without its index: each join is a search.

It shows what a model says, whatever the engine makes of it; tests compare it with the oracles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remodel.items import Item
from remodel.joins import Bound
from remodel.keys import Key
from remodel.mapping import Candidates, Expected, Parsed, Snapshot, expected, parse, pick
from remodel.model import Model
from remodel.store import QUARANTINE

World = Mapping[str, Sequence[Item]]


@dataclass
class NewTables:
    """`rows`: by new table and key text, the row of each claimant. `reasons`: by old table and key text of rejected rows."""

    rows: dict[str, dict[str, list[Item]]]
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    unlinked: int = 0
    apart: int = 0
    ambiguous: int = 0
    left_out: int = 0


def new_tables(model: Model, world: World) -> NewTables:
    parsed = {key: parse(model, key, item) for key, item in _items(model, world)}
    result = NewTables({name: {} for name in model.new_tables})
    for key, row in parsed.items():
        found = expected(model, key, _snapshot(model, row, parsed))
        _add(result, key, found)
    return result


def _items(model: Model, world: World) -> list[tuple[Key, Item]]:
    return [(Key(name, model.old_tables[name].schema.encode(item)), item) for name in world for item in world[name]]


def _snapshot(model: Model, row: Parsed, everything: Mapping[Key, Parsed]) -> Snapshot:
    joined: dict[Bound, Candidates] = {}
    if row.row is not None and row.kind is not None:
        for rule in model.plans[row.kind].mappings:
            before: dict[str, Any] = {}
            for join in rule.joins:
                joined[join] = _candidates(join, row.row, before, everything)
                if join.mode != "each":
                    before[join.label] = pick(join, row.row, joined[join])
    return Snapshot({}, row, joined)


def _candidates(join: Bound, row: Any, before: Mapping[str, Any], everything: Mapping[Key, Parsed]) -> Candidates:
    group = join.group(join.value(row, before if join.depends else {}))
    if group is None:
        return Candidates(None, ())
    others = sorted(
        (key, each.row) for key, each in everything.items() if each.kind is join.kind and each.row is not None
    )
    return Candidates(
        group,
        tuple((key, join.seen(other)) for key, other in others if join.group(join.provider_value(other)) == group),
    )


def _add(result: NewTables, key: Key, found: Expected) -> None:
    if found.reason is not None:
        result.reasons[key.table, key.text] = found.reason
    for new, item in found.rows.items():
        if new.table != QUARANTINE:
            result.rows[new.table].setdefault(new.text, []).append(item)
    result.unlinked += found.unlinked
    result.apart += len(found.apart)
    result.ambiguous += found.ambiguous
    result.left_out += found.left_out
