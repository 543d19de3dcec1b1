"""Backfill: the rows that were there before the streams, scanned page by page; each is a hint like any other.

A page may grow as old as it likes: the rows are read again. Progress is the cursor that is handed back to the caller; a page
that was cut off is done again, and a row that is right already costs no write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat

from remodel.call import Call
from remodel.converge import converge
from remodel.errors import BadRequest, RejectedRow, StreamNotReady, Unavailable
from remodel.hints import VIEW, of_row
from remodel.keys import Key
from remodel.model import Model
from remodel.reading import complete_marker
from remodel.segments import Progress, Segment, Walk, advance, pages, progress, standing
from remodel.store import INDEX_KEY, Change

PAGE, SMALLEST_PAGE = 1_000, 25
"""Rows of a page: few enough to be done within the time that a call keeps in reserve."""

RUN = "backfill"
"""The run in which segments say where they stand where the caller names none."""

NO_KIND, LEFT_BEHIND = "none or several", "left behind"
"""Of rows whose key fits no kind, or several, and of rows that the model ignores; no kind can have such a name."""

Kinds = dict[str, dict[str, int]]
"""By kind: rows scanned, new rows written for its rows, and rows rejected."""


@dataclass(slots=True)
class Done(Walk):
    """`kinds`: the counts of rows by kind; those of a row that was reached from a scanned one are its own kind's. `units`:
    write units that were used. `throttled`: requests, or keys of them, that DynamoDB put off."""

    quarantined: int = 0
    units: float = 0.0
    throttled: int = 0
    kinds: Kinds = field(default_factory=dict)

    def count(self, model: Model, **rows: Iterable[Key]) -> None:
        """Rows, by what is counted of them."""
        for figure, keys in rows.items():
            for key in keys:
                counts = self.kinds.setdefault(_kind(model, key), {"scanned": 0, "written": 0, "quarantined": 0})
                counts[figure] += 1


def backfill(call: Call, segment: Segment, stop_at: float, rate: float | None = None, run: str | None = None) -> Done:
    """Page after page until the segment ends or the clock passes `stop_at`. `rate`: write units a second, at most. In a `run`
    the segment goes on from where that run left it.

    Raises BadRequest, StreamNotReady, Fenced, and Unavailable where not even the first page could be done.
    """
    _check(call, segment)
    before = standing(call, run, segment) if run else Progress(segment)
    if before.done:
        return Done(done=True)
    done = _pages(call, before.segment, stop_at, rate)
    _note_progress(call, run or RUN, before, done)
    return done


def _pages(call: Call, segment: Segment, stop_at: float, rate: float | None) -> Done:
    so_far, began, before = Done(cursor=segment.cursor), call.now(), call.store.spent()
    encode = call.store.schema(segment.table).encode
    try:
        for page in pages(call, segment, stop_at, _page_size(rate)):
            keys = [Key(segment.table, encode(item)) for item in page.items]
            done = converge(call, map(of_row, repeat(call.model), keys, page.items))
            so_far.passed(page)
            so_far.count(call.model, scanned=keys, written=done.writes.elements(), quarantined=done.rejected)
            so_far.written += done.written
            so_far.quarantined += len(done.rejected)
            now = call.store.spent()
            so_far.units, so_far.throttled = now.write_units - before.write_units, now.throttled - before.throttled
            if rate is not None:
                call.place.clock.sleep(max(0.0, min(began + so_far.units / rate, call.deadline) - call.now()))
    except Unavailable:
        if not so_far.scanned:
            raise
    return so_far


def _kind(model: Model, key: Key) -> str:
    try:
        kind = model.kind_of(key)
    except RejectedRow:
        return NO_KIND
    return kind.__name__ if kind else LEFT_BEHIND


def _check(call: Call, segment: Segment) -> None:
    model, table = call.model, segment.table
    if table not in model.old_tables:
        raise BadRequest(f"expected table to be one of {', '.join(model.order)}, found {table!r}")
    if table not in call.place.live:
        raise BadRequest(
            f"expected the stream of {table!r} to be connected, found that its rows are only looked up: "
            "give the stack the stream's ARN, or leave the table out of the backfill"
        )
    stream = call.store.stream(table)
    if stream is None or stream.view != VIEW:
        found = stream.view if stream else "no stream"
        raise StreamNotReady(
            f"expected table {table!r} to have a stream with {VIEW}, found {found}: switch it on and connect its function "
            "first, or changes made during the backfill are lost"
        )


def _page_size(rate: float | None) -> int:
    """Where the rate is low, pages so small that one takes seconds, not minutes; a row costs three units or more."""
    return PAGE if rate is None else max(SMALLEST_PAGE, min(PAGE, int(rate)))


def _note_progress(call: Call, run: str, before: Progress, done: Done) -> None:
    """Where the segment stands, for anybody who asks. Once all segments of one division are done, the index has every row."""
    counts = {name: getattr(done, name) for name in ("scanned", "written", "quarantined", "units")} | flat(done.kinds)
    now = advance(call, run, before, done.cursor, counts)
    division = [each for each in progress(call, run, now.table) if each.segment.total == now.segment.total]
    if sum(each.done for each in division) == now.segment.total:
        marker = complete_marker(now.table)
        call.write_index([Change(marker, INDEX_KEY.decode(marker.text))])


def flat(kinds: Kinds) -> dict[str, int]:
    """As the counts of a run have them."""
    return {f"{kind}/{figure}": n for kind, each in kinds.items() for figure, n in each.items()}


def kinds_of(counts: Mapping[str, float]) -> Kinds:
    """The inverse of `flat`, of all that a run has counted."""
    found: Kinds = {}
    for name, n in counts.items():
        kind, is_of_kind, figure = name.partition("/")
        if is_of_kind:
            found.setdefault(kind, {})[figure] = int(n)
    return found


def idle(call: Call) -> float:
    """Seconds since the slowest segment that is not done has advanced; 0.0 where none is under way."""
    open_ = [each.at for each in progress(call, RUN) if not each.done]
    return call.now() - min(open_) if open_ else 0.0
