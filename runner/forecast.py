"""What a migration will write, from how many rows there are and what becomes of them. Figures in, figures out: write units on
demand, dollars at list price, seconds at a rate.

A row costs a write unit for each of its memberships in the index, and the units of its new rows, once for the table and once
for each index that they stand in. Notes come on top, some 3 units a hundred rows; the set of a group with very many members
costs up to four units more a member.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DOLLARS_PER_MILLION_WRITES = 0.625
PRICES = "list price of us-east-1, standard class, on demand, September 2026; other Regions differ"

UNIT = 1_024
"""Bytes that one write unit takes."""


@dataclass(frozen=True, slots=True)
class Fanout:
    """How many members the groups have that new rows are made for each of."""

    groups: int
    links: int
    median: int
    p90: int
    p99: int
    most: int


@dataclass(frozen=True, slots=True)
class Table:
    """An old table. `rows` that it has; in the mean of them: `members`, memberships in the index; `copies`, new rows; `units`,
    write units of these with their indexes."""

    rows: int
    members: float
    copies: float
    units: float


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


def fanout(members: Iterable[int]) -> Fanout:
    """`members`: how many each group has."""
    counts = sorted(members)
    if not counts:
        return Fanout(0, 0, 0, 0, 0, 0)
    return Fanout(len(counts), sum(counts), _at(counts, 0.5), _at(counts, 0.9), _at(counts, 0.99), counts[-1])


def forecast(tables: Sequence[Table], rate: float) -> Forecast:
    """`rate`: write units a second."""
    index = sum(each.rows * each.members for each in tables)
    rows = sum(each.rows * each.copies for each in tables)
    new = sum(each.rows * each.units for each in tables)
    units = round(index + new)
    return Forecast(round(rows), round(index), round(new), units * DOLLARS_PER_MILLION_WRITES / 1e6, units / rate)


def units(size: int) -> int:
    """Write units of one item of so many bytes."""
    return max(1, -(-size // UNIT))


def _at(counts: Sequence[int], share: float) -> int:
    return counts[min(len(counts) - 1, int(share * len(counts)))]
