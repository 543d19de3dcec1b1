"""What a change costs, in requests and in capacity units of the tables: the budget, in one place."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import pytest

from measures.model import MODEL
from remodel.call import Call
from remodel.converge import serve_stalled
from remodel.items import Item
from remodel.replicate import replicate
from remodel_testing.memory import MemoryStore
from tests.records import Record, Stream
from tests.rows import actual, guid, link, number, text
from tests.still import memory_place

NOTES = 0.04
"""Write units a change that notes, and the sighting of a stream, may cost."""


class Cost(NamedTuple):
    requests: int
    write_units: float
    read_units: float


class Replicated:
    """Old tables whose changes are delivered as they are made. `spread`: measures that rows and links are in."""

    def __init__(self, links: int, spread: int) -> None:
        self.place, self.store = memory_place(MODEL)
        self.stream, self.spread = Stream(MODEL, {name: name for name in MODEL.old_tables}), spread
        every = [link(f"link {n} of {m}", measure_id=self.measure(m)) for m in range(spread) for n in range(links)]
        self.deliver("links", [self.change("links", None, row) for row in every])

    def measure(self, n: int) -> Item:
        return text(f"measure-{n % self.spread}")

    def row(self, n: int, value: int) -> Item:
        return actual(id=text(random_guid(n)), measure_id=self.measure(n), actual_value=number(value))

    def change(self, source: str, old: Item | None, new: Item | None) -> Record:
        table: MemoryStore = self.store
        if new is not None:
            table.tables[source].put(new)
        elif old is not None:
            table.tables[source].delete(old["id"]["S"])
        return self.stream.record(source, old, new)

    def deliver(self, source: str, records: list[Record]) -> Cost:
        store = self.store
        before = (store.requests.total(), store.write_units, store.read_units)
        batch = replicate(self.call(), source, source, {"Records": records})
        assert batch.failed is None
        after = (store.requests.total(), store.write_units, store.read_units)
        return Cost(*(now - then for now, then in zip(after, before, strict=True)))

    def call(self) -> Call:
        return self.place.call(1_000.0)


def random_guid(n: int) -> str:
    """Of version 4, as .NET makes them; the model derives ids of version 5, and would look for who claims one of these."""
    return str(UUID(guid(f"row {n}"), version=4))


def batch(made: Replicated) -> list[Record]:
    """1,000 changes: 600 inserts, 300 modifications, 100 removals."""
    made.deliver("actuals", [made.change("actuals", None, made.row(n, 1)) for n in range(400)])
    inserts = [made.change("actuals", None, made.row(n, 1)) for n in range(400, 1_000)]
    modifications = [made.change("actuals", made.row(n, 1), made.row(n, 2)) for n in range(300)]
    removals = [made.change("actuals", made.row(n, 1), None) for n in range(300, 400)]
    return [*inserts, *modifications, *removals]


@pytest.mark.parametrize(
    ("links", "spread", "requests", "reads"), [(1, 100, 0.11, 4), (4, 100, 0.3, 10.5), (1, 1_000, 0.15, 8)]
)
def test_a_batch_of_a_stream(links: int, spread: int, requests: float, reads: float) -> None:
    made = Replicated(links, spread)
    records = batch(made)

    cost = made.deliver("actuals", records)

    members = 600
    assert members + 1_000 * links <= cost.write_units <= members + 1_000 * (links + NOTES)
    assert cost.requests <= 1_000 * requests
    assert cost.read_units <= 1_000 * reads

    again = made.deliver("actuals", records)

    assert again.write_units <= 1, "the sighting of the stream"
    assert again.requests < cost.requests / 2


def test_a_link_that_changes_what_no_join_sees_costs_no_fan_out() -> None:
    made = Replicated(1, 1)
    made.deliver("actuals", [made.change("actuals", None, made.row(n, 1)) for n in range(50)])
    before = made.store.writes["measure_data"]
    old = link("link 0 of 0", measure_id=made.measure(0))

    made.deliver("links", [made.change("links", old, {**old, "weight": number("0.5")})])

    assert made.store.writes["measure_data"] == before
    assert made.store.reads["actuals"] == 100, "as the rows were written, and no more"


@pytest.mark.parametrize(("linked_at", "copies"), [("2026-01-01T00:00:00Z", 1), ("2024-01-01T00:00:00Z", 2)])
def test_a_new_link_writes_a_row_for_each_row_whatever_the_other_links(linked_at: str, copies: int) -> None:
    """Two where it becomes the first link and takes over the old ids. The group is too large for one batch."""
    made, rows = Replicated(20, 1), 260
    made.deliver("actuals", [made.change("actuals", None, made.row(n, 1)) for n in range(rows)])
    before = made.store.writes["measure_data"]

    new = link("new", measure_id=made.measure(0), linked_at=text(linked_at))
    made.deliver("links", [made.change("links", None, new)])
    assert serve_stalled(made.call(), 9e9) == 0

    assert made.store.writes["measure_data"] - before == rows * copies
    assert len(made.store.tables["measure_data"].items) == rows * 21
    assert random_guid(0) in made.store.tables["measure_data"].items
