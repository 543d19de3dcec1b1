"""Segments: work on a whole table is divided into parts, and the index says how far each part is.

A caller keeps the cursor of a segment itself, or names a run. In a run the function stores how far each segment is and goes on
from there. So everybody who drives a run, and everybody who asks about it, sees the same state.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from remodel.call import Call, index_key
from remodel.items import Item
from remodel.keys import Key
from remodel.store import GROUP, NAME, Change


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment `number` of `total` of a table, from `cursor` on: the text of the last key that is done."""

    table: str
    number: int
    total: int
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is with a segment. `counts`: sums over all its calls. `at`: when it last advanced, in seconds since the
    epoch."""

    segment: Segment
    done: bool = False
    counts: Mapping[str, float] = field(default_factory=dict)
    at: float = 0.0

    @property
    def table(self) -> str:
        return self.segment.table


def progress(call: Call, run: str, table: str = "") -> list[Progress]:
    """Of every segment that the run has begun, of one table or of all."""
    return [_progress(item) for item in call.items(_partition(run), f"{table}/" if table else "")]


def standing(call: Call, run: str, segment: Segment) -> Progress:
    """How far the run is with this segment; not begun, it stands where the caller says."""
    key = _key(run, segment)
    item = call.read([key]).get(key)
    return _progress(item) if item else Progress(segment)


def unfinished(call: Call, run: str, table: str, total: int) -> list[Progress]:
    """The segments of a table that are not done. A table that was begun keeps its division; otherwise it gets `total`."""
    divisions: dict[int, dict[int, Progress]] = {}
    for each in progress(call, run, table):
        divisions.setdefault(each.segment.total, {})[each.segment.number] = each
    latest = max(divisions.values(), key=_latest, default={})
    total = next(iter(latest.values())).segment.total if latest else total
    every = [latest.get(n, Progress(Segment(table, n, total))) for n in range(total)]
    return [each for each in every if not each.done]


def _latest(division: Mapping[int, Progress]) -> float:
    return max(each.at for each in division.values())


def advance(call: Call, run: str, before: Progress, cursor: str | None, counts: Mapping[str, float]) -> Progress:
    """Stores what one call added; without a cursor the segment is done."""
    one = before.segment
    segment = Segment(one.table, one.number, one.total, cursor)
    sums = {name: before.counts.get(name, 0) + counts.get(name, 0) for name in {**before.counts, **counts}}
    now = Progress(segment, cursor is None, sums, call.now())
    call.write_index([Change(_key(run, segment), _item(run, now))])
    return now


def forget(call: Call, run: str, tables: Collection[str] = ()) -> None:
    """The run begins these tables again from their first row; all of them where none is named."""
    gone = [each.segment for each in progress(call, run) if not tables or each.table in tables]
    call.write_index(Change(_key(run, segment), None) for segment in gone)


def _partition(run: str) -> str:
    return f"runs/{run}"


def _name(segment: Segment) -> str:
    return f"{segment.table}/{segment.total}/{segment.number}"


def _key(run: str, segment: Segment) -> Key:
    return index_key(_partition(run), _name(segment))


def _item(run: str, found: Progress) -> Item:
    item: Item = {GROUP: {"S": _partition(run)}, NAME: {"S": _name(found.segment)}, "done": {"BOOL": found.done}}
    item |= {"at": {"N": f"{found.at:.3f}"}, "counts": {"S": json.dumps(found.counts)}}
    return item if found.segment.cursor is None else {**item, "cursor": {"S": found.segment.cursor}}


def _progress(item: Item) -> Progress:
    table, total, number = item[NAME]["S"].rsplit("/", 2)
    segment = Segment(table, int(number), int(total), item["cursor"]["S"] if "cursor" in item else None)
    return Progress(segment, item["done"]["BOOL"], json.loads(item["counts"]["S"]), float(item["at"]["N"]))
