"""The budget: what typical work may ask of DynamoDB, counted on the store in memory. No other test counts requests or units.

A batch has 1,000 changes of actuals over 100 measures: 60 % inserts, 30 % modifications, 10 % removals.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.rows import Changes, Stream, actual, changes, link, measure
from measures.model import MODEL
from measures.old import Link
from remodel import fanout
from remodel.backfill import backfill
from remodel.call import Place
from remodel.items import Item
from remodel.replicate import replicate
from remodel.segments import Segment
from remodel.store import INDEX
from remodel_testing.memory import MemoryStore
from tests.still import memory_place

SIZE, MEASURES, INSERTS = 1_000, 100, 600

NOTES = 0.03
"""Write units a change that notes may take, and how far the stream was read."""


@dataclass(frozen=True)
class Used:
    """`reads` and `writes`: items by table."""

    calls: int
    read_units: float
    write_units: float
    reads: Counter[str]
    writes: Counter[str]


class Counting:
    """The engine on a store in memory, and what it asks of that."""

    def __init__(self) -> None:
        self.place, self.store = memory_place(MODEL)
        self._stream, self._later = Stream(), Stream(later=True)

    def seed(self, asked: Changes) -> None:
        """What was there before a batch, replicated; then the batch's changes in the old table."""
        for source, rows in (("links", asked.links), ("actuals", asked.before)):
            for row in rows:
                self.store.tables[source].put(row)
            self.deliver(source, [self._stream.record(source, None, row) for row in rows])
        for old, new in asked.batch:
            if new is not None:
                self.store.tables["actuals"].put(new)
            elif old is not None:
                self.store.tables["actuals"].delete(old["id"]["S"])

    def batch(self, asked: Changes) -> Used:
        return self.deliver("actuals", [self._later.record("actuals", old, new) for old, new in asked.batch])

    def deliver(self, source: str, records: list[Any]) -> Used:
        before = _used(self.store)
        done = replicate(self.place.call(600), source, source, {"Records": records})
        assert (done.failed, done.unreadable) == (None, 0)
        if MODEL.old_tables[source].kinds[0] is Link:
            self._serve(self.place)
        return _difference(_used(self.store), before)

    def backfill(self, table: str, is_split: bool = False) -> tuple[Used, int]:
        """Split: one page a call. Also answers how many calls it took."""
        before, cursor, calls = _used(self.store), None, 0
        while True:
            call = self.place.call(600)
            stop_at = call.now() if is_split else call.deadline
            done = backfill(call, Segment(table, 0, 1, cursor), stop_at)
            cursor, calls = done.cursor, calls + 1
            if done.done:
                return _difference(_used(self.store), before), calls

    @staticmethod
    def _serve(place: Place) -> None:
        call = place.call(600)
        for each in fanout.pending(call):
            assert fanout.work(call, each.name, call.deadline)


def _used(store: MemoryStore) -> Used:
    return Used(store.requests.total(), store.read_units, store.write_units, store.reads.copy(), store.writes.copy())


def _difference(now: Used, before: Used) -> Used:
    return Used(
        now.calls - before.calls,
        now.read_units - before.read_units,
        now.write_units - before.write_units,
        now.reads - before.reads,
        now.writes - before.writes,
    )


@pytest.mark.parametrize(
    ("measures", "calls", "read_units", "old_reads"),
    [(MEASURES, 0.11, 4.0, 2.7), (SIZE, 0.15, 8.0, 4.5)],
    ids=["100 measures", "each change in its own"],
)
def test_a_batch(measures: int, calls: float, read_units: float, old_reads: float) -> None:
    """`old_reads`: each row twice, and links, and the rows with the keys of removed ones, which may claim the same new keys."""
    counting, asked = Counting(), changes(1, SIZE, measures, 1)
    counting.seed(asked)

    used = counting.batch(asked)

    assert used.calls <= calls * SIZE
    assert used.read_units <= read_units * SIZE
    assert sum(used.reads[name] for name in MODEL.old_tables) <= old_reads * SIZE
    assert used.writes["measure_data"] == SIZE
    assert SIZE + INSERTS <= used.write_units <= SIZE + INSERTS + NOTES * SIZE


@pytest.mark.parametrize("links", [1, 4])
def test_a_batch_that_is_delivered_again_writes_how_far_the_stream_was_read(links: int) -> None:
    counting, asked = Counting(), changes(1, SIZE, MEASURES, links)
    counting.seed(asked)
    first = counting.batch(asked)

    again = counting.batch(asked)

    assert again.writes == {INDEX: 1}
    assert again.read_units < first.read_units
    assert again.calls < first.calls / 2


def test_a_batch_with_four_links() -> None:
    counting, asked = Counting(), changes(1, SIZE, MEASURES, 4)
    counting.seed(asked)

    used = counting.batch(asked)

    assert used.writes["measure_data"] == 4 * SIZE
    assert used.write_units <= 4 * SIZE + INSERTS + NOTES * SIZE


@pytest.mark.parametrize("is_split", [False, True], ids=["one call", "a call a page"])
def test_a_backfill(is_split: bool) -> None:
    counting, rows = Counting(), 2 * SIZE
    for n in range(MEASURES):
        counting.store.tables["links"].put(link(n, measure(n)))
    for n in range(rows):
        counting.store.tables["actuals"].put(actual(n, measure(n % MEASURES)))
    for table in MODEL.order:
        if table != "actuals":
            counting.backfill(table)

    first, _ = counting.backfill("actuals", is_split)
    again, calls = counting.backfill("actuals", is_split)

    assert first.write_units <= 2.05 * rows
    assert (calls > 1) == is_split
    assert (again.writes["measure_data"], again.write_units) == (0, calls + 1), "its progress, and that it is complete"


@pytest.mark.parametrize(("place", "since", "times"), [("last", "2026", 1), ("first", "2020", 2)])
def test_a_link_that_is_added_to_a_measure_with_many(place: str, since: str, times: int) -> None:
    """Its own rows; where it becomes the first, those of the former first link as well. More rows than fit into a batch."""
    rows, links = fanout.PAGE + 50, 20
    counting, hot = Counting(), measure(0)
    for n in range(links):
        counting.store.tables["links"].put(link(n, hot))
    for n in range(rows):
        counting.store.tables["actuals"].put(actual(n, hot))
    for table in MODEL.order:
        counting.backfill(table)
    new: Item = {**link(links, hot), "linked_at": {"S": f"{since}-01-01T00:00:00Z"}}
    counting.store.tables["links"].put(new)

    used = counting.deliver("links", [Stream(later=True).record("links", None, new)])

    assert len(counting.store.tables["measure_data"].items) == rows * (links + 1)
    assert used.writes["measure_data"] == times * rows
    assert used.write_units <= (times + 0.15) * rows
