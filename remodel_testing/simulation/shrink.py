"""A failing world becomes a short story: one thing less at a time, for as long as some schedule of it still fails."""

from __future__ import annotations

from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.run import Run
from remodel_testing.simulation.world import World

SCHEDULES = 100
"""Tried for every smaller world."""


def failing(world: World, first: str, schedules: int = SCHEDULES) -> str | None:
    """The first seed of a schedule of the world that ends wrong; `first` is tried before the others."""
    seeds = [first, *(f"{first}/{n}" for n in range(schedules))]
    return next((seed for seed in seeds if Run(world, Chance(seed)).go()), None)


def shrink(world: World, seed: str, schedules: int = SCHEDULES) -> tuple[World, str]:
    """The smallest world that could be found, and the seed of a schedule of it that fails."""
    best, smaller = (world, seed), True
    while smaller:
        smaller = False
        for candidate in best[0].smaller():
            found = failing(candidate, seed, schedules)
            if found is not None:
                best, smaller = (candidate, found), True
                break
    return best


def story(world: World, seed: str) -> list[str]:
    """What happened, line by line, and how it ended."""
    run = Run(world, Chance(seed), trace=True)
    problems = run.go()
    assert run.trace is not None
    start = [f"before: {table} {text}: {item}" for table, text, item in world.before]
    kept = {name: value for name, value in vars(world).items() if name not in ("before", "changes", "late")}
    return [f"world: {kept}", *start, *run.trace, *(f"at the end: {problem}" for problem in problems)]
