"""What a migration will write, from how many rows there are and how many links their groups have.

Figures in, figures out: write units on demand, dollars at list price, seconds at a rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DOLLARS_PER_MILLION_WRITES = 0.625
PRICES = "list price of us-east-1, standard class, on demand, September 2026; other Regions differ"

UNIT = 1_024
"""Bytes that one write unit takes."""


@dataclass(frozen=True, slots=True)
class Fanout:
    """How many links the groups have that have any."""

    groups: int
    links: int
    median: int
    p90: int
    p99: int
    most: int


@dataclass(frozen=True, slots=True)
class Table:
    """An old table: `rows`, of `size` bytes in the mean, each of which follows in `copies` new rows in the mean.

    `indexes`: of the new table, that its rows stand in. `seats`: whether each row is written to a roster, too.
    """

    rows: int
    size: float
    copies: float
    indexes: int
    seats: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    new_rows: int
    index_units: int
    new_units: int
    dollars: float
    seconds: float

    @property
    def units(self) -> int:
        return self.index_units + self.new_units


def fanout(links: Mapping[str, int]) -> Fanout:
    """`links`: how many each group has."""
    counts = sorted(links.values())
    if not counts:
        return Fanout(0, 0, 0, 0, 0, 0)
    return Fanout(len(counts), sum(counts), _at(counts, 0.5), _at(counts, 0.9), _at(counts, 0.99), counts[-1])


def forecast(tables: Sequence[Table], rate: float) -> Forecast:
    """`rate`: write units a second."""
    index = sum(each.rows * (_units(each.size) + each.seats) for each in tables)
    rows = sum(each.rows * each.copies for each in tables)
    new = sum(each.rows * each.copies * _units(each.size) * (1 + each.indexes) for each in tables)
    units = round(index + new)
    return Forecast(round(rows), round(index), round(new), units * DOLLARS_PER_MILLION_WRITES / 1e6, units / rate)


def _units(size: float) -> int:
    return max(1, -(-int(size) // UNIT))


def _at(counts: Sequence[int], share: float) -> int:
    return counts[min(len(counts) - 1, int(share * len(counts)))]
