"""Claims: the old rows that a new key may come from. Two old rows can claim one new key; each writes its own row there.

Key forms, and the model's own inverse, name most origins. For a key that is derived by a hash, the origin is searched among the
members of the group of the member that the stored new row names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from remodel import index, mapping, newkeys, reading
from remodel.call import Call, index_key
from remodel.errors import RejectedRow
from remodel.hints import NONE
from remodel.items import Item
from remodel.joins import Group
from remodel.keys import RANGE_LIMIT, Key
from remodel.model import Rule
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
        for rule, member in newkeys.member_origins(call.model, new, item):
            twin = _twin(rule, row, member, new)
            others |= {twin} if twin else set(search(call, rule, member, {new.text}).values())
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
    return newkeys.origins(call.model, new, item) | member_origins(call, new, item)


def member_origins(call: Call, new: Key, item: Item) -> set[Key]:
    """Of them those that have the key as their own, for the member that the stored row names."""
    found = set[Key]()
    for rule, member in newkeys.member_origins(call.model, new, item):
        found |= set(search(call, rule, member, {new.text}).values())
    return found


def _twin(rule: Rule, row: Key, member: Key, new: Key) -> Key | None:
    """The row of the rule's kind that has the same key as this old row, if the new key is its own key for the member. No other
    row of the kind has that own key, so there is nothing to search. In most cases this is the old row itself."""
    assert rule.keys is not None and rule.each is not None
    twin = Key(rule.kind.table.name, row.text)
    try:
        own = rule.keys.own(mapping.fields_of(rule.kind, twin), mapping.fields_of(rule.each.kind, member))
    except (RejectedRow, ValueError):
        return None
    return twin if own == new.text else None


def search(call: Call, rule: Rule, member: Key, texts: set[str]) -> dict[str, Key]:
    """The old rows of a rule that have these keys as their own keys for a member, by key text."""
    assert rule.each is not None and rule.keys is not None
    other = mapping.parse(call.model, member, call.read([member]).get(member))
    group = rule.each.group(rule.each.provider_value(other.row)) if other.row is not None else None
    if group is None:
        return {}
    fields, found = mapping.fields_of(rule.each.kind, member), {}
    for row in _rows(call, rule, group):
        own = rule.keys.own(mapping.fields_of(rule.kind, row), fields)
        if own in texts:
            found[own] = row
    return found


def _rows(call: Call, rule: Rule, group: Group) -> Iterator[Key]:
    start: str | None = None
    while True:
        page = index.member_page(call, group, [rule.kind], start, PAGE)
        yield from page.rows
        if page.next is None:
            return
        start = page.next
