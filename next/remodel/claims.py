"""Claims: the old rows that a new key may come from. Two old rows can claim one new key; each writes its own row there.

Key forms, and the model's own inverse, name most origins. For a key that is derived by a hash, the origin is searched among the
members of the group of the member that the stored new row names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remodel import index, mapping
from remodel.call import Call
from remodel.items import Item
from remodel.joins import Group
from remodel.keys import Key
from remodel.model import Rule

PAGE = 1_000
"""Members that are read at a time."""


def other_origins(call: Call, deleted: Iterable[tuple[Key, Key, Item]]) -> set[Key]:
    """Of new keys that an old row is about to delete, as (old row, new key, stored row): who else may claim them."""
    found: set[Key] = set()
    for row, new, item in deleted:
        found |= mapping.origins(call.model, new, item) - {row}
        for rule, member in mapping.member_origins(call.model, new, item):
            if not _is_own(rule, row, member, new):
                found |= set(search(call, rule, member, {new.text}).values()) - {row}
    return found


def every_origin(call: Call, new: Key, item: Item) -> set[Key]:
    """The old rows from which a stored new row may come."""
    found = mapping.origins(call.model, new, item)
    for rule, member in mapping.member_origins(call.model, new, item):
        found |= set(search(call, rule, member, {new.text}).values())
    return found


def _is_own(rule: Rule, row: Key, member: Key, new: Key) -> bool:
    """Whether the stored row is the one that this old row has for the member: the common case, and nothing to search."""
    if rule.keys is None or row.table != rule.kind.table.name:
        return False
    own = (
        rule.keys.own(mapping.fields_of(rule.kind, row), mapping.fields_of(rule.each.kind, member)) if rule.each else ""
    )
    return own == new.text


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
