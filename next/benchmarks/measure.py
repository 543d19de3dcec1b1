"""Figures: what was measured, round by round, for each contender, and the bounds that it is held to.

A figure's contenders take turns within a round, and their order turns from round to round, so that whatever else the
machine does meets all of them. A bound is the median of the ratios of the rounds, not the ratio of two medians.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

OURS, FLOOR = "remodel", "floor"


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds: of this process's own CPU, and on the wall."""

    cpu: float
    wall: float


def spent(work: Callable[[], object]) -> Spent:
    """What one piece of work in this process takes, garbage of others left out."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


@dataclass(frozen=True, slots=True)
class Bound:
    """`found` is to be `limit` at the most; what of what, `text` says."""

    text: str
    found: float
    limit: float

    @property
    def is_reached(self) -> bool:
        return self.found <= self.limit


@dataclass(slots=True)
class Figure:
    """One row of the table. `series`: a value for each round, by contender."""

    name: str
    unit: str
    series: dict[str, list[float]] = field(default_factory=dict)
    bounds: list[Bound] = field(default_factory=list)
    note: str = ""

    def add(self, contender: str, value: float) -> None:
        self.series.setdefault(contender, []).append(value)

    def at_most(self, times: float, of: str, than: str | None = None) -> None:
        """Bounds a contender (ours, where none is named) by a multiple of another one."""
        ratios = [a / b for a, b in zip(self.series[than or OURS], self.series[of], strict=True)]
        self.bounds.append(Bound(f"× {of}", median(ratios), times))

    def at_least(self, times: float, of: str) -> None:
        """The other way round, for what is better when it is more."""
        ratios = [b / a for a, b in zip(self.series[OURS], self.series[of], strict=True)]
        self.bounds.append(Bound(f"{of} ÷ {OURS}", median(ratios), times))

    def is_at_most(self, limit: float, text: str = "") -> None:
        self.bounds.append(Bound(text or self.unit, median(self.series[OURS]), limit))

    def median(self, contender: str = OURS) -> float:
        return median(self.series[contender])

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "series": {
                name: {"median": median(values), "low": min(values), "high": max(values), "rounds": values}
                for name, values in self.series.items()
            },
            "bounds": [
                {"of": each.text, "found": each.found, "limit": each.limit, "reached": each.is_reached}
                for each in self.bounds
            ],
            "note": self.note,
        }


def in_turns(number: int, contenders: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each contender answers, begun with another one each round."""
    names: Sequence[str] = list(contenders)
    first = number % len(names)
    return {name: contenders[name]() for name in [*names[first:], *names[:first]]}
