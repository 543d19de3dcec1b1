"""The page of a backfill that is being done, by the keys of its rows, so that a killed one is done to its end.

Scanning the page again is not enough: a row that went, or moved, meanwhile is no longer on it, and what the killed call
wrote of it after the stream had passed would stay for ever. So a page is noted in the index before anything of it is
ingested, and whoever goes on with the segment settles what is noted first. One item for a few hundred rows.

A repair leaves a note for the same reason: tried again after its row has gone, nothing else says where it wrote. It closes
the note when it is done, unless another repair of the row may be writing still; a replay takes up those that are open.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from remodel.core.change import Key
from remodel.core.entry import GROUP, NAME, TOMBSTONE_SECONDS
from remodel.core.errors import Unavailable
from remodel.core.wire import Item
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, Condition, Guarded, Outcome

ROWS = 300
"""Keys in one item: at their longest (a group of 900 bytes each) they still fit."""

SURELY_DEAD = 900.0
"""Seconds after its time is up when a call is taken to be dead: as long as any call of Lambda lasts."""

_THERE = Condition("noted", "<", {"N": "9"})


def note(engine: Engine, source: str, segment: int, total: int, keys: Sequence[Key], patience: Patience) -> None:
    """Remembers a page in place of the one before it, which is done. Raises Unavailable."""
    now = {"N": str(int(engine.clock.now()))}
    for n, part in enumerate(deliver.chunks([[key.group, key.id] for key in keys], ROWS)):
        key = {GROUP: {"S": _group(source)}, NAME: {"S": f"{segment}/{total}/{n}"}}
        item: Item = {"noted": {"N": "1"}, "rows": {"B": zlib.compress(json.dumps(part).encode())}, "at": now}
        if _send(engine, [Guarded(INDEX, key, item, _THERE)], patience) == [Outcome.CONDITION_FAILED]:
            _send(engine, [Guarded(INDEX, key, item)], patience)


def noted(engine: Engine, source: str, segment: int, total: int, patience: Patience) -> list[Key]:
    """The rows of pages that were begun and perhaps not finished: of this segment, or of another division of the table."""
    rows = [
        row
        for item in index.items(engine, _group(source), patience)
        if _is(item, segment, total) or _total(item) != total
        for row in json.loads(zlib.decompress(bytes(item["rows"]["B"])))
    ]
    return list(dict.fromkeys(Key(group, source, id) for group, id in rows))


def idle(engine: Engine, source: str, patience: Patience) -> int:
    """Seconds since anybody went on with a segment that was begun and is not done; 0 where there is none."""
    times = [int(item["at"]["N"]) for item in index.items(engine, _group(source), patience) if "at" in item]
    return max(0, int(engine.clock.now()) - max(times)) if times else 0


def forget(engine: Engine, source: str, segment: int, total: int, patience: Patience) -> None:
    """The segment is done. Raises Unavailable."""
    mine = [item for item in index.items(engine, _group(source), patience) if _is(item, segment, total)]
    _send(engine, [Guarded(INDEX, {name: item[name] for name in (GROUP, NAME)}, None) for item in mine], patience)


@dataclass(frozen=True, slots=True)
class Repair:
    """The note of repairs of one row: in which groups they wrote, and until when (seconds) the last may still be writing.

    `until` is 0 where the last one came to its end. `revision` orders the notes of one row; 0 is none at all.
    """

    revision: int = 0
    groups: frozenset[str] = frozenset()
    until: float = 0.0


def noted_repair(engine: Engine, source: str, id: str, patience: Patience) -> Repair:
    items = deliver.read(engine, INDEX, [_repair(source, id)], patience)
    return _repair_from(items[0]) if items else Repair()


def note_repair(engine: Engine, source: str, id: str, known: Repair, note: Repair, patience: Patience) -> bool:
    """Puts a note in the place of the one that is known; False where somebody else has noted meanwhile. Raises Unavailable."""
    # Whole seconds: a note that has been read again equals the one that was written.
    item: Item = {
        "noted": {"N": str(note.revision)},
        "groups": {"L": [{"S": group} for group in sorted(note.groups)]},
        "until": {"N": str(int(note.until))},
        "expires": {"N": str(int(engine.clock.now()) + TOMBSTONE_SECONDS)},
    }
    condition = Condition("noted", "=", {"N": str(known.revision)}) if known.revision else None
    return _send(engine, [Guarded(INDEX, _repair(source, id), item, condition)], patience) == [Outcome.DONE]


def open_repairs(engine: Engine, source: str, patience: Patience) -> dict[str, Repair]:
    """The rows of which a repair was begun and perhaps not finished."""
    notes = {item[NAME]["S"]: _repair_from(item) for item in index.items(engine, _repairs(source), patience)}
    return {id: note for id, note in notes.items() if note.until}


def _repair_from(item: Item) -> Repair:
    groups = frozenset(group["S"] for group in item["groups"]["L"])
    return Repair(int(item["noted"]["N"]), groups, float(item["until"]["N"]))


def _repair(source: str, id: str) -> Item:
    return {GROUP: {"S": _repairs(source)}, NAME: {"S": id}}


def _repairs(source: str) -> str:
    return f"repair\n{source}"


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
