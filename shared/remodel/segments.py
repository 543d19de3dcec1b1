"""Segments: work on a whole table is divided into parts, and the index says how far each part is.

A caller keeps the cursor of a segment itself, or names a run. In a run the function stores how far each segment is and goes on
from there. So everybody who drives a run, and everybody who asks about it, sees the same state.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from remodel.call import Call, index_key
from remodel.items import Item
from remodel.keys import Key
from remodel.store import INDEX_KEY, NAME, Change, Page


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment `number` of `total` of a table, from `cursor` on: the text of the last key that is done."""

    table: str
    number: int
    total: int
    cursor: str | None = None


@dataclass(slots=True)
class Walk:
    """What one call did of a segment: items `scanned`, and new rows `written` or deleted. The caller calls again with `cursor`
    until `done`."""

    done: bool = False
    cursor: str | None = None
    scanned: int = 0
    written: int = 0

    def passed(self, page: Page) -> None:
        self.cursor, self.done = page.next, page.next is None
        self.scanned += len(page.items)


def pages(call: Call, segment: Segment, stop_at: float, size: int) -> Iterator[Page]:
    """Page after page, one at least, until the segment ends or the clock passes `stop_at`. Raises Unavailable."""
    start = segment.cursor
    while True:
        page = call.scan(segment.table, (segment.number, segment.total), start, size)
        yield page
        if page.next is None or call.now() >= stop_at:
            return
        start = page.next


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
    return [_progress(item) for item in call.items(f"runs/{run}", f"{table}/" if table else "")]


def standing(call: Call, run: str, segment: Segment) -> Progress:
    """How far the run is with this segment; not begun, it stands where the caller says."""
    key = _key(run, segment)
    item = call.read([key]).get(key)
    return _progress(item) if item else Progress(segment)


def unfinished(call: Call, run: str, table: str, total: int) -> list[Progress]:
    """The segments of a table that are not done. One that was begun keeps its latest division; otherwise it gets `total`."""
    begun = progress(call, run, table)
    latest = max(begun, key=lambda each: each.at, default=Progress(Segment(table, 0, total))).segment.total
    known = {each.segment.number: each for each in begun if each.segment.total == latest}
    every = [known.get(n, Progress(Segment(table, n, latest))) for n in range(latest)]
    return [each for each in every if not each.done]


def advance(call: Call, run: str, before: Progress, cursor: str | None, counts: Mapping[str, float]) -> Progress:
    """Stores what one call added; without a cursor the segment is done."""
    sums = {name: before.counts.get(name, 0) + counts.get(name, 0) for name in {**before.counts, **counts}}
    now = Progress(replace(before.segment, cursor=cursor), cursor is None, sums, call.now())
    key = _key(run, now.segment)
    item: Item = {**INDEX_KEY.decode(key.text), "done": {"BOOL": now.done}}
    item |= {"at": {"N": f"{now.at:.3f}"}, "counts": {"S": json.dumps(sums)}}
    call.write_index([Change(key, item if cursor is None else {**item, "cursor": {"S": cursor}})])
    return now


def forget(call: Call, run: str, tables: Collection[str] = ()) -> None:
    """The run begins these tables again from their first row; all of them where none is named."""
    gone = [each.segment for each in progress(call, run) if not tables or each.table in tables]
    call.write_index(Change(_key(run, segment), None) for segment in gone)


def _key(run: str, segment: Segment) -> Key:
    return index_key(f"runs/{run}", f"{segment.table}/{segment.total}/{segment.number}")


def _progress(item: Item) -> Progress:
    table, total, number = item[NAME]["S"].rsplit("/", 2)
    segment = Segment(table, int(number), int(total), item["cursor"]["S"] if "cursor" in item else None)
    return Progress(segment, item["done"]["BOOL"], json.loads(item["counts"]["S"]), float(item["at"]["N"]))
