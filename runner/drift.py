"""The picture of drift over time: where each run of `validate` stands in it, worked out from the runs.

Across, each run is one step, in percent of the width, so that a picture of any width has letters of one size. Upwards,
pixels: in proportion where drift is small, by its logarithm beyond that, since what matters most is to tell 0 from 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LEFT, RIGHT = 13.0, 97.0
"""Percent of the width between which runs stand; the labels of the scale stand to the left of them."""

TOP, BOTTOM = 44.0, 196.0
"""Pixels from the upper edge."""

SMALL = 20
"""Up to this drift the scale is in proportion."""

RUNS = 120
"""The latest runs that are shown."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of `validate`. `ended`: ISO 8601; `drift`: new rows that differed, None where it did not get so far."""

    ended: str
    drift: int | None
    passed: bool


@dataclass(frozen=True, slots=True)
class Point:
    run: Run
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Picture:
    """`lines`: from point to point, but not to and from a run that did not get so far. `left_out`: runs."""

    points: list[Point]
    lines: list[tuple[Point, Point]]
    levels: list[tuple[int, float]]
    is_logarithmic: bool
    left_out: int


def picture(runs: Sequence[Run]) -> Picture:
    """`runs`: at least one, oldest first."""
    shown, last = runs[-RUNS:], len(runs[-RUNS:]) - 1
    most = max((run.drift or 0 for run in shown), default=0)
    levels = _levels(most)
    points = [
        Point(run, round(LEFT + (RIGHT - LEFT) * (n / last if last else 0.5), 2), _y(run.drift or 0, levels[-1]))
        for n, run in enumerate(shown)
    ]
    lines = [pair for pair in pairwise(points) if all(point.run.drift is not None for point in pair)]
    heights = [(level, _y(level, levels[-1])) for level in levels]
    return Picture(points, lines, heights, most > SMALL, len(runs) - len(shown))


def _levels(most: int) -> list[int]:
    """Whole numbers from 0 to what is no less than the greatest drift."""
    if most > SMALL:
        return [0, *(10**n for n in range(math.ceil(math.log10(most)) + 1))]
    step = 1 if most <= 4 else 2 if most <= 8 else 5
    return list(range(0, max(most, 1) + step, step))


def _y(drift: int, top: int) -> float:
    share = _magnitude(drift) / _magnitude(top) if top > SMALL else drift / top
    return round(BOTTOM - (BOTTOM - TOP) * share, 1)


def _magnitude(drift: int) -> float:
    """0, 1, 10, 100 are equally far from each other."""
    return 1 + math.log10(drift) if drift else 0.0
