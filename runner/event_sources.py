"""The event sources of all streams, switched off until they are idle, and on again."""

from __future__ import annotations

from collections.abc import Callable

from runner.errors import NotReady
from runner.world import World

IDLE = 900.0
"""Seconds to wait for what is under way; as long as a call of Lambda may last."""

PAUSE = 1.0


def stop(world: World) -> None:
    """Until nothing is under way any more. Raises NotReady."""

    def are_idle() -> bool:
        return all(each.idle for each in world.readers.look() if each.deployed)

    if not are_idle():
        world.readers.switch(False)
        _wait(world, "idle", are_idle)


def start(world: World) -> None:
    """Until every stream is shown to be read. Raises NotReady."""
    world.readers.switch(True)
    _wait(world, "on", lambda: all(each.enabled for each in world.readers.look() if each.deployed))


def _wait(world: World, state: str, reached: Callable[[], bool]) -> None:
    deadline = world.clock.now() + IDLE
    while not reached():
        if world.clock.now() > deadline:
            raise NotReady(
                f"expected every event source to be {state} within {IDLE:.0f} s, found one that is not: try again later"
            )
        world.clock.sleep(PAUSE)
