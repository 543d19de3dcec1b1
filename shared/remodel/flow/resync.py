"""After records were lost: the index made to agree with the old tables again, part by part, each row through `sync`.

An old table is gone through row by row: what the index does not have as it is now is synced. The index is gone through entry
by entry: what the old table no longer has, or has in another group, is synced. Nothing else is touched, no version is raised,
and no image from the past is written; so the streams may go on meanwhile. New rows follow, since sync settles; what was lost
between index and new rows is left to the comparison (`flow.diff`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from remodel.core.change import Key
from remodel.core.entry import Entry, entry_from, key_of
from remodel.core.errors import BadRequest
from remodel.core.record import KEY, Good, side
from remodel.core.wire import Item
from remodel.flow import deliver, index
from remodel.flow.backfill import Segment, scan
from remodel.flow.engine import Engine, Patience
from remodel.flow.sync import sync
from remodel.ports import INDEX

PAGE = 300
"""Rows in one page."""


@dataclass(slots=True)
class Resynced:
    """What one call did; the caller calls again with `cursor` until `done`. old: rows, or entries, that were looked at."""

    done: bool = False
    cursor: Item | None = None
    repaired: int = 0
    quarantined: int = 0
    old: dict[str, int] = field(default_factory=dict)


def resync(engine: Engine, segment: Segment, stop_at: float, patience: Patience) -> Resynced:
    """Of an old table, or of the index. Raises BadRequest, TableNotFound, and Unavailable where time does not suffice."""
    if segment.table not in engine.model.every and segment.table != INDEX:
        raise BadRequest(
            f"expected table to be one of {', '.join(engine.model.every)} or {INDEX}, found {segment.table!r}"
        )
    done = Resynced(cursor=segment.cursor)
    count = 0
    while not done.done and (not count or engine.clock.now() < stop_at):
        page = scan(engine, segment, done.cursor, PAGE, patience)
        for key in _wrong(engine, segment.table, page.items, patience):
            synced = sync(engine, key.source, key.id, {key.group} if key.group else (), patience)
            done.repaired += synced.corrected
            done.quarantined += synced.refused is not None
        count += len(page.items)
        done.cursor, done.done = page.next, page.next is None
    done.old = {segment.table: count}
    return done


def _wrong(engine: Engine, table: str, items: Iterable[Item], patience: Patience) -> list[Key]:
    return _entries(engine, items, patience) if table == INDEX else _rows(engine, table, items, patience)


def _rows(engine: Engine, table: str, items: Iterable[Item], patience: Patience) -> list[Key]:
    """The rows of a page that the index has not as they are; refused ones in any case."""
    source = engine.model.every[table]
    sides = {item[KEY]["S"]: side(item, item[KEY]["S"], source) for item in items}
    keys = [Key(row.group or "", source.name, id) for id, row in sides.items()]
    _none, entries = index.look(engine, (), [key for key in keys if isinstance(sides[key.id], Good)], patience)
    return [key for key in keys if not _is_known(sides[key.id], entries.get(key))]


def _is_known(row: object, entry: Entry | None) -> bool:
    return isinstance(row, Good) and entry is not None and entry.kept == row.item


def _entries(engine: Engine, items: Iterable[Item], patience: Patience) -> list[Key]:
    """The live entries of a page whose rows are gone, or in another group."""
    live = [key for item in items if (key := key_of(item)) and _is_live(engine, key, item)]
    wrong = []
    for name in sorted({key.source for key in live}):
        mine = [key for key in live if key.source == name]
        ids = dict.fromkeys(key.id for key in mine)
        found = deliver.read(engine, name, [{KEY: {"S": id}} for id in ids], patience)
        groups = {item[KEY]["S"]: engine.model.every[name].group(item) for item in found}
        wrong += [key for key in mine if groups.get(key.id) != key.group]
    return wrong


def _is_live(engine: Engine, key: Key, item: Item) -> bool:
    """Notes of repairs and of pages stand in the index, too, under names that are no source's."""
    return key.source in engine.model.every and "version" in item and entry_from(item).kept is not None
