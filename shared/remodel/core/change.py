"""A batch becomes changes: one per old row and group, the newest that counts.

A row that moved to another group is a removal there and an insertion here. A refused row changes nothing: what an
earlier, good version of it produced stays until it is mended or removed, and the groups in which that version may live
are remembered with the refusal, since nothing else will ever name them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from remodel.core.model import Facts, Source
from remodel.core.record import Bad, Good, Understood
from remodel.core.wire import Item


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """An old row in a group of the index."""

    group: str
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Change:
    """What the index is asked to take.

    row, item: the row now and what the index keeps of it; both None for a removal.
    last: for a removal, the row as it was, where that is known.
    created: the row was not in this group before, so the index is likely to know nothing of it.
    clean: nothing that an earlier change of this row wrote can need deleting, as far as the batch can tell.
    alone: from a stream, whose shard hands over the changes of one item one at a time.
    """

    key: Key
    version: str
    row: Any = None
    item: Item | None = None
    last: Any = None
    created: bool = False
    clean: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """An old row that goes to quarantine. `groups`: where it is, or where an earlier, good version of it may be held."""

    source: str
    id: str
    version: str
    reason: str
    image: Any
    groups: frozenset[str] = frozenset()


@dataclass(slots=True)
class Intake:
    """All that a batch says of one old row. `mended`: a refused version of it went before, perhaps in another batch."""

    id: str
    changes: list[Change] = field(default_factory=list)
    refusal: Refusal | None = None
    mended: bool = False


def fold(source: Source, id: str, records: Sequence[Understood]) -> Intake:
    """The records of one old row, in stream order, as one intake.

    A looked-up row changes all the time in what no link looks at; such a record is no change.
    """
    if source.is_lookup and all(_same_kept(record) for record in records):
        return Intake(id)
    count = max((n for n, record in enumerate(records, 1) if not isinstance(record.new, Bad)), default=0)
    intake = Intake(id)
    if count:
        intake.changes = _changes(source, records[:count])
        intake.mended = any(isinstance(side, Bad) for record in records[:count] for side in (record.old, record.new))
    if count < len(records):
        last = records[-1]
        assert isinstance(last.new, Bad)
        left = _groups(side for record in records[count:] for side in (record.old, record.new))
        intake.refusal = Refusal(source.name, id, last.version, last.new.reason, last.new.image, frozenset(left))
    return intake


def _changes(source: Source, records: Sequence[Understood]) -> list[Change]:
    last = records[-1]
    clean = len(records) == 1 and not isinstance(last.old, Bad) and _same_pairing(source, last)
    groups = _groups(side for record in records for side in (record.old, record.new))
    changes = []
    if isinstance(last.new, Good):
        groups.discard(last.new.group)
        key = Key(last.new.group, source.name, last.id)
        created = not isinstance(last.old, Good) or last.old.group != key.group
        changes.append(Change(key, last.version, last.new.row, last.new.item, None, created, clean, alone=True))
    was = last.old.row if isinstance(last.old, Good) else None
    if not source.accepts(last.id):
        return changes
    return changes + [
        Change(Key(group, source.name, last.id), last.version, last=was, clean=clean and was is not None, alone=True)
        for group in sorted(groups)
    ]


def _same_pairing(source: Source, record: Understood) -> bool:
    """Whether the row pairs with its group's links as it did before; a moved row leaves no pair behind to compare."""
    old, new = record.old, record.new
    if not isinstance(old, Good) or not isinstance(new, Good) or old.group != new.group or source.is_link:
        return True
    before: Facts = source.facts(old.row)
    return before == source.facts(new.row)


def _same_kept(record: Understood) -> bool:
    old, new = record.old, record.new
    return isinstance(old, Good) and isinstance(new, Good) and old.item == new.item


def _groups(sides: Iterable[Any]) -> set[str]:
    return {side.group for side in sides if side is not None and side.group is not None}
