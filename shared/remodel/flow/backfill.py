"""Backfill: what was there before the streams, scanned segment by segment into the same ingest and the same settle.

A scanned row has the lowest version there is: it is taken only where the index knows nothing of it, not even a tombstone,
so a page may grow as old as it likes. Progress is the scan's own cursor, handed back to the caller; a page that was
killed half-way is done again, and so are those of its rows that are no longer there (`flow.inflight`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from remodel.core.change import Change, Key, Refusal
from remodel.core.errors import BadRequest, StreamNotReady, Unavailable
from remodel.core.record import KEY, VIEW, Bad, side
from remodel.core.version import BACKFILL
from remodel.core.wire import Item
from remodel.flow import inflight, quarantine
from remodel.flow.completion import note_segment
from remodel.flow.engine import Engine, Patience
from remodel.flow.refuse import refuse
from remodel.flow.replicate import Batch, take
from remodel.flow.settle import Task, settle
from remodel.ports import Page

PAGE = 1_000
"""Rows in one page: few enough to be done well within the time that a call keeps in reserve."""

SMALLEST_PAGE = 25


@dataclass(frozen=True, slots=True)
class Segment:
    """One of `total` parts of a table, from `cursor` on (the key of the last row that is done; None from the start)."""

    table: str
    segment: int
    total: int
    cursor: Item | None = None


@dataclass(slots=True)
class Progress:
    """What one call did. The caller calls again with `cursor` until `done`."""

    done: bool = False
    cursor: Item | None = None
    scanned: int = 0
    written: int = 0
    stale: int = 0
    quarantined: int = 0
    units: float = 0.0
    throttled: int = 0

    @property
    def answer(self) -> dict[str, Any]:
        return asdict(self)


def backfill(
    engine: Engine, segment: Segment, stop_at: float, patience: Patience, rate: float | None = None
) -> Progress:
    """Page after page until the segment ends or the clock passes `stop_at`. `rate`: write units a second, at the most.

    Raises BadRequest, StreamNotReady, TableNotFound, and Unavailable where not even the first page could be done.
    """
    _check(engine, segment)
    _finish_killed(engine, segment, patience)
    progress = Progress(cursor=segment.cursor)
    began, before = engine.clock.now(), engine.store.spent()
    while not progress.done and (not progress.scanned or engine.clock.now() < stop_at):
        try:
            page = scan(engine, segment, progress.cursor, _page_size(rate), patience)
            _take_page(engine, segment, page.items, progress, patience)
        except Unavailable:
            if progress.scanned:
                break
            raise
        progress.cursor, progress.done = page.next, page.next is None
        progress.scanned += len(page.items)
        now = engine.store.spent()
        progress.units, progress.throttled = now.units - before.units, now.throttled - before.throttled
        if rate is not None:
            engine.clock.sleep(max(0.0, min(began + progress.units / rate, patience.until) - engine.clock.now()))
    if progress.done and segment.table in engine.model.lookups:
        note_segment(engine, segment.table, segment.segment, segment.total, patience)
    if progress.done:
        inflight.forget(engine, segment.table, segment.segment, segment.total, patience)
    return progress


def _finish_killed(engine: Engine, segment: Segment, patience: Patience) -> None:
    keys = inflight.noted(engine, segment.table, segment.segment, segment.total, patience)
    if settle(engine, [Task(key) for key in keys], patience).unfinished:
        raise Unavailable(f"expected to settle {len(keys)} rows of an earlier call that was cut off: call again")
    if keys:
        quarantine.look_again(engine, segment.table, dict.fromkeys(key.id for key in keys), patience)


def _check(engine: Engine, segment: Segment) -> None:
    if segment.table not in engine.model.every:
        raise BadRequest(f"expected table to be one of {', '.join(engine.model.every)}, found {segment.table!r}")
    if not 0 <= segment.segment < segment.total <= 1_000_000:
        raise BadRequest(f"expected 0 <= segment < total_segments, found {segment.segment} and {segment.total}")
    if segment.table in engine.model.lookups and segment.table not in engine.live:
        raise BadRequest(
            f"expected the stream of {segment.table!r} to be connected, found that it is looked up in its table: "
            "give the stack its stream's ARN, or leave it out of the backfill"
        )
    view = engine.store.stream_view(segment.table)
    if view != VIEW:
        raise StreamNotReady(
            f"expected table {segment.table!r} to have a stream with {VIEW}, found {view or 'no stream'}: switch it on and "
            "connect its replicate function first, or changes made during the backfill are lost"
        )


def _page_size(rate: float | None) -> int:
    """Where the rate is low, pages so small that one takes seconds, not minutes; a row costs three units or more."""
    return PAGE if rate is None else max(SMALLEST_PAGE, min(PAGE, int(rate)))


def scan(engine: Engine, segment: Segment, cursor: Item | None, limit: int, patience: Patience) -> Page:
    """A page of a segment. Raises Unavailable when time is up."""
    for _ in patience.tries():
        try:
            return engine.store.scan(segment.table, segment.segment, segment.total, cursor, limit)
        except Unavailable:
            continue
    raise Unavailable(f"expected a page of table {segment.table!r}, but it was not answered in time: call again")


def _take_page(engine: Engine, segment: Segment, items: list[Item], progress: Progress, patience: Patience) -> None:
    source, changes, refusals = segment.table, [], {}
    for item in items:
        id = item[KEY]["S"]
        row = side(item, id, engine.model.every[source])
        if isinstance(row, Bad):
            groups = frozenset({row.group} if row.group else ())
            refusals[id] = Refusal(source, id, BACKFILL, row.reason, item, groups)
        else:
            changes.append(Change(Key(row.group, source, id), BACKFILL, row.row, row.item, created=True))
    keys = [change.key for change in changes]
    keys += [Key(min(each.groups, default=each.id), source, each.id) for each in refusals.values()]
    inflight.note(engine, source, segment.segment, segment.total, keys, patience)
    batch = Batch()
    unfinished, rejected = take(engine, changes, batch, patience)
    refusals.update(rejected)
    unfinished |= refuse(engine, refusals.values(), patience)
    if unfinished:
        raise Unavailable(f"{len(unfinished)} rows of a page of {source!r} were not done in time: call again")
    progress.written += batch.written
    progress.stale += batch.stale
    progress.quarantined += len(refusals)
