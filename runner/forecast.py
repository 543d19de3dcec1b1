"""What a backfill writes, reads, costs and takes. Figures in, figures out: units, dollars at list price, seconds at a
rate.

A unit is what DynamoDB bills, and what the backfill counts: of a new row, the row itself and its entry in each index;
of the engine's index, each membership, and a page's notes; of quarantine, each rejected row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runner.pace import SEGMENTS

DOLLARS_PER_MILLION_WRITES, DOLLARS_PER_MILLION_READS = 0.625, 0.125
"""On demand."""

WRITE_HOUR, READ_HOUR = 0.00065, 0.00013
"""Dollars for an hour of one provisioned write unit a second, and of one read unit."""

PRICES = (
    "list price of us-east-1, standard class, September 2026; provisioned capacity for as long as the backfill takes; "
    "other Regions differ"
)

WRITE_SIZE, READ_SIZE = 1_024, 4_096
"""Bytes that one write unit takes, and one strongly consistent read unit."""

WORKER = 200.0
"""Rows a second of a segment of a backfill: docs/scale.md says where that comes from."""


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
class Use:
    """Of a table, or of an index of one: units in all; `capacity`: units a second that are provisioned, None on
    demand."""

    units: float
    capacity: float | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """Write units a second, and why this rate."""

    units: float
    why: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """`index_units`: of the engine's own tables, notes and quarantine included; `new_units`: of the new tables with
    their indexes. `reads`: by old table. `seconds`: at the rate. `tight`: what the rate exceeds, and by how
    much."""

    new_rows: int
    index_units: int
    new_units: int
    units: int
    reads: dict[str, Use]
    dollars: float
    seconds: float
    rate: Rate
    tight: dict[str, str]


def fanout(members: Iterable[int]) -> Fanout:
    """`members`: how many each group has."""
    counts = sorted(members)
    if not counts:
        return Fanout(0, 0, 0, 0, 0, 0)
    return Fanout(len(counts), sum(counts), _at(counts, 0.5), _at(counts, 0.9), _at(counts, 0.99), counts[-1])


def assumed_rate(units: float, rows: float) -> Rate:
    """What the backfill reaches with nothing in its way."""
    why = f"{SEGMENTS} segments of {WORKER:.0f} rows a second each; `--rate` holds it to another"
    return Rate(max(1.0, SEGMENTS * WORKER * units / max(1.0, rows)), why)


def tight(writes: Mapping[str, Use], reads: Mapping[str, Use], rate: float, seconds: float) -> dict[str, str]:
    """Where the backfill needs more units a second than are provisioned, by table or index."""
    total, found = sum(each.units for each in writes.values()), {}
    for what, uses in (("write", writes), ("read", reads)):
        for name, use in uses.items():
            need = use.units / max(seconds, 1.0)
            if use.capacity is not None and need > use.capacity:
                fits = use.capacity / use.units * total
                found[name] = (
                    f"{use.capacity:,.0f} {what} units a second are provisioned, {need:,.0f} are needed at {rate:,.0f} write "
                    f"units a second in all: they suffice for `--rate {max(1, int(fits))}`"
                )
    return found


def dollars(writes: Iterable[Use], reads: Iterable[Use], seconds: float) -> float:
    written = _price(writes, DOLLARS_PER_MILLION_WRITES, WRITE_HOUR, seconds)
    return written + _price(reads, DOLLARS_PER_MILLION_READS, READ_HOUR, seconds)


def write_units(size: int) -> int:
    """Of one item of so many bytes."""
    return max(1, -(-size // WRITE_SIZE))


def read_units(size: int) -> int:
    """Of one item of so many bytes, strongly consistent."""
    return max(1, -(-size // READ_SIZE))


def _price(uses: Iterable[Use], million: float, hour: float, seconds: float) -> float:
    hours = seconds / 3_600
    prices = (each.units * million / 1e6 if each.capacity is None else each.capacity * hour * hours for each in uses)
    return sum(prices)


def _at(counts: Sequence[int], share: float) -> int:
    return counts[min(len(counts) - 1, int(share * len(counts)))]
