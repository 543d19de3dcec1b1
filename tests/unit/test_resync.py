"""The 24 hours: gaps between sightings of a reader, and what covers them."""

from __future__ import annotations

import pytest
from tests.records import Stream
from tests.rows import OTHER_MEASURE, actual, guid, link, number, text
from tests.worlds import NAMES, engine, patience, store

from measures import MODEL
from remodel.core.expect import expect
from remodel.core.model import NewKey
from remodel.core.wire import Item
from remodel.flow.backfill import Segment
from remodel.flow.engine import Engine
from remodel.flow.replicate import replicate
from remodel.flow.resync import Resynced, resync
from remodel.flow.streams import MARGIN, RETENTION, Gap, cover, gaps, sighted
from remodel.ports import INDEX


class Outage:
    """Old tables that change, with streams that are read, or are not."""

    def __init__(self) -> None:
        self.engine, self.stream, self.read = engine(page=2), Stream(NAMES), True
        self.versions: dict[str, str] = {}

    def put(self, source: str, *rows: Item) -> None:
        for row in rows:
            self._change(source, store(self.engine).tables[source].items.get((row["id"]["S"],)), row)

    def remove(self, source: str, name: str) -> None:
        self._change(source, store(self.engine).tables[source].items[guid(name),], None)

    def _change(self, source: str, old: Item | None, new: Item | None) -> None:
        items = store(self.engine).tables[source].items
        if new is None:
            del items[old["id"]["S"],]  # type: ignore[index]
        else:
            items[new["id"]["S"],] = new
        record = self.stream.record(source, old, new)
        if self.read:
            event = {"Records": [record]}
            assert replicate(self.engine, source, source, event, patience(self.engine)).failed is None

    def resync(self, segments: int = 1) -> int:
        return sum(
            part(self.engine, table, n, segments).repaired for table in (*MODEL.every, INDEX) for n in range(segments)
        )

    def problems(self) -> list[NewKey]:
        old = {name: list(table.items.values()) for name, table in store(self.engine).tables.items()}
        rows = expect(MODEL, old).rows
        found = {
            NewKey(t, id): row for t in MODEL.new_tables for (id,), row in store(self.engine).tables[t].items.items()
        }
        return sorted(key for key in rows.keys() | found.keys() if rows.get(key) != found.get(key))


def part(made: Engine, table: str, segment: int, total: int) -> Resynced:
    """Called again with its cursor until it is done, a page a call."""
    whole, cursor = Resynced(), None
    while True:
        done = resync(made, Segment(table, segment, total, cursor), 0, patience(made))
        whole.repaired += done.repaired
        whole.quarantined += done.quarantined
        cursor = done.cursor
        if done.done:
            return whole


@pytest.fixture
def outage() -> Outage:
    made = Outage()
    made.put("links", link(), link("there", measure_id=text(OTHER_MEASURE)))
    made.put("actuals", *(actual(name) for name in ("changed", "gone", "moved", "same", "refused")))
    assert made.problems() == []
    made.read = False
    return made


@pytest.mark.parametrize("segments", [1, 3])
def test_everything_that_no_stream_told_is_covered(outage: Outage, segments: int) -> None:
    outage.put("links", link("new", goal_id=text("g"), linked_at=text("2024-01-01T00:00:00Z")))
    outage.put("actuals", actual("changed", actual_value=number(77)), actual("moved", measure_id=text(OTHER_MEASURE)))
    outage.put("actuals", actual("new"))
    outage.remove("actuals", "gone")
    assert outage.problems()

    assert outage.resync(segments) == 6, (
        "the link, three rows as they are now, the group that one left, and the one that is gone"
    )

    assert outage.problems() == []
    assert outage.resync(segments) == 0, "and nothing is left to do"


def test_a_link_that_went_unseen_takes_its_rows_along(outage: Outage) -> None:
    outage.remove("links", "link")

    outage.resync()

    assert outage.problems() == []
    assert store(outage.engine).tables["measure_data"].items == {}


def test_a_stale_entry_without_new_rows_is_corrected_too(outage: Outage) -> None:
    """No new row shows it; but a later link would be given what it says."""
    outage.read = True
    outage.put("actuals", actual("unlinked", measure_id=text("a third measure")))
    outage.read = False
    outage.put("actuals", actual("unlinked", measure_id=text("a third measure"), actual_value=number(99)))
    assert outage.problems() == []

    assert outage.resync() == 1
    outage.read = True
    outage.put("links", link("late", measure_id=text("a third measure")))

    assert outage.problems() == []


def test_a_change_that_comes_late_all_the_same_wins(outage: Outage) -> None:
    """Sync keeps the version that it found, so whatever a stream still has to tell is newer than it."""
    outage.put("actuals", actual("changed", actual_value=number(77)))
    outage.resync()
    outage.read = True
    outage.put("actuals", actual("changed", actual_value=number(78)))

    assert outage.problems() == []


def test_a_row_that_is_refused_meanwhile_goes_to_quarantine(outage: Outage) -> None:
    outage.put("actuals", actual("refused", recorded_by=text(" ")))

    assert part(outage.engine, "actuals", 0, 1).quarantined == 1
    assert [key[1] for key in store(outage.engine).tables["quarantine"].items] == [guid("refused")]


def test_sightings_close_to_each_other_have_no_gap() -> None:
    made = engine()
    for at in (0.0, 1.0, RETENTION - MARGIN):
        assert sighted(made, "links", 1_000.0 + at, patience(made)) is None
    assert list(gaps(made, patience(made))) == []


def test_a_gap_is_kept_until_it_is_covered() -> None:
    made = engine()
    later = 1_000.0 + RETENTION - MARGIN + 1
    sighted(made, "links", 1_000.0, patience(made))
    sighted(made, "actuals", later, patience(made))

    gap = sighted(made, "links", later, patience(made))

    assert gap == Gap("links", 1_000.0, later)
    assert list(gaps(made, patience(made))) == [gap]
    assert sighted(made, "links", later + 1, patience(made)) is None
    assert list(gaps(made, patience(made))) == [gap], "it does not close by itself"
    cover(made, gap, patience(made))
    assert list(gaps(made, patience(made))) == []


def test_an_older_sighting_does_not_take_a_newer_one_back() -> None:
    made = engine()
    sighted(made, "links", 1_000.0, patience(made))
    sighted(made, "links", 90_000.0, patience(made))
    for gap in list(gaps(made, patience(made))):
        cover(made, gap, patience(made))

    sighted(made, "links", 2_000.0, patience(made))

    assert sighted(made, "links", 90_001.0, patience(made)) is None
