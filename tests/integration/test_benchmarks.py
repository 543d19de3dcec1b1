"""The benchmarks measure what they say: contenders that write the same rows, a stand-in that is consistent. No times here."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks import __main__ as bench
from benchmarks import dollars, report
from benchmarks.growth import SMALL
from benchmarks.growth import _figures as grown
from benchmarks.measure import OURS, Figure
from benchmarks.process import Told
from benchmarks.replicate import IDEMPOTENCY, TEXTBOOK, TRANSACTIONS, Ring
from benchmarks.rows import changes

from remodel.core.compare import digest

SIZE = 20


@pytest.fixture(autouse=True)
def surroundings() -> Iterator[None]:
    """A contender is wired as in a process of its own; the tests that follow find the environment as it was."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def results() -> Any:
    return json.loads((bench.FOLDER / "results.json").read_text())


@pytest.mark.parametrize("links", [1, 2])
def test_contenders_write_the_same_rows(endpoint: str, links: int) -> None:
    ring, asked = Ring(endpoint, links), changes(links, SIZE, 2, links)

    done = ring.round(0, asked)

    rows = {
        prefix: {id: digest(row) for id, row in ring.rows(prefix).items()} for prefix in ("ours-", "lows-", "book-")
    }
    assert rows["ours-"] == rows["lows-"] == rows["book-"] != {}
    units = {name: wire.units for name, (_cpu, wire) in done.items()}
    assert (units[OURS], units[TEXTBOOK]) == (SIZE * (1 + links), SIZE * links)
    assert done[TEXTBOOK][1].calls.total() == SIZE * (1 + links)
    if links == 1:
        assert (units[IDEMPOTENCY], units[TRANSACTIONS]) == (SIZE * 3, SIZE * 4)
        calls = {name: wire.calls.total() for name, (_cpu, wire) in done.items()}
        assert (calls[IDEMPOTENCY], calls[TRANSACTIONS]) == (SIZE * 4, SIZE)


def test_growth_is_held_against_the_smaller_size() -> None:
    def work(port: int, rows: int) -> Told:
        return Told(cpu=rows * 1e-6 * (2 if rows > 10 else 1), wall=1.0, memory=1_024 * rows, answer={})

    cpu, memory = grown("nothing", 1, {SMALL: (10, 1, 1), OURS: (20, 1, 1)}, work, per_row=True)

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
    assert report.heading(results) in page
    assert dollars.section(results) in costs
    assert report.picture(results) == (bench.FOLDER / "results.svg").read_text()
    assert ET.fromstring(report.picture(results)).tag.endswith("svg")
