"""Whatever a run leaves open: who goes on, who is killed, which request fails. One seed, one schedule.

Uniform choice finds almost nothing. As PCT does (Burckhardt et al., ASPLOS 2010), each choice has a priority that changes
rarely, so that a call may sleep through the whole work of others. Calls go on in bursts, fall asleep before a write of a new
row, and are killed right after one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

RARE, LEADS, ASLEEP = 0.15, 0.93, 0.2
"""Chances: that a priority changes; that the highest one goes on; that a call falls asleep before a write."""


class Chance:
    def __init__(self, seed: object) -> None:
        made = random.Random(f"schedule {seed}")
        self._random = made.random
        self._priorities: dict[str, float] = {}
        self._burst = made.choice((0.6, 0.25, 0.08, 0.03))

    def choose(self, names: Sequence[str]) -> str:
        rnd, priorities = self._random, self._priorities
        if rnd() < RARE:
            priorities[self.one_of(names)] = rnd()
        for name in names:
            if name not in priorities:
                priorities[name] = rnd()
        return max(names, key=priorities.__getitem__) if rnd() < LEADS else self.one_of(names)

    def stops(self) -> bool:
        """Whether a call is interrupted at this step, so that another may go on."""
        return self._random() < self._burst

    def falls_asleep(self, name: str) -> bool:
        if self._random() < ASLEEP:
            self._priorities[name] = self._random() * ASLEEP
            return True
        return False

    def happens(self, probability: float) -> bool:
        return probability > 0 and self._random() < probability

    def one_of(self, things: Sequence[T]) -> T:
        return things[int(self._random() * len(things))]

    def number(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def shuffled(self, things: Sequence[T]) -> list[T]:
        return sorted(things, key=lambda _: self._random())
