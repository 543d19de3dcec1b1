"""Reads of the index: rosters and entries, consistently, a hundred keys a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remodel.core.change import Key
from remodel.core.entry import Entry, entry_from, entry_key, key_of, roster_from, roster_key
from remodel.core.errors import Unavailable
from remodel.core.roster import Roster
from remodel.core.wire import Item
from remodel.flow import deliver
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, Page

Sight = tuple[dict[str, Roster], dict[Key, Entry]]


def look(engine: Engine, groups: Iterable[str], keys: Iterable[Key], patience: Patience) -> Sight:
    """The rosters of these groups (empty where there is none yet), and those of the entries that exist."""
    rosters: dict[str, Roster] = {group: Roster() for group in groups}
    entries: dict[Key, Entry] = {}
    wanted = [roster_key(group) for group in rosters] + [entry_key(key) for key in dict.fromkeys(keys)]
    for item in deliver.read(engine, INDEX, wanted, patience):
        key = key_of(item)
        if key is None:
            rosters[item["group_key"]["S"]] = roster_from(item)
        else:
            entries[key] = entry_from(item)
    return rosters, entries


def pages(engine: Engine, group: str, patience: Patience) -> Iterator[dict[Key, Entry]]:
    """All entries of a group, a page (1 MB) at a time."""
    start: Item | None = None
    while True:
        found = page(engine, group, start, patience)
        yield {key: entry_from(item) for item in found.items if (key := key_of(item)) is not None}
        start = found.next
        if start is None:
            return


def items(engine: Engine, group: str, patience: Patience, prefix: str = "") -> Iterator[Item]:
    """Everything in a group whose name begins so. Raises Unavailable when time is up."""
    start: Item | None = None
    while True:
        found = page(engine, group, start, patience, prefix)
        yield from found.items
        start = found.next
        if start is None:
            return


def page(engine: Engine, group: str, start: Item | None, patience: Patience, prefix: str = "") -> Page:
    """A page of everything in a group whose name begins so. Raises Unavailable when time is up."""
    for _ in patience.tries():
        try:
            return engine.store.query(INDEX, group, start, prefix)
        except Unavailable:
            continue
    raise Unavailable(f"expected a page of group {group!r} of the index, but it was not answered in time: try again")
