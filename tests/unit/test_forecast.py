"""What a migration will write, cost and take, in figures."""

from __future__ import annotations

import pytest

from runner.forecast import Fanout, Use, dollars, fanout, read_units, tight, write_units


def test_the_distribution_of_links() -> None:
    counts = [*[1] * 95, 100, *[5] * 4]

    assert fanout(counts) == Fanout(groups=100, links=215, median=1, p90=1, p99=100, most=100)
    assert fanout([]) == Fanout(0, 0, 0, 0, 0, 0)


def test_units_are_rounded_up() -> None:
    assert [write_units(size) for size in (0, 1, 1_024, 1_025)] == [1, 1, 1, 2]
    assert [read_units(size) for size in (0, 1, 4_096, 4_097)] == [1, 1, 1, 2]


def test_dollars() -> None:
    """On demand by the unit; what is provisioned by the hour, used or not."""
    assert dollars([Use(4e6)], [Use(8e6)], 3_600.0) == pytest.approx(2.5 + 1.0)
    assert dollars([Use(4e6, 100.0)], [Use(8e6, 1_000.0)], 7_200.0) == pytest.approx(0.13 + 0.26)


def test_what_the_rate_exceeds() -> None:
    """Half of the units go to an index with 5 units a second: 10 in all suffice, and not more."""
    writes = {"table": Use(100.0), "table/index": Use(100.0, 5.0)}

    assert tight(writes, {}, 10.0, 20.0) == {}
    told = tight(writes, {}, 20.0, 10.0)
    assert list(told) == ["table/index"]
    assert "5 write units a second are provisioned, 10 are needed at 20" in told["table/index"]
    assert "`--rate 10`" in told["table/index"]
    assert "`--rate 50`" in tight(writes, {"old": Use(40.0, 10.0)}, 100.0, 2.0)["old"]
