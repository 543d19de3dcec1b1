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

LABELLED = 16
"""Up to so many runs, each is labelled with its drift; of more, only the last."""


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
    is_labelled: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Date:
    """Below a run: when it was. `anchor`: which end of the text stands there; minor ones give way where it is narrow."""

    ended: str
    x: float
    anchor: str
    is_minor: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """`lines`: from point to point; none to and from a run that found no drift, neither 0 nor other. `left_out`: runs."""

    points: list[Point]
    lines: list[tuple[Point, Point]]
    levels: list[tuple[int, float]]
    dates: list[Date]
    is_logarithmic: bool
    left_out: int


def picture(runs: Sequence[Run]) -> Picture:
    """`runs`: at least one, oldest first."""
    shown = runs[-RUNS:]
    most = max((run.drift or 0 for run in shown), default=0)
    levels = _levels(most)
    points = [_point(shown, n, levels[-1]) for n in range(len(shown))]
    lines = [pair for pair in pairwise(points) if all(point.run.drift is not None for point in pair)]
    heights = [(level, _y(level, levels[-1])) for level in levels]
    return Picture(points, lines, heights, _dates(points), most > SMALL, len(runs) - len(shown))


def _point(shown: Sequence[Run], n: int, top: int) -> Point:
    last = len(shown) - 1
    x = LEFT + (RIGHT - LEFT) * (n / last if last else 0.5)
    labelled = shown[n].drift is not None and (n == last or last < LABELLED)
    return Point(shown[n], round(x, 2), _y(shown[n].drift or 0, top), labelled, n == last)


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


def _dates(points: Sequence[Point]) -> list[Date]:
    last = len(points) - 1
    dates = []
    for n in sorted({round(last * quarter / 4) for quarter in range(5)}):
        anchor = "middle" if 0 < n < last or not last else "end" if n else "start"
        dates.append(Date(points[n].run.ended, points[n].x, anchor, 0 < n < last))
    return dates
