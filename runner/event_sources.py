"""The event sources of all streams, switched off until they are idle, and on again."""

from __future__ import annotations

from runner.world import World


def stop(world: World) -> None:
    """Until nothing is under way any more. Raises NotReady."""

    def are_idle() -> bool:
        return all(each.idle for each in world.readers.look() if each.deployed)

    if not are_idle():
        world.readers.switch(False)
        world.wait(are_idle, "every event source to be idle", _NOT_YET)


def start(world: World) -> None:
    """Until every stream is shown to be read. Raises NotReady."""
    world.readers.switch(True)

    def are_on() -> bool:
        return all(each.enabled for each in world.readers.look() if each.deployed)

    world.wait(are_on, "every event source to be on", _NOT_YET)


_NOT_YET = "one that is not: try again later"
