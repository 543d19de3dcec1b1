"""One step from the old model to the new one, behind a gate: stop the event sources, wait until they are idle and everything
that was begun is finished, set the fence, compare once more, flip the read flag. Until the flag is flipped nothing has happened
that is not taken back by itself.

What the application still writes to the old tables after the event sources have stopped reaches the new ones no more. The
comparison in between finds what was written before it; so the application must not write to the old tables from then on,
until it has seen the flag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from remodel import fence
from remodel.call import when
from remodel.converge import OLDER_THAN
from remodel.fanout import pending
from remodel.notes import open_notes
from remodel.quarantine import held
from remodel.streams import gaps
from runner import event_sources, ownership, returned
from runner.backfill import open_segments
from runner.calls import call
from runner.comparison import Asked, both_ways, compare
from runner.errors import NotReady
from runner.gate import LAG, Condition, Facts, conditions
from runner.journal import Step
from runner.validate import last
from runner.world import NEW, World

CATCH_UP = 120.0
"""Seconds to wait for the streams after an earlier cutover was cut off, or given up."""

DRAIN = OLDER_THAN + 240.0
"""Seconds to wait for what was begun: the note of a call that died has no owner only after OLDER_THAN."""

PAUSE = 5.0

SEGMENTS = 4

STOPPED = "cutover"
"""Notes of a cutover that has stopped the event sources. Whoever else stops them, a rollback above all, means it."""

Watch = Callable[[str], None]


def gate(world: World, accepted: Iterable[str]) -> list[Condition]:
    now, it = world.clock.now(), world.call()
    full = last(world, full=True)
    backup = world.journal.last_done("backup")
    back = returned.last(world)
    facts = Facts(
        readers=world.readers.look(),
        compared=_compared(full, back, now),
        drift=full.facts.get("drift") if full else None,
        refused=Counter(each.reason for each in held(it)),
        accepted=list(accepted),
        failed=len(world.failures.look()),
        backup=now - began(backup) if backup else None,
        gaps=[gap.source for gap in gaps(it)],
        claims=full.facts.get("claims", 0) if full else 0,
        notes=[now - note.at for note in open_notes(it)],
        fanouts=len(pending(it)),
        fenced=ownership.fenced_since(world),
        uncovered=back is not None and not back.is_covered,
        open=[table for table, left in open_segments(world, 1).items() if left],
    )
    return list(conditions(facts))


def _compared(full: Step | None, back: returned.Returned | None, now: float) -> float | None:
    """Seconds since the last full comparison was begun; None where none counts: before a resync, it may be too old."""
    if full is None or full.outcome != "done":
        return None
    compared = float(full.facts["compared"])
    return None if back is not None and compared < (back.resynced or back.began) else now - compared


def cutover(world: World, accepted: Iterable[str], watch: Watch) -> str:
    """Answers what the flag says now. Raises NotReady, Busy and CallFailed."""
    with world.journal.step("cutover", "backfill", "rollback", "finish", "resync") as facts:
        if world.flag.read() == NEW:
            facts["flag"] = f"{NEW} already"
            _forget(world)
            return NEW
        _start_again(world, watch)
        gated = gate(world, accepted)
        facts["conditions"] = {each.name: each.told for each in gated}
        if shut := [f"{each.name} ({each.told}): {each.todo}" for each in gated if not each.met]:
            raise NotReady(f"expected every condition of the gate to be met, but: {'; '.join(shut)}")
        try:
            facts["compared"] = _stop_and_compare(world, watch)
        except BaseException:
            watch("lifting the fence, and switching the event sources on again")
            world.call().lift_fence()
            world.readers.switch(True)
            world.journal.forget(STOPPED)
            raise
        world.flag.write(NEW)
        _forget(world)
        facts["flag"] = NEW
    return NEW


def _forget(world: World) -> None:
    world.journal.forget(STOPPED)
    returned.forget(world)


def _start_again(world: World, watch: Watch) -> None:
    """Where an earlier cutover was killed between stopping and flipping."""
    if not world.journal.recall(STOPPED):
        return
    world.call().lift_fence()
    if event_sources.are_off(world):
        watch("switching the event sources on again, which an earlier cutover had stopped")
        event_sources.start(world)
        deadline = world.clock.now() + CATCH_UP
        while not _read(world) and world.clock.now() < deadline:
            world.clock.sleep(event_sources.PAUSE)


def _read(world: World) -> bool:
    return all(each.polled is not None and each.lag is not None and each.lag <= LAG for each in world.readers.look())


def _stop_and_compare(world: World, watch: Watch) -> dict[str, int]:
    watch("stopping the event sources")
    world.journal.remember(STOPPED, "event sources", True)
    event_sources.stop(world)
    watch("waiting until everything that was begun is finished")
    _drain(world)
    watch("setting the fence")
    world.call().set_fence(when(world.clock.now()))
    world.clock.sleep(fence.BOUND)
    if left := _unfinished(world):
        raise NotReady(f"expected nothing to be under way behind the fence, found {left}: cut over again")
    watch("comparing once more")
    found = compare(world, "cutover", Asked(both_ways(world)), SEGMENTS)
    if wrong := found.drift + found.counts["claims"]:
        raise NotReady(
            f"expected nothing to differ once the event sources were idle, found {wrong} rows: the application still "
            "writes to the old tables; let it pause its writes, then cut over again"
        )
    return found.rows


def _drain(world: World) -> None:
    """Raises NotReady. Behind the fence nothing could be finished any more."""
    deadline = world.clock.now() + DRAIN
    while left := _unfinished(world):
        if world.clock.now() > deadline:
            raise NotReady(
                f"expected everything that was begun to be finished within {DRAIN:.0f} s, found {left}: see the logs of the "
                "sweeper and of the fan-out worker"
            )
        # By its own bound of age: a younger note may belong to a call that still runs.
        call(world, "Sweep")
        world.clock.sleep(PAUSE)


def _unfinished(world: World) -> str:
    """What is under way, as a person reads it; empty for nothing."""
    notes, fanouts = len(open_notes(world.call())), len(pending(world.call()))
    return f"{notes} open notes and {fanouts} pending fan-outs" if notes or fanouts else ""


def began(step: Step) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(step.began).timestamp()
