"""Hints: the row with this key has, or had, these join values. A stream record says no more than that, and no less.

A scanned row, a note, a queue message and a replayed batch become hints in the same way. Hints of one key merge into one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from remodel.errors import WrongStream
from remodel.items import Item, item_from_event
from remodel.joins import Group
from remodel.keys import Key
from remodel.mapping import Image, Parsed, parse, seen
from remodel.model import Model

VIEW = "NEW_AND_OLD_IMAGES"

NONE: frozenset[Group] = frozenset()


@dataclass(frozen=True, slots=True)
class Hint:
    """`groups`: in which the row was seen. `spreads`: whether other rows may see the change. `rejected`: whether the row may be
    in quarantine, because one of its images was rejected or is unknown. `image`: the newest; it saves parsing where the row is
    still the same. `is_new`: whether the first image is that of a new row: no member of its groups yet, in all likelihood, and
    not in quarantine."""

    key: Key
    groups: frozenset[Group] = NONE
    spreads: bool = True
    rejected: bool = True
    image: Image | None = field(default=None, compare=False, repr=False)
    is_new: bool = field(default=False, compare=False, repr=False)

    @property
    def now(self) -> frozenset[Group]:
        """The groups that the newest image shows, to be joined before the row is read."""
        return self.image.parsed.groups if self.image else NONE

    def merged(self, later: Hint) -> Hint:
        spreads, rejected = self.spreads or later.spreads, self.rejected or later.rejected
        return Hint(self.key, self.groups | later.groups, spreads, rejected, later.image or self.image, self.is_new)

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
    return Hint(key, parsed.groups | _of_key(model, key, parsed), True, parsed.row is None, Image(item, parsed), True)


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """`hint` is None where not even the key can be read. `is_whole`: whether the images that the event names were readable;
    otherwise a group may be unknown, which counts as a gap of the stream."""

    sequence_number: str | None
    hint: Hint | None
    is_whole: bool


_IMAGES = {"INSERT": (False, True), "MODIFY": (True, True), "REMOVE": (True, False)}
"""Whether an event has an old image, and a new one."""


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
        key = Key(table, schema.possible(item_from_event(body.get("Keys"))))
    except (ValueError, RecursionError):
        return StreamRecord(sequence_number, None, False)
    old, new = _image(body.get("OldImage")), _image(body.get("NewImage"))
    is_whole = _IMAGES.get(str(record.get("eventName"))) == (old is not None, new is not None)
    return StreamRecord(sequence_number, _of_images(model, key, old, new, is_whole), is_whole)


def _of_images(model: Model, key: Key, old: Item | None, new: Item | None, is_whole: bool) -> Hint:
    before, now = parse(model, key, old), parse(model, key, new)
    groups = before.groups | now.groups | _of_key(model, key, now)
    spreads = not is_whole or seen(model, before) != seen(model, now)
    rejected = not is_whole or (old is not None and before.row is None) or (new is not None and now.row is None)
    return Hint(key, groups, spreads, rejected, Image(new, now), old is None)


def _of_key(model: Model, key: Key, parsed: Parsed) -> frozenset[Group]:
    """The groups that the key alone shows, also of a row that cannot be read."""
    return model.plans[parsed.kind].key_shows(key) if parsed.kind else NONE


def _image(image: Any) -> Item | None:
    """None for anything that is no typed item."""
    try:
        return item_from_event(image)
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
        Hint(Key(table, text), frozenset(named[n] for n in numbers), bool(flags & 1), bool(flags & 2))
        for table, text, numbers, flags in rows
    ]
