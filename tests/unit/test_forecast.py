"""What a migration will write, cost and take, in figures."""

from __future__ import annotations

import pytest

from runner.forecast import Fanout, Table, fanout, forecast, units


def test_the_distribution_of_links() -> None:
    counts = [*[1] * 95, 100, *[5] * 4]

    assert fanout(counts) == Fanout(groups=100, links=215, median=1, p90=1, p99=100, most=100)
    assert fanout([]) == Fanout(0, 0, 0, 0, 0, 0)


def test_units_dollars_and_seconds() -> None:
    """Links: two memberships, one new row in five indexes. Rows: one, and two copies in two indexes, of two units each."""
    links = Table(rows=10, members=2, copies=1, units=1 + 5)
    rows = Table(rows=100, members=1, copies=2, units=2 * (1 + 2) * units(1_500))

    found = forecast([links, rows], rate=10)

    assert (found.new_rows, found.index_units, found.new_units) == (210, 20 + 100, 60 + 1_200)
    assert found.seconds == pytest.approx(138)
    assert found.dollars == pytest.approx(1_380 * 0.625 / 1e6)


def test_units_are_rounded_up() -> None:
    assert [units(size) for size in (0, 1, 1_024, 1_025)] == [1, 1, 1, 2]
