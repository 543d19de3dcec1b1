"""One step from the old model to the new one: through the gate, the handover, and the flip of the read flag. Until the flag is
flipped nothing has happened that is not taken back by itself.

From then on the fence keeps every call from writing. The streams are still read: a change of an old table holds its shard and
raises an alarm, since an application that was not told of the cutover has made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from runner import ownership, readiness, returned, survey
from runner.check import Check, Step
from runner.errors import NotReady
from runner.figures import duration, time
from runner.gate import Refusal, refusals
from runner.handover import HandedOver, hand_over, named
from runner.validate import last
from runner.watch import Tell
from runner.world import NEW, OLD, Tips, World

LATE = 1.0
"""Seconds after the flip at which the tips are looked at once more."""


@dataclass(frozen=True, slots=True)
class Gate:
    """`refused`: the reasons of what is in quarantine, each with the word that accepts it."""

    checks: list[Check]
    refused: list[Refusal]

    @property
    def is_open(self) -> bool:
        return readiness.is_open(self.checks)


def gate(world: World, accepted: Mapping[str, int], thorough: bool = False) -> Gate:
    """`accepted`: by reason, how many rows may stay in quarantine."""
    facts = survey.everything(world, accepted, thorough)
    assert facts.run is not None
    return Gate(readiness.checks(facts, Step.CUTOVER), refusals(facts.run))


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


def cutover(world: World, accepted: Mapping[str, int], tell: Tell) -> Flipped:
    """Raises NotReady, Busy, LeaseLost and CallFailed."""
    with world.journal.step("cutover", "backfill", "rollback", "finish", "resync") as facts:
        fenced, flag = ownership.fenced_since(world), world.flag.read()
        _check(world, fenced, flag)
        if flag == NEW:
            facts["flag"] = f"{NEW} already"
            returned.forget(world)
            return Flipped(NEW)
        if fenced:
            world.call().lift_fence(fenced)
        gated = gate(world, accepted)
        facts["conditions"] = {each.name: each.found for each in gated.checks}
        readiness.require(gated.checks, "the cutover")
        tips = world.tips()
        handed = _hand_over(world, tips, tell)
        # From here on the application may own the new tables: nothing that goes wrong lifts the fence any more.
        done = _flip(world, tips, handed, tell)
        returned.forget(world)
        facts.update(asdict(done) | {"conditions": facts["conditions"]})
    return replace(done, conditions=facts["conditions"])


def _check(world: World, fenced: str, flag: str | None) -> None:
    """Raises NotReady where flag and fence do not fit together. A fence without the flag may be that of a cutover that was
    killed: it begins again."""
    rollback = f"`remodel rollback --execute` sets the flag to {OLD} and lifts the fence"
    if flag == NEW and not fenced:
        raise NotReady(
            f"expected the fence to be set while {world.flag.name} says {NEW}, found none, so replication may overwrite what "
            f"the application writes: {rollback}"
        )
    was_killed = returned.is_interrupted(returned.last(world), world.journal.last_done("cutover"))
    if fenced and flag != NEW and not (flag == OLD and was_killed):
        raise NotReady(
            f"expected {world.flag.name} to say {NEW} while the fence of {time(fenced)} protects what the application has "
            f"written to the new tables, found {flag or 'no flag'}: {rollback}"
        )


def _hand_over(world: World, tips: Tips, tell: Tell) -> HandedOver:
    try:
        handed = hand_over(world, tips, _since(world), tell)
        world.journal.check()
    except BaseException:
        since = ownership.fenced_since(world)
        # A cutover that was taken over leaves the fence to whoever has the lease now, who may have flipped the flag.
        world.journal.check()
        tell("lifting the fence")
        world.call().lift_fence(since)
        raise
    return handed


def _flip(world: World, tips: Tips, handed: HandedOver, tell: Tell) -> Flipped:
    world.flag.write(NEW)
    paused = world.clock.now() - handed.quiet
    tell(f"the flag says {NEW!r}; the application was paused for {paused:.0f} s, and may write to the new tables")
    world.clock.sleep(LATE)
    return Flipped(NEW, paused, {}, handed.compared, named(tips.read()))


def _since(world: World) -> float:
    """When the last complete comparison began. The gate has seen that there is one."""
    full = last(world.journal.steps(), full=True)
    assert full is not None
    return float(full.facts["compared"])
