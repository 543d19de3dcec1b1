"""A failing world becomes a short story: one thing less at a time, for as long as some schedule of it still fails."""

from __future__ import annotations

from tests.simulation.run import RandomScheduler, Run
from tests.simulation.world import World

SCHEDULES = 400
"""Tried for every smaller world."""


def failing(world: World, schedules: int = SCHEDULES, tag: object = 0) -> int | None:
    """The first schedule of the world that ends wrong."""
    return next((n for n in range(schedules) if Run(world, RandomScheduler((tag, n), world)).go()), None)


def shrink(world: World) -> tuple[World, int | None]:
    """The smallest world that could be found, and a schedule of it that fails."""
    best, schedule = world, failing(world)
    smaller = True
    while smaller:
        smaller = False
        for candidate in best.smaller():
            found = failing(candidate)
            if found is not None:
                best, schedule, smaller = candidate, found, True
                break
    return best, schedule


def story(world: World, schedule: int) -> list[str]:
    """What happened, line by line, and how it ended."""
    run = Run(world, RandomScheduler((0, schedule), world), trace=True)
    problems = run.go()
    assert run.trace is not None
    start = [f"before: {source} {name} {row}" for source, name, row in world.before]
    return [*start, *run.trace, *(f"at the end: {problem}" for problem in problems)]
