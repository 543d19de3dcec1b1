"""`python -m tests.simulation --schedules N --seed S [--model NAME]`: many worlds, one schedule each, on all cores.

The last line is `schedules N diverged D`. A schedule that ends wrong prints how to replay it, and the first one its story,
shrunk to a few lines where that is possible.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.run import Run
from remodel_testing.simulation.shrink import shrink, story
from tests.simulation.worlds import SUBJECTS, draw

CHUNK = 100

MODELS = (
    "measures",
    "measures",
    "shop",
    "library",
    "measures",
    "measures",
    "shop",
    "keys",
    "self",
    "chain",
    "lookalike",
)
"""In turn; the largest most often."""

Schedule = tuple[str, str]
"""Model and seed."""


def simulate(model: str, seed: str) -> list[str]:
    """One world under one schedule; what is wrong at its end."""
    return Run(draw(seed, model), Chance(seed)).go()


def schedules(models: Sequence[str], seed: str, first: int, count: int) -> Iterator[Schedule]:
    for n in range(first, first + count):
        yield models[n % len(models)], f"{seed}-{n}"


def chunk(models: Sequence[str], seed: str, first: int, count: int) -> tuple[int, list[tuple[Schedule, str]]]:
    each = [(one, simulate(*one)) for one in schedules(models, seed, first, count)]
    return count, [(one, problems[0]) for one, problems in each if problems]


def simulate_all(models: Sequence[str], count: int, seed: str, workers: int | None = None) -> list[Schedule]:
    """Those that ended wrong."""
    began, done, diverged = time.monotonic(), 0, list[Schedule]()
    with ProcessPoolExecutor(workers or os.cpu_count(), initializer=gc.freeze) as pool:
        jobs = [pool.submit(chunk, models, seed, n, min(CHUNK, count - n)) for n in range(0, count, CHUNK)]
        for number, job in enumerate(as_completed(jobs), 1):
            finished, failed = job.result()
            done += finished
            for one, problem in failed:
                diverged.append(one)
                print(f"diverged: {problem[:160]}\n  replay: {replay(*one)}", flush=True)
            if number % max(1, len(jobs) // 20) == 0:
                rate = done / (time.monotonic() - began)
                print(f"{done} of {count}, {rate:.0f}/s, {(count - done) / rate:.0f} s left", flush=True)
    return sorted(diverged)


def replay(model: str, seed: str) -> str:
    return f"python -m tests.simulation --model {model} --replay {seed}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--schedules", type=int, default=20_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--model", choices=sorted(SUBJECTS), help="one model instead of all")
    parser.add_argument("--replay", metavar="SEED", help="tell the story of one schedule instead")
    parser.add_argument("--shrink", action="store_true", help="with --replay: of the smallest world that still fails")
    asked = parser.parse_args()
    models = [asked.model] if asked.model else MODELS
    if asked.replay:
        return tell(models[0], asked.replay, asked.shrink)
    diverged = simulate_all(models, asked.schedules, asked.seed)
    if diverged:
        print(f"the story of {replay(*diverged[0])}:")
        tell(*diverged[0], True)
    print(f"schedules {asked.schedules} diverged {len(diverged)}")
    return 1 if diverged else 0


def tell(model: str, seed: str, smallest: bool) -> int:
    world, schedule = (draw(seed, model), seed) if not smallest else shrink(draw(seed, model), seed)
    lines = story(world, schedule)
    print("\n".join(lines))
    return int(lines[-1].startswith("at the end"))


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of a set of texts is part of a schedule.
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
