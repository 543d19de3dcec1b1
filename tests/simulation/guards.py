"""Each guard of the protocol, taken away in turn, by the tests alone; the simulation or a story must notice every one.

A guard is named by its step of the protocol. `python -m tests.simulation.guards` prints after how many schedules each was
caught, or by which stories; one that never is fails.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from unittest.mock import patch

from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.run import Run
from remodel_testing.simulation.world import World
from tests.simulation.__main__ import schedules
from tests.simulation.removed import GUARDS
from tests.simulation.stories import STORIES
from tests.simulation.worlds import draw

MODELS = ("measures", "measures", "shop", "library")

SCHEDULES = 5_000
"""After which a guard counts as not caught by chance."""

BESIDE = 300
"""Schedules of a guard that a story catches."""


@contextmanager
def without(guard: str) -> Iterator[None]:
    with ExitStack() as stack:
        for target, name, value in GUARDS[guard]():
            stack.enter_context(patch.object(target, name, value, create=isinstance(value, property)))
        yield


def caught_by_chance(guard: str, count: int = SCHEDULES, seed: str = "guards") -> int | None:
    """After how many schedules the simulation noticed that the guard is gone; of worlds that need it, where few do."""
    needs, tried = NEEDED.get(guard.partition(":")[0], _always), 0
    with without(guard):
        for model, each in schedules(MODELS, seed, 0, count * 20):
            world = draw(each, model)
            if not needs(world):
                continue
            tried += 1
            problems = Run(world, Chance(each)).go()
            assert not any(" raised " in each for each in problems), f"expected the engine to run, found {problems}"
            if problems or tried == count:
                return tried if problems else None
    return None


def _always(world: World) -> bool:
    return True


NEEDED: dict[str, Callable[[World], bool]] = {
    "fence": lambda world: world.cutovers > 0,
    "cutover": lambda world: world.cutovers > 0,
    "rollback": lambda world: world.cutovers > 0,
    "resync": lambda world: world.gaps + world.blind > 0,
}


def caught_by_stories(guard: str) -> list[str]:
    found = []
    with without(guard):
        for name, story in STORIES.items():
            try:
                if story.ends():
                    found.append(name)
            except Exception:
                continue
    return found


def told(guard: str, count: int) -> tuple[bool, str]:
    """Where a story notices it, chance is tried for a while only."""
    stories = caught_by_stories(guard)
    tried = min(count, BESIDE) if stories else count
    schedule = caught_by_chance(guard, tried)
    by_chance = f"after {schedule} schedules" if schedule else f"not in {tried}"
    return bool(stories or schedule), f"{by_chance:>20}  {'; '.join(stories) or '-'}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="guards", description=__doc__)
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("names", nargs="*", metavar="guard", help="all, unless some are named")
    asked = parser.parse_args()
    names = asked.names or list(GUARDS)
    never = []
    with ProcessPoolExecutor() as pool:
        for name, (caught, line) in zip(names, pool.map(partial(told, count=asked.schedules), names), strict=True):
            print(f"{name:<75} {line}", flush=True)
            never += [] if caught else [name]
    print(f"guards {len(names)} never caught {len(never)}" + "".join(f"\n  {name}" for name in never))
    return 1 if never else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation.guards", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
