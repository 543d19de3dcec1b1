"""The index: which old rows belong to which group. It contains keys only, and members are never removed from it.

Members that other rows need as a whole (those that a join finds) are a set, one item a group and kind, continued in further
items beyond SET_BYTES. Members that only receive changes have a small item each, read page by page.
A member whose row was deleted or has moved leads to no row in this group; it costs one read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from remodel.call import Call, index_key
from remodel.items import Item
from remodel.joins import Group
from remodel.keys import RANGE_LIMIT, Key
from remodel.kinds import Kind
from remodel.mapping import short_text
from remodel.model import Model
from remodel.store import GROUP, INDEX_KEY, NAME, Change, Update

SET_BYTES = 4_096
"""Bytes of keys after which a set goes on in a further item: an ADD is billed for the whole item."""

SAMPLE = 20
"""Of new rows, how many are read to see whether the others have to be."""

ACKNOWLEDGED = 10_000
"""Memberships that a call remembers at most, before it forgets all: a backfill goes through millions."""

ROW, SET = "row/", "set/"


LARGE, LARGE_GROUPS = 1_000, "large"
"""Members from which a group is named to people, and the partition with the names: a change of it costs others time."""


class Size(NamedTuple):
    """The members of a group, and its partition."""

    members: int
    group: str


NO_GROUP = Size(0, "")


class SetKey(NamedTuple):
    group: Group
    kind: type[Kind]

    def part(self, n: int) -> Key:
        return index_key(self.group.key, f"{SET}{self.kind.kind_label}/{n}")


@dataclass(frozen=True)
class Parts:
    """The texts of a set of rows of one table, item by item."""

    table: str
    parts: tuple[frozenset[str], ...]

    @cached_property
    def texts(self) -> frozenset[str]:
        return frozenset().union(*self.parts)

    @cached_property
    def keys(self) -> frozenset[Key]:
        return frozenset(Key(self.table, text) for text in self.texts)


def read_sets(
    call: Call, wanted: Iterable[SetKey], read: Mapping[Key, Item | None] | None = None
) -> dict[SetKey, Parts]:
    """Whole sets, strongly consistent. `read`: first items that were read already, by their keys; absent ones included."""
    keys = {each: each.part(0) for each in wanted}
    first = call.read(keys.values()) if read is None else read
    items = {each: first.get(key) or {} for each, key in keys.items()}
    more = {each: int(item["more"]["N"]) for each, item in items.items() if "more" in item}
    rest = call.read(each.part(n) for each, last in more.items() for n in range(1, last + 1))
    parts = {
        each: (item, *(rest.get(each.part(n)) for n in range(1, more.get(each, 0) + 1))) for each, item in items.items()
    }
    return {each: Parts(each.kind.table.name, tuple(map(_texts, its_parts))) for each, its_parts in parts.items()}


def _texts(item: Item | None) -> frozenset[str]:
    return frozenset(item["keys"]["SS"]) if item and "keys" in item else frozenset()


def join(call: Call, wanted: Mapping[Key, Iterable[Group]], new: frozenset[Key] = frozenset()) -> frozenset[Group]:
    """Makes rows members of groups and waits until that is stored. Answers the groups for which that was not known before:
    what was read of them until now must not be used, even where another call has just made the row a member. `new`: rows that
    are no members yet, in all likelihood.
    """
    missing = [(group, key) for key, groups in wanted.items() for group in groups]
    missing = [each for each in dict.fromkeys(missing) if each not in call.acknowledged]
    if not missing:
        return frozenset()
    sets: dict[SetKey, set[str]] = {}
    items: dict[Key, tuple[Group, Key]] = {}
    for group, key in missing:
        kind = call.model.kind_of(key)
        assert kind is not None, "a row that joins has a kind"
        if group.name in call.model.plans[kind].provider_names:
            sets.setdefault(SetKey(group, kind), set()).add(key.text)
        else:
            items[member_key(group, kind, key)] = (group, key)
    _join_items(call, items, new)
    known = read_sets(call, sets)
    call.all(
        [partial(_extend, call, each, known[each], texts) for each, texts in sets.items() if texts - known[each].texts]
    )
    if len(call.acknowledged) > ACKNOWLEDGED:
        call.acknowledged.clear()
    call.acknowledged.update(missing)
    return frozenset(group for group, _ in missing)


def _join_items(call: Call, items: Mapping[Key, tuple[Group, Key]], new: frozenset[Key]) -> None:
    # Members are never removed: a stale read can only miss one, and then the put is repeated. So it is where a new row is a
    # member already, because its batch is delivered again: then the sample most probably shows it.
    doubtful = [key for key, (_, row) in items.items() if row in new]
    sample = doubtful[:: len(doubtful) // SAMPLE + 1]
    there = call.read([*(key for key, (_, row) in items.items() if row not in new), *sample], consistent=False)
    if not there.keys().isdisjoint(sample):
        there |= call.read(doubtful, consistent=False)
    call.write_index(
        Change(key, _member_item(key, group, row)) for key, (group, row) in items.items() if key not in there
    )


def _member_item(key: Key, group: Group, row: Key) -> Item:
    item: Item = INDEX_KEY.decode(key.text) | _value(group)
    return item if item[NAME]["S"].endswith(f"/{row.text}") else item | {"row": {"S": row.text}}


def _value(group: Group) -> Item:
    """The value, where the group's key holds only its hash."""
    return {} if group.key == f"{group.name}={group.value}" else {"value": {"S": group.value}}


def _extend(call: Call, each: SetKey, known: Parts, wanted: set[str]) -> None:
    """ADD is atomic and idempotent; two calls that extend a set at the same time both succeed."""
    n, room = len(known.parts) - 1, SET_BYTES - sum(map(_bytes, known.parts[-1]))
    chunk: list[str] = []
    for text in sorted(wanted - known.texts):
        if room - _bytes(text) < 0 and (chunk or known.parts[-1]):
            _add(call, each, n, chunk)
            n, room, chunk = n + 1, SET_BYTES, []
        chunk.append(text)
        room -= _bytes(text)
    _add(call, each, n, chunk)


def _add(call: Call, each: SetKey, n: int, texts: list[str]) -> None:
    if not texts:
        return
    if n:
        # Readers learn of the further item before it has members: from then on none of them can be overlooked.
        call.update(Update(each.part(0), put={"more": {"N": str(n)}} | _value(each.group), below=("more", n)))
    call.update(Update(each.part(n), add={"keys": {"SS": texts}}, put=_value(each.group)))


def _bytes(text: str) -> int:
    return len(text.encode()) + 3


def member_key(group: Group, kind: type[Kind], row: Key) -> Key:
    prefix = f"{ROW}{kind.kind_label}/"
    return index_key(group.key, prefix + short_text(row.text, RANGE_LIMIT - len(prefix.encode())))


class Members(NamedTuple):
    """What one item of the index says: the rows of a kind that are members of a group."""

    group: Group
    kind: type[Kind]
    rows: tuple[Key, ...]


def members_of(model: Model, items: Iterable[Item]) -> Iterator[Members]:
    """Of the items that are memberships: others are notes, fan-outs, and the like."""
    for item in items:
        name = item[NAME]["S"]
        label, _, rest = name[len(ROW) :].partition("/")
        if not name.startswith((ROW, SET)) or (kind := model.kinds.get(label)) is None:
            continue
        texts = _texts(item) if name.startswith(SET) else [item["row"]["S"] if "row" in item else rest]
        # A group's name has neither `=` nor `#`: the first of them says whether the value stands in the key.
        group, _, value = item[GROUP]["S"].partition("#" if "value" in item else "=")
        value = item["value"]["S"] if "value" in item else value
        yield Members(Group(group, value), kind, tuple(Key(kind.table.name, text) for text in sorted(texts)))


class MemberPage(NamedTuple):
    rows: list[Key]
    next: str | None


def member_page(call: Call, group: Group, kinds: Iterable[type[Kind]], start: str | None, limit: int) -> MemberPage:
    """Members of a group that have an item each, of these kinds; strongly consistent."""
    wanted, page = set(kinds), call.query(group.key, ROW, start, limit)
    found = members_of(call.model, page.items)
    return MemberPage([row for each in found if each.kind in wanted for row in each.rows], page.next)


def name_large(call: Call, size: Size) -> None:
    """Remembers a group that is large, for `large_groups`. Raises Unavailable."""
    if size.members >= LARGE:
        key = index_key(LARGE_GROUPS, short_text(size.group))
        facts = {"members": {"N": str(size.members)}, "of": {"S": size.group}}
        call.write_index([Change(key, {**INDEX_KEY.decode(key.text), **facts})])


def large_groups(call: Call) -> list[Size]:
    """The groups that were large when a row of theirs changed, the largest first."""
    return sorted((Size(int(item["members"]["N"]), item["of"]["S"]) for item in call.items(LARGE_GROUPS)), reverse=True)
