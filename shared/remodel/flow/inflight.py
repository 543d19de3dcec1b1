"""The page of a backfill that is being done, by the keys of its rows, so that a killed one is done to its end.

Scanning the page again is not enough: a row that went, or moved, meanwhile is no longer on it, and what the killed call
wrote of it after the stream had passed would stay for ever. So a page is noted in the index before anything of it is
ingested, and whoever goes on with the segment settles what is noted first. One item for a few hundred rows.

A repair leaves a note for the same reason: tried again after its row has gone, nothing else says where it wrote.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from remodel.core.change import Key
from remodel.core.entry import GROUP, NAME, TOMBSTONE_SECONDS
from remodel.core.errors import Unavailable
from remodel.core.wire import Item
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, Condition, Guarded, Outcome

ROWS = 300
"""Keys in one item: at their longest (a group of 900 bytes each) they still fit."""

_THERE = Condition("noted", "<", {"N": "9"})


def note(engine: Engine, source: str, segment: int, total: int, keys: Sequence[Key], patience: Patience) -> None:
    """Remembers a page in place of the one before it, which is done. Raises Unavailable."""
    for n, part in enumerate(deliver.chunks([[key.group, key.id] for key in keys], ROWS)):
        key = {GROUP: {"S": _group(source)}, NAME: {"S": f"{segment}/{total}/{n}"}}
        item: Item = {"noted": {"N": "1"}, "rows": {"B": zlib.compress(json.dumps(part).encode())}}
        if _send(engine, [Guarded(INDEX, key, item, _THERE)], patience) == [Outcome.CONDITION_FAILED]:
            _send(engine, [Guarded(INDEX, key, item)], patience)


def noted(engine: Engine, source: str, segment: int, total: int, patience: Patience) -> list[Key]:
    """The rows of pages that were begun and perhaps not finished: of this segment, or of another division of the table."""
    rows = [
        row
        for item in _items(engine, source, patience)
        if _is(item, segment, total) or _total(item) != total
        for row in json.loads(zlib.decompress(bytes(item["rows"]["B"])))
    ]
    return list(dict.fromkeys(Key(group, source, id) for group, id in rows))


def forget(engine: Engine, source: str, segment: int, total: int, patience: Patience) -> None:
    """The segment is done. Raises Unavailable."""
    mine = [item for item in _items(engine, source, patience) if _is(item, segment, total)]
    _send(engine, [Guarded(INDEX, {name: item[name] for name in (GROUP, NAME)}, None) for item in mine], patience)


def note_repair(engine: Engine, source: str, id: str, groups: set[str], patience: Patience) -> None:
    """Remembers where a repair is about to write, until tombstones expire. Raises Unavailable."""
    item: Item = {
        "noted": {"N": "1"},
        "groups": {"L": [{"S": group} for group in sorted(groups)]},
        "expires": {"N": str(int(engine.clock.now()) + TOMBSTONE_SECONDS)},
    }
    key = _repair(source, id)
    if _send(engine, [Guarded(INDEX, key, item, _THERE)], patience) == [Outcome.CONDITION_FAILED]:
        _send(engine, [Guarded(INDEX, key, item)], patience)


def noted_repair(engine: Engine, source: str, id: str, patience: Patience) -> set[str]:
    """The groups in which repairs of this row have written, the last of which may not have come to its end."""
    items = deliver.read(engine, INDEX, [_repair(source, id)], patience)
    return {group["S"] for item in items for group in item["groups"]["L"]}


def _repair(source: str, id: str) -> Item:
    return {GROUP: {"S": f"repair\n{source}"}, NAME: {"S": id}}


def _items(engine: Engine, source: str, patience: Patience) -> list[Item]:
    items: list[Item] = []
    start: Item | None = None
    while True:
        page = index.page(engine, _group(source), start, patience)
        items += page.items
        start = page.next
        if start is None:
            return items


def _send(engine: Engine, writes: Sequence[Guarded], patience: Patience) -> list[Outcome]:
    outcomes = deliver.guard(engine, writes, patience)
    if Outcome.AGAIN in outcomes:
        raise Unavailable("expected to note the page of a backfill, but time ran out: call again")
    return outcomes


def _group(source: str) -> str:
    """Not the group of any row: a model's groups hold no line break, and if one did, no row of it has such a name."""
    return f"backfill\n{source}"


def _is(item: Item, segment: int, total: int) -> bool:
    name: str = item[NAME]["S"]
    return name.startswith(f"{segment}/{total}/")


def _total(item: Item) -> int:
    return int(item[NAME]["S"].split("/")[1])
