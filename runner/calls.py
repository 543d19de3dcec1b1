"""Calls of deployed functions: again where one failed in passing, and several side by side until one fails for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from runner.errors import CallFailed
from runner.world import World

TRIES = 5
"""Failures in a row before a verb gives up."""


def call(world: World, function: str, **payload: Any) -> Any:
    """Its answer. Raises CallFailed."""
    for failures in range(1, TRIES):
        try:
            return world.invoke(function, payload)
        except CallFailed:
            world.clock.sleep(2.0**failures)
    return world.invoke(function, payload)


def side_by_side(jobs: Sequence[Callable[[Event], None]]) -> None:
    """Each is given an event that says when another has failed, or a person has stopped it all."""
    stop = Event()
    with ThreadPoolExecutor(max_workers=max(1, len(jobs))) as pool:
        running = [pool.submit(job, stop) for job in jobs]
        try:
            for each in running:
                each.result()
        except BaseException:
            stop.set()
            raise
