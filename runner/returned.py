"""What a rollback after a cutover leaves to be done: a resync, and then a complete comparison, before the next cutover.

What arrived while the fence was set was not written and has left no note, so nothing else would bring it over.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.journal import Step
from runner.world import World

SUBJECT = "return"
"""Notes on the last rollback after a cutover, until the next cutover."""

BEGAN, RESYNCED = "began", "resynced"


@dataclass(frozen=True, slots=True)
class Returned:
    """When the rollback began, and when the resync after it had ended, None before that; in seconds since the epoch."""

    began: float
    resynced: float | None

    @property
    def is_covered(self) -> bool:
        return self.resynced is not None


def last(world: World) -> Returned | None:
    """None where the application has never returned, or has been cut over again since."""
    notes = world.journal.recall(SUBJECT)
    return Returned(notes[BEGAN], notes.get(RESYNCED)) if BEGAN in notes else None


def is_interrupted(back: Returned | None, cut: Step | None) -> bool:
    """Whether a fence that is set is that of a cutover which was killed, so that the cutover may begin again. Otherwise it
    protects what the application has written to the new tables. `back`, `cut`: the last return, and the last cutover that ended
    well."""
    return back.is_covered if back is not None else cut is None


def begin(world: World) -> None:
    world.journal.forget(SUBJECT, RESYNCED)
    world.journal.remember(SUBJECT, BEGAN, world.clock.now())


def resynced(world: World) -> None:
    if last(world) is not None:
        world.journal.remember(SUBJECT, RESYNCED, world.clock.now())


def forget(world: World) -> None:
    world.journal.forget(SUBJECT)
