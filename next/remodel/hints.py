"""Hints: the row with this key has, or had, these join values. A stream record says no more than that, and no less.

A scanned row, a note, a queue message and a replayed batch become hints in the same way. Hints of one key merge into one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from remodel.errors import RejectedRow, WrongStream
from remodel.items import Item, from_event
from remodel.joins import Group
from remodel.keys import Key
from remodel.mapping import Parsed, groups_of, parse
from remodel.model import Model

VIEW = "NEW_AND_OLD_IMAGES"

NONE: frozenset[Group] = frozenset()


@dataclass(frozen=True, slots=True)
class Hint:
    """`groups`: in which the row was seen. `now`: those that its newest image shows, to be joined before it is read.
    `spreads`: whether other rows may see the change. `rejected`: whether the row may be in quarantine, because one of its
    images was rejected or is unknown."""

    key: Key
    groups: frozenset[Group] = NONE
    now: frozenset[Group] = NONE
    spreads: bool = True
    rejected: bool = True

    def merged(self, later: Hint) -> Hint:
        spreads, rejected = self.spreads or later.spreads, self.rejected or later.rejected
        return Hint(self.key, self.groups | later.groups, later.now, spreads, rejected)

    def covers(self, other: Hint) -> bool:
        """Whether everything that the other hint leads to follows from this one."""
        return other.groups <= self.groups and self.spreads >= other.spreads and self.rejected >= other.rejected


def merge(hints: Iterable[Hint]) -> dict[Key, Hint]:
    """One hint a key, in the order of the first."""
    merged: dict[Key, Hint] = {}
    for hint in hints:
        known = merged.get(hint.key)
        merged[hint.key] = known.merged(hint) if known else hint
    return merged


def of_row(model: Model, key: Key, item: Item) -> Hint:
    """The hint that a scanned row gives."""
    parsed = parse(model, key, item)
    return Hint(key, _groups(model, parsed, key), _member_groups(model, parsed), True, parsed.row is None)


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """`hint` is None where not even the key can be read. `is_whole`: whether the images that the event names were readable;
    otherwise a group may be unknown, which counts as a gap of the stream."""

    sequence_number: str | None
    hint: Hint | None
    is_whole: bool


_IMAGES = {"INSERT": {"NewImage"}, "MODIFY": {"OldImage", "NewImage"}, "REMOVE": {"OldImage"}}


def read_record(model: Model, table: str, record: Any) -> StreamRecord:
    """Raises WrongStream where the stream does not carry both images; for anything else that a record contains, nothing."""
    body = record.get("dynamodb") if isinstance(record, dict) else None
    if not isinstance(body, dict):
        return StreamRecord(None, None, False)
    if (view := body.get("StreamViewType", VIEW)) != VIEW:
        raise WrongStream(
            f"expected a stream with view type {VIEW}, found {view!r}: switch the table's stream off, then on again with "
            f"{VIEW}, and deploy with its new ARN"
        )
    number = body.get("SequenceNumber")
    sequence_number = number if isinstance(number, str) and number else None
    schema = model.old_tables[table].schema
    try:
        key = Key(table, schema.encode(_decoded(body.get("Keys"))))
        key.text.encode()
    except ValueError:
        return StreamRecord(sequence_number, None, False)
    old, new = (_image(body.get(name)) for name in ("OldImage", "NewImage"))
    found = {name for name, image in (("OldImage", old), ("NewImage", new)) if image is not None}
    is_whole = found == _IMAGES.get(str(record.get("eventName")))
    return StreamRecord(sequence_number, _of_images(model, key, old, new, is_whole), is_whole)


def _of_images(model: Model, key: Key, old: Item | None, new: Item | None, is_whole: bool) -> Hint:
    sides = [parse(model, key, image) for image in (old, new)]
    groups = frozenset().union(*(_groups(model, side, key) for side in sides))
    spreads = not is_whole or _seen(model, sides[0]) != _seen(model, sides[1])
    rejected = not is_whole or any(
        image is not None and side.row is None for image, side in zip((old, new), sides, strict=True)
    )
    return Hint(key, groups, _member_groups(model, sides[1]), spreads, rejected)


def _groups(model: Model, parsed: Parsed, key: Key) -> frozenset[Group]:
    """Also of a row that cannot be read: the groups that its key alone shows."""
    if parsed.row is not None or parsed.kind is None:
        return groups_of(model, parsed)
    by_key = [join for join in model.plans[parsed.kind].provides if join.by_key]
    if not by_key:
        return NONE
    try:
        fields = parsed.kind.fields_of(key)
    except RejectedRow:
        return NONE
    values = tuple(fields[name] for name in parsed.kind.key_fields)
    groups = [join.group(values[0] if len(values) == 1 else values) for join in by_key]
    return frozenset(group for group in groups if group)


def _member_groups(model: Model, parsed: Parsed) -> frozenset[Group]:
    if parsed.row is None or parsed.kind is None:
        return NONE
    return model.plans[parsed.kind].member_groups(parsed.row)


def _seen(model: Model, parsed: Parsed) -> Any:
    if parsed.row is None or parsed.kind is None:
        return None
    return model.plans[parsed.kind].seen_by_others(parsed.row)


_AS_IT_IS = {"S", "N", "BOOL", "NULL", "SS", "NS"}


def _decoded(image: Any) -> Item:
    """Raises ValueError for anything that is no typed item."""
    if not isinstance(image, dict):
        raise ValueError("expected an item, found something else")
    decoded = {}
    for name, value in image.items():
        plain = isinstance(value, dict) and len(value) == 1 and not value.keys().isdisjoint(_AS_IT_IS)
        decoded[name] = value if plain else from_event(value)
    return decoded


def _image(image: Any) -> Item | None:
    try:
        return _decoded(image)
    except (ValueError, RecursionError):
        return None


def pack(hints: Iterable[Hint]) -> bytes:
    """Small: a note holds the hints of a whole batch. Keys and groups only, never a row's content."""
    groups: dict[Group, int] = {}
    rows = []
    for hint in hints:
        numbers = [groups.setdefault(group, len(groups)) for group in sorted(hint.groups)]
        rows.append([hint.key.table, hint.key.text, numbers, int(hint.spreads) + 2 * int(hint.rejected)])
    return zlib.compress(json.dumps([list(groups), rows], separators=(",", ":")).encode(errors="surrogatepass"), 6)


def unpack(packed: bytes) -> list[Hint]:
    """The inverse of `pack`."""
    groups, rows = json.loads(zlib.decompress(packed).decode(errors="surrogatepass"))
    named = [Group(*each) for each in groups]
    return [
        Hint(Key(table, text), frozenset(named[n] for n in numbers), NONE, bool(flags & 1), bool(flags & 2))
        for table, text, numbers, flags in rows
    ]


def by_table(hints: Mapping[Key, Hint]) -> dict[str, int]:
    """How many hints each old table has."""
    counts: dict[str, int] = {}
    for key in hints:
        counts[key.table] = counts.get(key.table, 0) + 1
    return counts
