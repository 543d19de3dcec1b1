"""Reading: for a batch of old rows, everything that their new rows are computed from, in requests as wide as the API permits.

All reads are strongly consistent. A row joins its groups before the other members are read, and nothing that was read of a
group before a new member joined it is used: so of a row and a change of the other side, at least one sees the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from remodel import index
from remodel.call import Call, index_key
from remodel.errors import RejectedRow
from remodel.index import Parts, SetKey
from remodel.items import Item, to_wire
from remodel.joins import Bound, Group
from remodel.keys import Key
from remodel.mapping import Candidates, Parsed, Snapshot, parse, pick

NOTHING: Candidates = Candidates(None, ())


def read(
    call: Call, wanted: Mapping[Key, frozenset[Group]], known: Mapping[Key, Snapshot] | None = None, joins: bool = True
) -> dict[Key, Snapshot]:
    """A snapshot of each row; `wanted`: the groups in which it was seen. `known`: what was read of them before, so that it can
    be read again in one request. `joins`: False where nothing may be stored (a comparison).
    """
    return _Reading(call, wanted, known or {}, joins).snapshots()


class _Reading:
    """One reading of a batch. `_items`: what was read in it, absent items included."""

    def __init__(
        self, call: Call, wanted: Mapping[Key, frozenset[Group]], known: Mapping[Key, Snapshot], joins: bool
    ) -> None:
        self._call, self._wanted, self._known, self._joins = call, wanted, known, joins
        self._items: dict[Key, Item | None] = {}
        self._sets: dict[SetKey, Parts] = {}
        self._others: dict[Key, Parsed] = {}
        self._candidates: dict[tuple[Bound, Group], tuple[tuple[Key, Any], ...]] = {}
        self._joined: dict[Key, dict[Bound, Candidates]] = {key: {} for key in wanted}
        self._groups: dict[Key, set[Group]] = {key: set() for key in wanted}

    def snapshots(self) -> dict[Key, Snapshot]:
        self._fetch([*self._wanted, *self._ahead()])
        model = self._call.model
        self._rows = {key: parse(model, key, self._items[key]) for key in self._wanted}
        for level in range(1 + max((join.level for join in self._receives()), default=0)):
            self._read_level(level)
        return {key: self._snapshot(key) for key in self._wanted}

    def _ahead(self) -> Iterable[Key]:
        """What is needed as well in all likelihood: the first items of sets, and the rows read before."""
        for key, groups in self._wanted.items():
            for each in self._each_sets(key, groups):
                yield each.part(0)
            for candidates in self._known[key].joined.values() if key in self._known else ():
                yield from (member for member, _ in candidates.rows)
            for members in self._known[key].members.values() if key in self._known else ():
                yield from members

    def _each_sets(self, key: Key, groups: Iterable[Group]) -> Iterable[SetKey]:
        plan = self._plan(key)
        for join in plan.receives if plan else ():
            if not join.by_key:
                yield from (SetKey(group, join.kind) for group in groups if group.name == join.name)

    def _plan(self, key: Key) -> Any:
        try:
            kind = self._call.model.kind_of(key)
        except RejectedRow:
            return None
        return self._call.model.plans[kind] if kind is not None else None

    def _receives(self) -> Iterable[Bound]:
        kinds = {parsed.kind for parsed in self._rows.values() if parsed.row is not None and parsed.kind is not None}
        return [join for kind in kinds for join in self._call.model.plans[kind].receives]

    def _fetch(self, keys: Iterable[Key]) -> None:
        missing = [key for key in dict.fromkeys(keys) if key not in self._items]
        found = self._call.read(missing)
        self._items.update((key, found.get(key)) for key in missing)

    def _read_level(self, level: int) -> None:
        """Joins of one level: their values need nothing but the row and the joins of earlier levels."""
        asked: dict[tuple[Bound, Group], Any] = {}
        for key, parsed in list(self._rows.items()):
            if parsed.row is not None:
                asked |= self._values(key, parsed, level)
        if self._joins:
            self._forget(index.join(self._call, self._groups))
        self._load_sets(asked)
        self._fetch([member for (join, group), value in asked.items() for member in self._keys(join, group, value)])
        for (join, group), value in asked.items():
            self._candidates[join, group] = self._live(join, group, value)
        for joined in self._joined.values():
            for join, candidates in joined.items():
                if candidates.group is not None and (join, candidates.group) in asked:
                    joined[join] = Candidates(candidates.group, self._candidates[join, candidates.group])

    def _values(self, key: Key, parsed: Parsed, level: int) -> dict[tuple[Bound, Group], Any]:
        assert parsed.kind is not None
        plan, asked = self._call.model.plans[parsed.kind], {}
        try:
            if level == 0:
                self._groups[key] |= plan.member_groups(parsed.row)
            for join in plan.receives:
                if join.level != level:
                    continue
                value = (
                    join.value(parsed.row, self._picked(key, join, parsed.row))
                    if join.depends
                    else join.value(parsed.row, {})
                )
                group = join.group(value)
                self._joined[key][join] = Candidates(group, ())
                if group is not None:
                    self._groups[key].add(group)
                    asked[join, group] = value
        except Exception as problem:
            reason = (
                str(problem)
                if isinstance(problem, RejectedRow | ValueError)
                else f"a join raised {type(problem).__name__}"
            )
            self._rows[key] = Parsed(parsed.kind, None, reason)
            return {}
        return asked

    def _picked(self, key: Key, join: Bound, row: Any) -> dict[str, Any]:
        """The rows of the joins before this one, in the same mapping."""
        return {each.label: pick(each, row, self._joined[key][each]) for each in join.before}

    def _forget(self, groups: frozenset[Group]) -> None:
        """What was read before a new member joined must not be used; the rows themselves may."""
        if groups:
            self._items = {key: item for key, item in self._items.items() if key in self._wanted}
            self._others.clear()
            self._sets.clear()
            self._candidates.clear()

    def _load_sets(self, asked: Iterable[tuple[Bound, Group]]) -> None:
        needed = {SetKey(group, join.kind) for join, group in asked if not join.by_key}
        for key, groups in self._wanted.items():
            needed.update(self._each_sets(key, groups | self._groups[key]))
        needed -= self._sets.keys()
        self._fetch([each.part(0) for each in needed])
        first = {key: item for key, item in self._items.items() if item is not None}
        self._sets.update(index.read_sets(self._call, needed, first))

    def _keys(self, join: Bound, group: Group, value: Any) -> Iterable[Key]:
        if join.by_key:
            other = join.other_key(value)
            return [other] if other else []
        members = self._sets[SetKey(group, join.kind)].keys(join.kind)
        return members | self._not_yet_indexed(join, value) if join.join.index else members

    def _not_yet_indexed(self, join: Bound, value: Any) -> frozenset[Key]:
        """Rows that a global secondary index of the old table finds, as long as the engine's own index is not complete."""
        table = join.kind.table
        if is_complete(self._call, table.name):
            return frozenset()
        assert join.theirs is not None and join.join.index is not None
        attribute = join.kind.model_fields[join.theirs].alias or join.theirs
        items = self._call.find(table.name, join.join.index, attribute, to_wire(value))
        return frozenset(Key(table.name, table.schema.encode(item)) for item in items)

    def _live(self, join: Bound, group: Group, value: Any) -> tuple[tuple[Key, Any], ...]:
        """The accepted rows of the other kind that have the value now, in order of their keys."""
        live = []
        for key in sorted(self._keys(join, group, value)):
            parsed = self._other(key)
            if parsed.row is not None and parsed.kind is join.kind and join.provider_value(parsed.row) == value:
                live.append((key, join.seen(parsed.row)))
        return tuple(live)

    def _other(self, key: Key) -> Parsed:
        if key not in self._others:
            self._others[key] = parse(self._call.model, key, self._items.get(key))
        return self._others[key]

    def _snapshot(self, key: Key) -> Snapshot:
        parsed = self._rows[key]
        if parsed.row is None:
            self._joined[key] = {}
        members: dict[Bound, frozenset[Key]] = {}
        plan = self._plan(key)
        for rule in plan.mappings if plan else ():
            if rule.each is not None:
                groups = {group for group in {*self._wanted[key], *self._groups[key]} if group.name == rule.each.name}
                sets = [self._sets[SetKey(group, rule.each.kind)] for group in groups]
                members[rule.each] = frozenset().union(*(each.keys(rule.each.kind) for each in sets))
        return Snapshot(self._items[key], parsed, self._joined[key], members, frozenset(self._groups[key]))


def is_complete(call: Call, table: str) -> bool:
    """Whether the engine's index has every row of an old table: its stream is connected and it was scanned once."""
    if table not in call.place.live:
        return False
    if table not in call.complete:
        marker = complete_marker(table)
        call.complete[table] = marker in call.read([marker])
    return call.complete[table]


def complete_marker(table: str) -> Key:
    return index_key("complete", table)
