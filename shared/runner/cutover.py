"""One step from the old model to the new one, behind a gate: stop the event sources, wait until they are idle, compare once
more, flip the read flag. Until the flag is flipped nothing has happened that is not taken back by itself.

What the application still writes to the old tables after the event sources have stopped reaches the new ones no more. The
comparison in between finds what was written before it; so the application must not write to the old tables from then on,
until it has seen the flag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from remodel.flow.quarantine import all_held
from remodel.flow.streams import gaps
from runner import event_sources
from runner.backfill import open_segments
from runner.comparison import Asked, both_ways, compare
from runner.errors import NotReady
from runner.gate import LAG, Condition, Facts, conditions
from runner.journal import Step
from runner.world import NEW, World

CATCH_UP = 120.0
"""Seconds to wait for the streams after an earlier cutover was cut off, or given up."""

SEGMENTS = 4

STOPPED = "cutover"
"""Notes of a cutover that has stopped the event sources. Whoever else stops them, a rollback above all, means it."""

Watch = Callable[[str], None]


def gate(world: World, accepted: Iterable[str]) -> list[Condition]:
    now = world.engine.clock.now()
    full = next((each for each in reversed(world.journal.steps("validate")) if each.facts.get("full")), None)
    backup = world.journal.last_done("backup")
    facts = Facts(
        readers=world.readers.look(),
        compared=now - full.facts["compared"] if full and full.outcome == "done" else None,
        drift=full.facts.get("drift") if full else None,
        refused=Counter(held.reason for held in all_held(world.engine)),
        accepted=list(accepted),
        failed=len(world.failures.look()),
        backup=now - began(backup) if backup else None,
        gaps=[gap.source for gap in gaps(world.engine, world.patience())],
        fanouts=world.stack.fanouts() or 0,
        open=[table for table, left in open_segments(world, 1).items() if left],
    )
    return list(conditions(facts))


def cutover(world: World, accepted: Iterable[str], watch: Watch) -> str:
    """Answers what the flag says now. Raises NotReady, Busy and CallFailed."""
    with world.journal.step("cutover", "backfill", "rollback", "finish") as facts:
        if world.flag.read() == NEW:
            facts["flag"] = f"{NEW} already"
            world.journal.forget(STOPPED)
            return NEW
        _start_again(world, watch)
        gated = gate(world, accepted)
        facts["conditions"] = {each.name: each.told for each in gated}
        if shut := [f"{each.name} ({each.told}): {each.todo}" for each in gated if not each.met]:
            raise NotReady(f"expected every condition of the gate to be met, but: {'; '.join(shut)}")
        try:
            facts["compared"] = _stop_and_compare(world, watch)
        except BaseException:
            watch("switching the event sources on again")
            world.readers.switch(True)
            world.journal.forget(STOPPED)
            raise
        world.flag.write(NEW)
        world.journal.forget(STOPPED)
        facts["flag"] = NEW
    return NEW


def _start_again(world: World, watch: Watch) -> None:
    """Where an earlier cutover was killed between stopping and flipping."""
    if world.journal.recall(STOPPED) and event_sources.are_off(world):
        watch("switching the event sources on again, which an earlier cutover had stopped")
        event_sources.start(world)
        deadline = world.engine.clock.now() + CATCH_UP
        while not _read(world) and world.engine.clock.now() < deadline:
            world.engine.clock.sleep(event_sources.PAUSE)


def _read(world: World) -> bool:
    return all(each.polled is not None and each.lag is not None and each.lag <= LAG for each in world.readers.look())


def _stop_and_compare(world: World, watch: Watch) -> dict[str, int]:
    watch("stopping the event sources")
    world.journal.remember(STOPPED, "event sources", True)
    event_sources.stop(world)
    watch("comparing once more")
    found = compare(world, Asked("cutover", both_ways(world), SEGMENTS))
    if found.drift:
        raise NotReady(
            f"expected nothing to differ once the event sources were idle, found {found.drift} rows: the application still "
            "writes to the old tables; let it pause its writes, then cut over again"
        )
    return found.tables["found"]


def began(step: Step) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(step.began).timestamp()
