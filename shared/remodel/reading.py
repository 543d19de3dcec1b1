"""Reading: for a batch of old rows, everything that their new rows are computed from, in requests as wide as the API permits.

All reads are strongly consistent. A row joins its groups before the other members are read, and nothing that was read of a
group before a new member joined it is used: so of a row and a change of the other side, at least one sees the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from remodel import index
from remodel.call import Call, index_key
from remodel.errors import RejectedRow
from remodel.index import Parts, SetKey
from remodel.items import Item, size, to_wire
from remodel.joins import Bound, Group
from remodel.keys import Key
from remodel.mapping import NOT_SEEN, Candidates, Image, Parsed, Snapshot, parse, pick, seen
from remodel.model import Plan, Seen

NOTHING = Candidates(None, ())

LIGHT = 8_192
"""Bytes of an item that costs no more than others. A row may be joined with thousands of others: of a heavier one only what is
seen of it is kept."""


def read(call: Call, wanted: Mapping[Key, frozenset[Group]]) -> dict[Key, Snapshot]:
    """A snapshot of each row, without storing anything: for comparisons. `wanted`: the groups in which the row was seen."""
    return Reader(call, joins=False).read(wanted)


class Reader:
    """Reads rows once and, where something was written, again. What is the same as before is not computed again.

    `parsed`: rows as another reader saw them. `joins`: False where nothing may be stored.
    """

    def __init__(self, call: Call, parsed: Mapping[Key, Image] | None = None, joins: bool = True) -> None:
        self._call, self._images, self._joins = call, dict(parsed or {}), joins
        self._last: _Reading | None = None

    def read(self, wanted: Mapping[Key, frozenset[Group]]) -> dict[Key, Snapshot]:
        """A snapshot of each row; `wanted`: the groups in which it was seen. A second time: rows that were read the first time,
        with every group in which they were found."""
        known = self._last.others if self._last is not None else {}
        reading = _Reading(self._call, self._images, wanted, self._joins, known)
        reading.found = reading.snapshots(self._last)
        self._last = reading
        return reading.found


class _Other(NamedTuple):
    """A row of the other side. `item`: as it was read, if it is light; one that is the same is not parsed again."""

    item: Item | None
    seen: Seen


ABSENT = _Other(None, NOT_SEEN)


class _Look(NamedTuple):
    """What was read for a join value: the set of members, if the other rows are found by one, and these rows."""

    set: SetKey | None
    parts: Parts | None
    others: Mapping[Key, _Other]


class _Reading:
    """One reading of a batch. `_own`: its rows. `_items`, `others`: what was read since the last new member joined, also that
    it is absent. `_looks`: by join value, what was read for it. `_can_repeat`: whether a later reading can be compared with it.
    `_known`: other rows as the reading before this one saw them."""

    def __init__(
        self,
        call: Call,
        images: dict[Key, Image],
        wanted: Mapping[Key, frozenset[Group]],
        may_store: bool,
        known: Mapping[Key, _Other],
    ) -> None:
        self._call, self._model, self._images = call, call.model, images
        self._wanted, self._may_store, self._known = wanted, may_store, known
        self._items: dict[Key, Item | None] = {}
        self.others: dict[Key, _Other] = {}
        self._sets: dict[SetKey, Parts] = {}
        self._looks: dict[tuple[Bound, Group], _Look] = {}
        self._can_repeat = False
        self.found: dict[Key, Snapshot] = {}
        self._candidates: dict[tuple[Bound, Group], Candidates] = {}
        self._plans = {key: self._plan(key) for key in wanted}
        self._joins: dict[Key, dict[Bound, Group | None]] = {key: {} for key in wanted}
        self._groups: dict[Key, set[Group]] = {key: set() for key in wanted}

    def snapshots(self, before: _Reading | None) -> dict[Key, Snapshot]:
        """What was read before is read again in one request; if it is the same, nothing else has to be done."""
        looks = before._looks_for(self._wanted) if before is not None else []
        others = [key for each in looks for key in each.others]
        self._fetch([*self._wanted, *(each.part(0) for each in self._set_keys())], others)
        self._own = {key: self._items[key] for key in self._wanted}
        if before is not None and before._can_repeat and self._is_as(before, looks):
            return {key: before.found[key] for key in self._wanted}
        self._can_repeat = True
        self._rows = {key: self._parse(key, item) for key, item in self._own.items()}
        for level in range(1 + max((join.level for join in self._receives()), default=0)):
            self._read_level(level)
        return {key: self._snapshot(key) for key in self._wanted}

    def _looks_for(self, rows: Iterable[Key]) -> list[_Look]:
        asked = dict.fromkeys((join, group) for key in rows for join, group in self._joins[key].items() if group)
        return [self._looks[each] for each in asked if each in self._looks]

    def _is_as(self, before: _Reading, looks: Iterable[_Look]) -> bool:
        """Whether everything that was read of these rows before is the same now."""
        self._sets = index.read_sets(self._call, self._set_keys(), self._items)
        return (
            all(before._own[key] == item for key, item in self._own.items())
            and all(before._sets.get(each) == parts for each, parts in self._sets.items())
            and all(each.set is None or self._sets.get(each.set) == each.parts for each in looks)
            and all(self.others[key].seen == other.seen for each in looks for key, other in each.others.items())
        )

    def _set_keys(self) -> list[SetKey]:
        """The sets from which the rows receive, of every group in which they are or were seen."""
        seen: dict[Plan, set[Group]] = {}
        for key, plan in self._plans.items():
            if plan is not None:
                seen.setdefault(plan, set()).update(self._wanted[key], self._groups[key])
        return [
            SetKey(group, join.kind)
            for plan, groups in seen.items()
            for join in plan.receives
            if not join.by_key
            for group in groups
            if group.name == join.name
        ]

    def _parse(self, key: Key, item: Item | None) -> Parsed:
        known = self._images.get(key)
        if known is None or known.item != item:
            known = self._images[key] = Image(item, parse(self._model, key, item))
        return known.parsed

    def _plan(self, key: Key) -> Plan | None:
        try:
            kind = self._model.kind_of(key)
        except RejectedRow:
            return None
        return self._model.plans[kind] if kind is not None else None

    def _receives(self) -> Iterable[Bound]:
        kinds = {parsed.kind for parsed in self._rows.values() if parsed.row is not None and parsed.kind is not None}
        return [join for kind in kinds for join in self._model.plans[kind].receives]

    def _fetch(self, keys: Iterable[Key], others: Iterable[Key] = ()) -> None:
        """`others`: rows of which only what is seen matters."""
        missing = dict.fromkeys(key for key in keys if key not in self._items)
        asked = dict.fromkeys(key for key in others if key not in self.others)
        unread = dict.fromkeys(key for key in asked if key not in self._items and key not in missing)

        def keep(key: Key, item: Item) -> Any:
            return self._other(key, item) if key in unread else item

        found = self._call.read_as(keep, [*missing, *unread])
        self._items |= {key: found.get(key) for key in missing}
        self.others |= {key: found.get(key, ABSENT) for key in unread}
        self.others |= {key: self._other(key, self._items[key]) for key in asked if key not in unread}

    def _other(self, key: Key, item: Item | None) -> _Other:
        if item is None:
            return ABSENT
        known = self._known.get(key)
        if known is not None and known.item == item:
            return known
        image = self._images.get(key)
        parsed = image.parsed if image is not None and image.item == item else parse(self._model, key, item)
        return _Other(item if size(item) <= LIGHT else None, seen(self._model, parsed))

    def _read_level(self, level: int) -> None:
        """Joins of one level: their values need nothing but the row and the joins of earlier levels."""
        asked: dict[tuple[Bound, Group], Any] = {}
        for key, parsed in list(self._rows.items()):
            if parsed.row is not None:
                asked |= self._values(key, parsed, level)
        if self._may_store:
            self._forget(index.join(self._call, self._groups))
        self._load_sets(asked)
        keys = {(join, group): sorted(self._keys(join, group, value)) for (join, group), value in asked.items()}
        self._fetch((), [member for its_keys in keys.values() for member in its_keys])
        for (join, group), value in asked.items():
            each = None if join.by_key else SetKey(group, join.kind)
            others = {key: self.others[key] for key in keys[join, group]}
            self._looks[join, group] = _Look(each, self._sets[each] if each else None, others)
            self._candidates[join, group] = Candidates(group, _live(join, others, value))

    def _values(self, key: Key, parsed: Parsed, level: int) -> dict[tuple[Bound, Group], Any]:
        assert parsed.kind is not None
        plan, asked = self._model.plans[parsed.kind], {}
        try:
            if level == 0:
                self._groups[key] |= parsed.groups
            for join in plan.receives:
                if join.level != level:
                    continue
                value = (
                    join.value(parsed.row, self._picked(key, join, parsed.row))
                    if join.depends
                    else join.value(parsed.row, {})
                )
                group = join.group(value)
                self._joins[key][join] = group
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
        joined = self._joined(key)
        return {each.label: pick(each, row, joined[each]) for each in join.before}

    def _joined(self, key: Key) -> dict[Bound, Candidates]:
        return {
            join: self._candidates[join, group] if group is not None else NOTHING
            for join, group in self._joins[key].items()
        }

    def _forget(self, groups: frozenset[Group]) -> None:
        """What was read before a new member joined must not be used; a row itself may, but not as another's other side."""
        if groups:
            self._items.clear()
            self.others.clear()
            self._sets.clear()

    def _load_sets(self, asked: Iterable[tuple[Bound, Group]]) -> None:
        wanted = [*(SetKey(group, join.kind) for join, group in asked if not join.by_key), *self._set_keys()]
        needed = [each for each in dict.fromkeys(wanted) if each not in self._sets]
        self._fetch([each.part(0) for each in needed])
        self._sets |= index.read_sets(self._call, needed, self._items)

    def _keys(self, join: Bound, group: Group, value: Any) -> Iterable[Key]:
        if join.by_key:
            other = join.other_key(value)
            return [other] if other else []
        members = self._sets[SetKey(group, join.kind)].keys
        return members | self._not_yet_indexed(join, value) if join.join.index else members

    def _not_yet_indexed(self, join: Bound, value: Any) -> frozenset[Key]:
        """Rows that a global secondary index of the old table finds, as long as the engine's own index is not complete."""
        table = join.kind.table
        if is_complete(self._call, table.name):
            return frozenset()
        assert join.theirs is not None and join.join.index is not None
        self._can_repeat = False
        attribute = join.kind.model_fields[join.theirs].alias or join.theirs
        items = self._call.find(table.name, join.join.index, attribute, to_wire(value))
        return frozenset(Key(table.name, table.schema.encode(item)) for item in items)

    def _snapshot(self, key: Key) -> Snapshot:
        parsed, plan, members = self._rows[key], self._plans[key], {}
        groups = self._wanted[key] | self._groups[key]
        for each in plan.eaches if plan else ():
            keys = [self._sets[SetKey(group, each.kind)].keys for group in groups if group.name == each.name]
            members[each] = keys[0] if len(keys) == 1 else frozenset().union(*keys)
        joined = {} if parsed.row is None else self._joined(key)
        return Snapshot(self._own[key], parsed, joined, members, frozenset(self._groups[key]))


def _live(join: Bound, others: Mapping[Key, _Other], value: Any) -> tuple[tuple[Key, Any], ...]:
    """Of these rows, the accepted ones of the other kind that have the value now."""
    found = ((key, other.seen.get(join.view)) for key, other in others.items())
    return tuple((key, each[1]) for key, each in found if each is not None and each[0] == value)


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
