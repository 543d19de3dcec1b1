"""Claims: the old rows that a new key may come from. Two old rows can claim one new key; each writes its own row there.

Key forms, and the model's own inverse, name most origins. For a key that is derived by a hash, the origin is searched among the
members of the group of the member that the stored new row names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from remodel import index, mapping, newkeys, reading
from remodel.call import Call
from remodel.errors import RejectedRow
from remodel.hints import NONE
from remodel.items import Item
from remodel.joins import Group
from remodel.keys import Key
from remodel.model import Rule

PAGE = 1_000
"""Members that are read at a time."""


def other_origins(call: Call, deleted: Iterable[tuple[Key, Key, Item]]) -> dict[Key, set[Key]]:
    """Of new keys that an old row is about to delete, as (old row, new key, stored row): who else may claim them."""
    found: dict[Key, set[Key]] = {}
    for row, new, item in deleted:
        others = newkeys.origins(call.model, new, item)
        for rule, member in newkeys.member_origins(call.model, new, item):
            twin = _twin(rule, row, member, new)
            others |= {twin} if twin else set(search(call, rule, member, {new.text}).values())
        found.setdefault(new, set()).update(others - {row})
    return found


def expected_by(call: Call, origins: Mapping[Key, set[Key]]) -> set[Key]:
    """Of new keys with the old rows that they may come from: those that one of these expects."""
    rows = {row for each in origins.values() for row in each}
    snapshots = reading.read(call, dict.fromkeys(rows, NONE))
    asked: dict[Key, set[Key]] = {}
    for new, its_rows in origins.items():
        for row in its_rows:
            asked.setdefault(row, set()).add(new)
    expected: set[Key] = set()
    for row, news in asked.items():
        expected |= news & mapping.expected(call.model, row, snapshots[row]).rows.keys()
    return expected


def every_origin(call: Call, new: Key, item: Item) -> set[Key]:
    """The old rows from which a stored new row may come."""
    found = newkeys.origins(call.model, new, item)
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
