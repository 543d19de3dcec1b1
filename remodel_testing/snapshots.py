"""The mapping of a whole world, computed with the engine's own pure functions and without its index: a join is a search.

It shows what a model says, whatever the engine makes of it; tests compare it with the oracles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remodel.items import Item
from remodel.joins import Bound, Group
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


class OldRows:
    """All items of the old tables, parsed."""

    def __init__(self, model: Model, world: World) -> None:
        self.model = model
        self.parsed: dict[Key, Parsed] = {}
        self._groups: dict[Bound, dict[Group, list[tuple[Key, Any]]]] = {}
        for name, items in world.items():
            for item in items:
                key = Key(name, model.old_tables[name].schema.encode(item))
                self.parsed[key] = parse(model, key, item)

    def others(self, join: Bound, group: Group | None) -> list[tuple[Key, Any]]:
        """The accepted rows of the other kind that are in the group, in the order of their keys."""
        if join not in self._groups:
            groups: dict[Group, list[tuple[Key, Any]]] = {}
            self._groups[join] = groups
            for key in sorted(self.parsed):
                kind, row = self.parsed[key][:2]
                if kind is join.kind and row is not None and (found := join.group(join.provider_value(row))):
                    groups.setdefault(found, []).append((key, row))
        return self._groups[join].get(group, []) if group is not None else []

    def snapshot(self, key: Key) -> Snapshot:
        """What the engine would read for the row. Its groups have no members but those that provide now."""
        row = self.parsed[key]
        if row.row is None or row.kind is None:
            return Snapshot({}, row)
        joined: dict[Bound, Candidates] = {}
        for rule in self.model.plans[row.kind].mappings:
            before: dict[str, Any] = {}
            for join in rule.joins:
                group = join.group(join.value(row.row, before if join.depends else {}))
                rows = tuple((other, join.seen(each)) for other, each in self.others(join, group))
                joined[join] = Candidates(group, rows)
                if join.mode != "each":
                    before[join.label] = pick(join, row.row, joined[join])
        members = {
            join: frozenset(key for key, _ in found.rows) for join, found in joined.items() if join.mode == "each"
        }
        groups = [
            *self.model.plans[row.kind].member_groups(row.row),
            *(each.group for each in joined.values() if each.group),
        ]
        return Snapshot({}, row, joined, members, frozenset(groups))


def new_tables(model: Model, world: World) -> NewTables:
    old = OldRows(model, world)
    result = NewTables({name: {} for name in model.new_tables})
    for key in old.parsed:
        _add(result, key, expected(model, key, old.snapshot(key)))
    return result


def _add(result: NewTables, key: Key, found: Expected) -> None:
    for new, item in found.rows.items():
        if new.table == QUARANTINE:
            result.reasons[key.table, key.text] = item["reason"]["S"]
        else:
            result.rows[new.table].setdefault(new.text, []).append(item)
    result.unlinked += found.unlinked
    result.apart += len(found.apart)
    result.ambiguous += found.ambiguous
    result.left_out += found.left_out
