"""The real engine converges under every schedule that is tried, and the simulation notices each guard that is taken away."""

from __future__ import annotations

import pytest

from tests.simulation.__main__ import simulate, simulate_all
from tests.simulation.exhaustive import LARGE, WORLDS, walk
from tests.simulation.guards import GUARDS, SCHEDULES, caught, without
from tests.simulation.shrink import failing, shrink, story
from tests.simulation.world import draw

SEED = "test"

QUICK = (
    "no version guard",
    "no tombstones",
    "no second look at a row",
    "no second look at a group",
    "keep the rows of removed links",
    "keep the former id of a first link",
    "no settling of stale changes",
    "no look where a row lives now",
    "no retry of unprocessed items",
    "quarantine forgets where a row was",
    "answer with the last record",
    "settle from the hand in every case",
    "quarantine without a look at the index",
)


@pytest.mark.timeout(400)
def test_random_schedules_converge() -> None:
    assert simulate_all(20_000, SEED) == []


@pytest.mark.parametrize("guard", QUICK)
@pytest.mark.timeout(200)
def test_a_guard_taken_away_is_noticed(guard: str) -> None:
    """Those that show within a few hundred schedules; `make simulate-guards` has them all."""
    assert guard in GUARDS
    found = caught(guard, SCHEDULES, "guards")

    print(f"{guard}: caught after {found} schedules")
    assert found is not None


@pytest.mark.parametrize("world", sorted(WORLDS.keys() - LARGE))
@pytest.mark.timeout(400)
def test_every_interleaving_of_a_small_world_converges(world: str) -> None:
    states, diverged = walk(WORLDS[world])

    print(f"{world}: {states} states")
    assert diverged == []
    assert states > 100


def test_a_failing_schedule_shrinks_to_a_story() -> None:
    """With a guard taken away, some world fails; what is left of it is small, and still fails."""

    with without("no tombstones"):
        seed = next(n for n in range(500) if simulate(f"guards-{n}"))
        world, schedule = shrink(draw(f"guards-{seed}"))
        assert schedule is not None
        told = story(world, schedule)
        assert failing(world) is not None

    assert len(world.before) + len(world.changes) <= 4
    assert told[-1].startswith("at the end: ")
