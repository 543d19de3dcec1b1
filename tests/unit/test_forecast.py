"""What a migration will write, cost and take, in figures."""

from __future__ import annotations

import pytest

from remodel.core.forecast import Fanout, Table, fanout, forecast


def test_the_distribution_of_links() -> None:
    counts = {str(n): 1 for n in range(95)} | {"hot": 100, **{f"w{n}": 5 for n in range(4)}}

    assert fanout(counts) == Fanout(groups=100, links=215, median=1, p90=1, p99=100, most=100)
    assert fanout({}) == Fanout(0, 0, 0, 0, 0, 0)


def test_units_dollars_and_seconds() -> None:
    """Links: entry and seat, one new row in five indexes. Rows: an entry, and two copies in two indexes, of two units each."""
    links = Table(rows=10, size=300, copies=1, indexes=5, seats=True)
    rows = Table(rows=100, size=1_500, copies=2, indexes=2)

    found = forecast([links, rows], rate=10)

    assert (found.new_rows, found.index_units, found.new_units) == (210, 20 + 200, 60 + 1_200)
    assert found.seconds == pytest.approx(148)
    assert found.dollars == pytest.approx(1_480 * 0.625 / 1e6)
