"""`make simulate SCHEDULES=n SEED=s`: many worlds, one random schedule each, on all cores.

The last line is `schedules n diverged d`. A schedule that ends wrong prints its seed, and the first one its story.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.run import RandomScheduler, Run
from tests.simulation.shrink import shrink, story
from tests.simulation.world import draw

CHUNK = 250


def simulate(seed: str) -> list[str]:
    """One world under one schedule; what is wrong at its end."""
    world = draw(seed)
    return Run(world, RandomScheduler(seed, world)).go()


def chunk(seed: str, first: int, count: int) -> tuple[int, list[str]]:
    return count, [f"{seed}-{n}" for n in range(first, first + count) if simulate(f"{seed}-{n}")]


def simulate_all(schedules: int, seed: str, workers: int | None = None) -> list[str]:
    """The seeds of those that ended wrong."""
    began, done, diverged = time.monotonic(), 0, list[str]()
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        jobs = [pool.submit(chunk, seed, n, min(CHUNK, schedules - n)) for n in range(0, schedules, CHUNK)]
        for job in jobs:
            count, failed = job.result()
            done += count
            diverged += failed
            for each in failed:
                print(f"diverged: seed {each}", flush=True)
            if done % (CHUNK * 20) == 0:
                rate = done / (time.monotonic() - began)
                print(f"{done} of {schedules}, {rate:.0f}/s, {(schedules - done) / rate:.0f} s left", flush=True)
    print(f"{done / (time.monotonic() - began):.0f} schedules a second, seed {seed}")
    return diverged


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--schedules", type=int, default=20_000)
    parser.add_argument("--seed", default="1")
    asked = parser.parse_args()
    diverged = simulate_all(asked.schedules, asked.seed)
    if diverged:
        world, schedule = shrink(draw(diverged[0]))
        print(
            f"the story of {diverged[0]}:" if schedule is not None else f"{diverged[0]} fails under one schedule only"
        )
        print("\n".join(story(world, schedule) if schedule is not None else whole_story(diverged[0])))
    print(f"schedules {asked.schedules} diverged {len(diverged)}")
    return 1 if diverged else 0


def whole_story(seed: str) -> list[str]:
    run = Run(draw(seed), RandomScheduler(seed, draw(seed)), trace=True)
    problems = run.go()
    return [*(run.trace or []), *problems]


if __name__ == "__main__":
    sys.exit(main())
