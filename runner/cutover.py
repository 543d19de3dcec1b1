"""One step from the old model to the new one: through the gate, the handover, and the flip of the read flag. Until the flag is
flipped nothing has happened that is not taken back by itself.

From then on the fence keeps every call from writing. The streams are still read: a change of an old table holds its shard and
raises an alarm, since an application that was not told of the cutover has made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from remodel.fanout import pending
from remodel.notes import open_notes
from remodel.quarantine import held
from remodel.streams import gaps
from runner import ownership, returned
from runner.backfill import open_segments
from runner.errors import NotReady
from runner.figures import duration
from runner.gate import Condition, Facts, conditions
from runner.handover import hand_over, named
from runner.journal import Step
from runner.validate import last
from runner.world import NEW, World

LATE = 1.0
"""Seconds after the flip at which the tips are looked at once more."""

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


@dataclass(frozen=True, slots=True)
class Flipped:
    """`flag`: what it says now. `paused_seconds`: from the application's last change of the old tables to the flip.
    `conditions`: of the gate, with their figures. `late`: rows of the old tables that were changed at the very moment of the
    flip, and are not in the new ones."""

    flag: str
    paused_seconds: float = 0.0
    conditions: dict[str, str] = field(default_factory=dict)
    compared: int = 0
    late: list[str] = field(default_factory=list)


def effect(world: World) -> str:
    return (
        "would ask for a pause of the application's writes to the old tables, wait until the streams show that it is quiet and "
        f"its changes have arrived, set the fence, compare what was touched, and set {world.flag.name} to new"
    )


def told(world: World, done: Flipped) -> list[str]:
    paused = f" after a pause of {duration(done.paused_seconds)}" if done.paused_seconds else ""
    lines = [f"cut over{paused}: {world.flag.name} says {done.flag}, and the application owns the new tables"]
    if done.late:
        rows = ", ".join(done.late)
        lines.append(f"changed as the flag was set, and not in the new tables: {rows}: write these rows again")
    return lines


def cutover(world: World, accepted: Iterable[str], watch: Watch) -> Flipped:
    """Raises NotReady, Busy, LeaseLost and CallFailed."""
    with world.journal.step("cutover", "backfill", "rollback", "finish", "resync") as facts:
        if world.flag.read() == NEW:
            facts["flag"] = f"{NEW} already"
            returned.forget(world)
            return Flipped(NEW)
        # A cutover that was killed behind its fence is begun again.
        world.call().lift_fence()
        gated = gate(world, accepted)
        facts["conditions"] = {each.name: each.told for each in gated}
        if shut := [f"{each.name} ({each.told}): {each.todo}" for each in gated if not each.met]:
            raise NotReady(f"expected every condition of the gate to be met, but: {'; '.join(shut)}")
        try:
            done = _flip(world, watch)
        except BaseException:
            watch("lifting the fence")
            world.call().lift_fence()
            raise
        returned.forget(world)
        facts.update(asdict(done) | {"conditions": facts["conditions"]})
    return replace(done, conditions=facts["conditions"])


def _flip(world: World, watch: Watch) -> Flipped:
    tips = world.tips()
    handed = hand_over(world, tips, _since(world), watch)
    world.journal.check()
    world.flag.write(NEW)
    paused = world.clock.now() - handed.quiet
    watch(f"the flag says {NEW!r}; the application was paused for {paused:.0f} s, and may write to the new tables")
    world.clock.sleep(LATE)
    return Flipped(NEW, paused, {}, handed.compared, named(tips.read()))


def _since(world: World) -> float:
    """When the last complete comparison began. The gate has seen that there is one."""
    full = last(world, full=True)
    assert full is not None
    return float(full.facts["compared"])


def began(step: Step) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(step.began).timestamp()
