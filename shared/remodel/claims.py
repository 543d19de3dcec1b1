"""Claims: the old rows that a new key may come from. Two old rows can claim one new key; each writes its own row there.

Key forms, and the model's own inverse, name most origins. For a key that is derived by a hash, the origin is searched among the
members of the group of the member that the stored new row names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from remodel import index, mapping, newkeys, reading
from remodel.call import Call, index_key
from remodel.hints import NONE
from remodel.items import Item
from remodel.joins import Group
from remodel.keys import RANGE_LIMIT, Key
from remodel.model import Model, Rule, Seen
from remodel.store import Update

PAGE = 1_000
"""Members that are read at a time."""

CLAIMS = "claims"
"""The partitions of contested keys: the shared key of one row that has the form of an own key of another."""


def other_origins(call: Call, deleted: Iterable[tuple[Key, Key, Item]]) -> dict[Key, set[Key]]:
    """Of new keys that an old row is about to delete, as (old row, new key, stored row): who else may claim them."""
    found: dict[Key, set[Key]] = {}
    for row, new, item in deleted:
        others = newkeys.origins(call.model, new, item)
        twins = [_twin(rule, row, member, new) for rule, member in newkeys.member_origins(call.model, new, item)]
        others |= set(filter(None, twins))
        if not all(twins):
            others |= member_origins(call, {new: item})[new]
        found.setdefault(new, set()).update(others - {row})
    contested = {new: row for row, new, _ in deleted if newkeys.is_contested(call.model, row, new)}
    for new, rows in remembered(call, contested).items():
        found[new] |= rows - {contested[new]}
    return found


def remember(call: Call, claimants: Mapping[Key, set[Key]]) -> None:
    """Stores who claims a contested key, before one of them overwrites the other's row: afterwards nothing names the other.
    Raises Unavailable."""
    for new, rows in claimants.items():
        texts = sorted(json.dumps(row) for row in rows)
        call.update(Update(_place(new), add={"rows": {"SS": texts}}))


def remembered(call: Call, contested: Iterable[Key]) -> dict[Key, set[Key]]:
    """Who was seen to claim a contested key."""
    places = {_place(new): new for new in contested}
    items = call.read(places)
    return {places[place]: {Key(*json.loads(text)) for text in item["rows"]["SS"]} for place, item in items.items()}


def _place(new: Key) -> Key:
    return index_key(f"{CLAIMS}/{new.table}", f"key/{mapping.short_text(new.text, RANGE_LIMIT - len('key/'))}")


def expected_by(call: Call, origins: Mapping[Key, set[Key]]) -> dict[Key, dict[Key, Item]]:
    """Of new keys with the old rows that they may come from: those that some of these expect, and what each expects there."""
    rows = {row for each in origins.values() for row in each}
    snapshots = reading.read(call, dict.fromkeys(rows, NONE))
    asked: dict[Key, set[Key]] = {}
    for new, its_rows in origins.items():
        for row in its_rows:
            asked.setdefault(row, set()).add(new)
    expected: dict[Key, dict[Key, Item]] = {}
    for row, news in asked.items():
        want = mapping.expected(call.model, row, snapshots[row]).rows
        for new in news & want.keys():
            expected.setdefault(new, {})[row] = want[new]
    return expected


def every_origin(call: Call, new: Key, item: Item) -> set[Key]:
    """The old rows from which a stored new row may come."""
    return newkeys.origins(call.model, new, item) | member_origins(call, {new: item})[new]


def member_origins(call: Call, stored: Mapping[Key, Item]) -> dict[Key, set[Key]]:
    """Of stored new rows, the old rows that have the key as their own, for the member that the new row names."""
    found: dict[Key, set[Key]] = {new: set() for new in stored}
    wanted: dict[tuple[Rule, Key], set[str]] = {}
    for new, item in stored.items():
        for search in newkeys.member_origins(call.model, new, item):
            wanted.setdefault(search, set()).add(new.text)
    views = call.read_as(partial(_view, call.model), [member for _, member in wanted])
    groups: dict[Group, list[tuple[Rule, Key]]] = {}
    for rule, member in wanted:
        seen = views.get(member, mapping.NOT_SEEN).get(rule.each.view) if rule.each is not None else None
        if rule.each is not None and seen is not None and (group := rule.each.group(seen[0])) is not None:
            groups.setdefault(group, []).append((rule, member))
    for group, searches in groups.items():  # each is read once for all of them
        for members in _members(call, group):
            for rule, member in searches:
                for text, row in _own_keys(rule, member, members) if members.kind is rule.kind else ():
                    if text in wanted[rule, member]:
                        found[Key(rule.table.name, text)].add(row)
    return found


def _view(model: Model, key: Key, item: Item) -> Seen:
    return mapping.seen(model, mapping.parse(model, key, item))


def _twin(rule: Rule, row: Key, member: Key, new: Key) -> Key | None:
    """The row of the rule's kind that has the same key as this old row, if the new key is its own key for the member. No other
    row of the kind has that own key, so there is nothing to search. In most cases this is the old row itself."""
    assert rule.keys is not None and rule.each is not None
    twin = Key(rule.kind.table.name, row.text)
    try:
        own = rule.keys.own(mapping.fields_of(rule.kind, twin), mapping.fields_of(rule.each.kind, member))
    except ValueError:
        return None
    return twin if own == new.text else None


def _members(call: Call, group: Group) -> Iterator[index.Members]:
    start: str | None = None
    while True:
        page = call.query(group.key, index.ROW, start, PAGE)
        yield from index.members_of(call.model, page.items)
        if page.next is None:
            return
        start = page.next


def _own_keys(rule: Rule, member: Key, members: index.Members) -> Iterator[tuple[str, Key]]:
    assert rule.each is not None and rule.keys is not None
    fields = mapping.fields_of(rule.each.kind, member)
    return ((rule.keys.own(mapping.fields_of(rule.kind, row), fields), row) for row in members.rows)
