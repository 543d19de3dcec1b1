"""What the product makes of an old row beside these links: its own mapping, without a table to read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from measures.model import MODEL
from measures.old import Link
from remodel import mapping
from remodel.items import Item
from remodel.joins import Bound, Group
from remodel.keys import Key
from remodel.mapping import Candidates, Parsed, Snapshot

NOTHING = Candidates(None, ())


def key_of(table: str, row: Item) -> Key:
    return Key(table, MODEL.old_tables[table].schema.encode(row))


def groups_of(table: str, row: Item) -> set[Group]:
    """The groups that a row is a member of, where neither measures nor people are known."""
    parsed = _parsed(table, row)
    assert parsed.kind is not None
    joins = MODEL.plans[parsed.kind].receives
    found = {join.group(join.value(parsed.row, {each.label: None for each in join.before})) for join in joins}
    return {group for group in found if group} | parsed.groups


def new_rows(table: str, row: Item, links: Iterable[Item]) -> Mapping[Key, Item]:
    """`links`: of the row's measure."""
    parsed = _parsed(table, row)
    assert parsed.kind is not None
    other = {key_of("links", each): _parsed("links", each).row for each in links}
    joined = {
        join: _candidates(join, other) if join.kind is Link else NOTHING
        for rule in MODEL.plans[parsed.kind].mappings
        for join in rule.joins
    }
    return mapping.expected(MODEL, key_of(table, row), Snapshot(row, parsed, joined)).rows


def _candidates(join: Bound, links: Mapping[Key, object]) -> Candidates:
    return Candidates(None, tuple((key, join.seen(links[key])) for key in sorted(links)))


def _parsed(table: str, row: Item) -> Parsed:
    return mapping.parse(MODEL, key_of(table, row), row)
