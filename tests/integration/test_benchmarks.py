"""The benchmarks measure what they say: contenders that write the same rows, a stand-in that is consistent. No times here."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks import __main__ as bench
from benchmarks import dollars, growth, report
from benchmarks.endless import State
from benchmarks.growth import SMALL
from benchmarks.growth import _figures as grown
from benchmarks.measure import FLOOR, OURS, Figure
from benchmarks.process import Told
from benchmarks.replicate import IDEMPOTENCY, TEXTBOOK, TRANSACTIONS, Ring, Run
from benchmarks.rows import changes
from remodel.items import same

SIZE, MEASURES = 20, 2

SIGHTING, PER_CALL = 1, 4
"""Write units of a call: of the sighting of its stream; with a note, its marker, and the marker's end."""


@pytest.fixture(autouse=True)
def surroundings() -> Iterator[None]:
    """A contender is wired as in a process of its own; the tests that follow find the environment as it was."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def results() -> Any:
    found = bench.FOLDER / "results.json"
    if not found.exists():
        pytest.skip("`make bench` has not run with this engine yet")
    return json.loads(found.read_text())


@pytest.mark.parametrize("links", [1, 2])
def test_contenders_write_the_same_rows(endpoint: str, links: int) -> None:
    ring, asked = Ring(endpoint, links), changes(links, SIZE, MEASURES, links)

    done = ring.round(0, asked)

    ours = ring.rows("ours-")
    for prefix in ("lows-", "book-"):
        theirs = ring.rows(prefix)
        assert ours.keys() == theirs.keys() != set()
        assert [id for id, row in ours.items() if not same(row, theirs[id])] == []
    units = {name: run.wire.units for name, run in done.items()}
    inserts = SIZE * 6 // 10
    assert units[OURS] == units[FLOOR] == SIZE * links + inserts + PER_CALL
    assert units[TEXTBOOK] == SIZE * links
    assert done[TEXTBOOK].wire.calls.total() == SIZE * (1 + links)
    if links == 1:
        assert (units[IDEMPOTENCY], units[TRANSACTIONS]) == (SIZE * 3, SIZE * 4)
        calls = {name: run.wire.calls.total() for name, run in done.items()}
        assert (calls[IDEMPOTENCY], calls[TRANSACTIONS]) == (SIZE * 4, SIZE)
        _check_reads(ring, done)
    assert ring.plan_again(asked).units == SIGHTING


def _check_reads(ring: Ring, done: dict[str, Run]) -> None:
    old = {name: run.wire.reads_of(ring.old_tables) for name, run in done.items()}
    assert (old[TEXTBOOK], old[IDEMPOTENCY], old[TRANSACTIONS], old[FLOOR]) == (SIZE, SIZE, 0, 0)
    # Each row and each link before the write and after it; and for each removal, the rows of two tables that may claim its key.
    assert old[OURS] == 2 * (SIZE + MEASURES + SIZE // 10 * 2)
    assert done[OURS].read_units >= old[OURS] / 2
    assert done[TEXTBOOK].read_units == SIZE / 2


@pytest.mark.parametrize(("work", "state"), [(growth._diff, "settled"), (growth._backfill, "empty")])
def test_the_stand_in_is_consistent(work: Callable[[int, int], Told], state: State) -> None:
    """Each checks its answer: a comparison that nothing differs, and nothing is missing in the index."""
    with growth._endless(state, 60, 6, 2) as port:
        told = work(port, 60)

    assert told.answer.get("written", 120) == 120


def test_what_the_stand_in_has_changed_is_written() -> None:
    with growth._endless("changed", 600, 1, 2) as port:
        assert growth._changes(port, 600).answer == {"batchItemFailures": []}
    with growth._endless("settled", 600, 1, 2) as port:
        assert growth._link(port, 600).answer["stalled"] == 0


def test_growth_is_held_against_the_smaller_size() -> None:
    def work(port: int, rows: int) -> Told:
        return Told(cpu=rows * 1e-6 * (2 if rows > 10 else 1), wall=1.0, memory=1_024 * rows, answer={})

    cpu, memory = grown("nothing", 1, {SMALL: (10, 1, 1), OURS: (20, 1, 1)}, work)

    assert ([each.found for each in cpu.bounds], cpu.bounds[0].is_reached) == ([2.0], False)
    assert [each.found for each in memory.bounds] == [2.0]


def test_bounds_are_of_rounds_and_not_of_medians() -> None:
    figure = Figure("nothing", "µs", {OURS: [1.0, 10.0, 4.0], "floor": [1.0, 5.0, 8.0]})

    figure.at_most(1.0, of="floor")

    assert (figure.bounds[0].found, figure.bounds[0].is_reached) == (1.0, True)


def test_the_pages_are_what_was_measured(results: Any) -> None:
    names = [figure["name"] for figure in results["figures"]]
    assert len(names) == len(set(names)) > 15
    page, costs = (bench.FOLDER / "README.md").read_text(), (bench.FOLDER.parent / "docs/cost.md").read_text()
    assert report.table(results) in page
    assert report.wrapped(report.heading(results)) in page
    assert report.wrapped(dollars.section(results)) in costs
    assert report.picture(results) == (bench.FOLDER / "results.svg").read_text()
    assert ET.fromstring(report.picture(results)).tag.endswith("svg")
