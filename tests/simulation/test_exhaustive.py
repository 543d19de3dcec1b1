"""The smallest of the worlds in every interleaving, and what they are for: without a guard they end wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

import pytest

from tests.simulation.exhaustive import WORLDS, Access, Bounded, Walk, explore
from tests.simulation.guards import without

APPEARS = "a row and its link appear"
SECOND = "a second delivery beside the row's deletion"
SMALL = [
    APPEARS,
    "a link goes while a row appears",
    "a row goes while the other claimant of its key appears",
    "a backfill page beside a row that changes and goes",
    "a sweep beside the deletion of the row that it finishes",
    "a link appears beside its user's person",
    "library: a book and its author appear",
]


@pytest.mark.parametrize("name", SMALL)
def test_every_interleaving_ends_right(name: str) -> None:
    assert explore(WORLDS[name], kills=False).wrong == []


def test_every_interleaving_with_a_kill_ends_right() -> None:
    found = explore(WORLDS[SECOND])

    assert found.wrong == []
    assert found.dying > found.whole > 1


@pytest.mark.parametrize(
    ("guard", "name"),
    [
        ("join: before the other side is read", APPEARS),
        ("revalidate: at all", SECOND),
        ("notes: of calls", SECOND),
    ],
)
def test_a_guard_that_is_gone_is_noticed(guard: str, name: str) -> None:
    with without(guard):
        assert explore(WORLDS[name], enough=1).wrong


# The walk itself, through programs of which all orders can be counted


class Program:
    """Calls that read and write cells; a call that has read something odd leaves its next step out."""

    counts = True

    def __init__(self, calls: Sequence[Sequence[Access]]) -> None:
        self.left = [list(steps) for steps in calls]
        self.read: list[list[int]] = [[] for _ in calls]
        self.cells: dict[str, int] = {}

    def pending(self) -> dict[int, Access]:
        return {n: steps[0] for n, steps in enumerate(self.left) if steps}

    def go(self, n: int) -> None:
        access = self.left[n].pop(0)
        if access.writes:
            self.cells[access.text] = 31 * self.cells.get(access.text, 0) + n + sum(self.read[n]) + 1
            return
        found = sum(value for text, value in self.cells.items() if text.startswith(access.text))
        self.read[n].append(found)
        if found % 2:
            del self.left[n][:1]

    def end(self) -> str:
        return repr((sorted(self.cells.items()), self.read))


def drawn(r: random.Random) -> list[list[Access]]:
    def access() -> Access:
        kind = r.random()
        return Access("", "", is_range=True) if kind < 0.1 else Access("", r.choice("abc"), writes=kind < 0.5)

    return [[access() for _ in range(r.randint(1, 3))] for _ in range(3)]


def every_end(calls: Sequence[Sequence[Access]], bound: int) -> set[str]:
    ends = set[str]()
    ways: list[tuple[tuple[int, ...], int]] = [((), 0)]
    while ways:
        way, used = ways.pop()
        program = Program(calls)
        for n in way:
            program.go(n)
        if not (pending := program.pending()):
            ends.add(program.end())
        for n in pending:
            interrupts = bool(way) and way[-1] != n and way[-1] in pending
            if used + interrupts <= bound:
                ways.append(((*way, n), used + interrupts))
    return ends


@pytest.mark.parametrize("seed", range(10))
def test_a_walk_misses_no_end_of_a_program(seed: int) -> None:
    calls = drawn(random.Random(seed))
    start = partial(Program, calls)

    assert {each.end() for each in Walk(start)} == every_end(calls, 99)
    for bound in (0, 1, 2):
        assert {each.end() for each in Bounded(start, bound)} == every_end(calls, bound)
