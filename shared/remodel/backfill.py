"""Backfill: the rows that were there before the streams, scanned page by page; each is a hint like any other.

A page may grow as old as it likes: the rows are read again. Progress is the cursor that is handed back to the caller; a page
that was cut off is done again, and a row that is right already costs no write.
"""

from __future__ import annotations

from dataclasses import dataclass

from remodel.call import Call, index_key
from remodel.converge import converge
from remodel.errors import BadRequest, StreamNotReady, Unavailable
from remodel.hints import VIEW, of_row
from remodel.items import Item
from remodel.keys import Key
from remodel.reading import complete_marker
from remodel.store import GROUP, INDEX_KEY, NAME, Change

PAGE, SMALLEST_PAGE = 1_000, 25
"""Rows of a page: few enough to be done within the time that a call keeps in reserve."""

PROGRESS = "backfill"
"""The partition in which segments say where they stand."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment `number` of `total` of a table, from `cursor` on: the text of the last key that is done."""

    table: str
    number: int
    total: int
    cursor: str | None = None


@dataclass(slots=True)
class Progress:
    """What one call did. The caller calls again with `cursor` until `done`."""

    done: bool = False
    cursor: str | None = None
    scanned: int = 0
    written: int = 0
    quarantined: int = 0
    units: float = 0.0
    throttled: int = 0


def backfill(call: Call, segment: Segment, stop_at: float, rate: float | None = None) -> Progress:
    """Page after page until the segment ends or the clock passes `stop_at`. `rate`: write units a second, at most.

    Raises BadRequest, StreamNotReady, Fenced, and Unavailable where not even the first page could be done.
    """
    _check(call, segment)
    progress, began, before = Progress(cursor=segment.cursor), call.now(), call.store.spent()
    while not progress.done and (not progress.scanned or call.now() < stop_at):
        try:
            page = call.scan(segment.table, (segment.number, segment.total), progress.cursor, _page_size(rate))
            done = converge(call, [of_row(call.model, _key(call, segment.table, item), item) for item in page.items])
        except Unavailable:
            if progress.scanned:
                break
            raise
        progress.cursor, progress.done = page.next, page.next is None
        progress.scanned += len(page.items)
        progress.written += done.written
        progress.quarantined += len(done.rejected)
        now = call.store.spent()
        progress.units, progress.throttled = now.write_units - before.write_units, now.throttled - before.throttled
        if rate is not None:
            call.place.clock.sleep(max(0.0, min(began + progress.units / rate, call.deadline) - call.now()))
    _note_progress(call, segment, progress)
    return progress


def _key(call: Call, table: str, item: Item) -> Key:
    return Key(table, call.store.schema(table).encode(item))


def _check(call: Call, segment: Segment) -> None:
    model, table = call.model, segment.table
    if table not in model.old_tables:
        raise BadRequest(f"expected table to be one of {', '.join(model.order)}, found {table!r}")
    if not 0 <= segment.number < segment.total:
        raise BadRequest(f"expected 0 <= segment < total_segments, found {segment.number} and {segment.total}")
    if table not in call.place.live:
        raise BadRequest(
            f"expected the stream of {table!r} to be connected, found that its rows are only looked up: "
            "give the stack the stream's ARN, or leave the table out of the backfill"
        )
    view = call.store.stream_view(table)
    if view != VIEW:
        raise StreamNotReady(
            f"expected table {table!r} to have a stream with {VIEW}, found {view or 'no stream'}: switch it on and connect its "
            "function first, or changes made during the backfill are lost"
        )


def _page_size(rate: float | None) -> int:
    """Where the rate is low, pages so small that one takes seconds, not minutes; a row costs three units or more."""
    return PAGE if rate is None else max(SMALLEST_PAGE, min(PAGE, int(rate)))


def _note_progress(call: Call, segment: Segment, progress: Progress) -> None:
    """Where the segment stands, for anybody who asks. Once all segments of one division are done, the index has every row."""
    division = f"{segment.table}/{segment.total}/"
    item: Item = {GROUP: {"S": PROGRESS}, NAME: {"S": f"{division}{segment.number}"}, "at": {"N": str(int(call.now()))}}
    item |= {"done": {"BOOL": progress.done}, "cursor": {"S": progress.cursor or ""}}
    call.write_index([Change(index_key(PROGRESS, item[NAME]["S"]), item)])
    if progress.done and sum(each["done"]["BOOL"] for each in call.items(PROGRESS, division)) == segment.total:
        marker = complete_marker(segment.table)
        call.write_index([Change(marker, INDEX_KEY.decode(marker.text))])


def idle(call: Call) -> float:
    """Seconds since the slowest segment that is not done has advanced; 0.0 where none is under way."""
    open_ = [float(item["at"]["N"]) for item in call.items(PROGRESS) if not item["done"]["BOOL"]]
    return call.now() - min(open_) if open_ else 0.0
