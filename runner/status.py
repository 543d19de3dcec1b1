"""Where the migration stands: what is done, one line for each old table, what is not ready, and the next step.

It needs nothing to be there: what is missing is what it tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from remodel.backfill import RUN, Kinds
from remodel.segments import Progress
from runner import readiness, survey
from runner.backfill import by_kind, limit
from runner.check import Check, Step
from runner.drive import asked_rate, begun, done
from runner.facts import Facts, Run
from runner.figures import number, time
from runner.legible import shortened
from runner.readiness import Next
from runner.validate import last
from runner.world import NEW, World

SHOWN_GROUPS = 5


@dataclass(frozen=True, slots=True)
class TableStatus:
    """`rows`: as DynamoDB last counted, which it does every few hours. `lag`: seconds; None where it is unknown. `kinds`: what
    the backfill has counted by kind, where the table has several."""

    table: str
    rows: int
    backfilled: str
    scanned: int
    reader: str
    lag: float | None
    quarantined: int
    kinds: Kinds = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Status:
    """`milestones`: what is done, by name. `compared`: when both models were last compared; `drift`, `unlinked` and
    `claims` as of then. `reads`: which model the application reads. `rate`: what a backfill is held to, and what it has
    written so far. `notes`: of calls that run, and of calls that died; `oldest_note`: its age in seconds. `fanouts`:
    pending. `large`: groups of which a change costs others time. `fence`: since when it is set. `gaps`: when records of a
    stream may have been trimmed unread. `checks`: those that stop what is to come."""

    stage: str
    milestones: dict[str, bool]
    lookups: str
    tables: list[TableStatus]
    compared: str
    drift: int | None
    unlinked: int | None
    claims: int | None
    reads: str
    rate: str
    notes: int
    oldest_note: float
    fanouts: int
    large: list[str]
    fence: str
    uncovered: bool
    gaps: list[str]
    last_step: str
    checks: list[Check]
    next: Next


def status(world: World) -> Status:
    found = survey.everything(world)
    assert found.run is not None
    readers = {each.source: each for each in found.readers}
    segments = begun(world, RUN)
    counts = {name: done([each for each in segments if each.table == name]) for name in world.sources}
    steps = world.journal.steps()
    compared = last(steps)
    facts = compared.facts if compared else {}
    return Status(
        stage=world.stage,
        milestones=milestones(found, found.run),
        lookups=lookups(world),
        tables=[
            TableStatus(
                table=name,
                rows=world.rows([name])[name],
                backfilled=_backfilled([each for each in segments if each.table == name]),
                scanned=int(counts[name]["scanned"]),
                reader=readers[name].told if name in readers else "not connected",
                lag=readers[name].lag if name in readers else None,
                quarantined=found.run.quarantined.get(name, 0),
                kinds=by_kind(world, name, counts[name]),
            )
            for name in world.sources
        ],
        compared=compared.ended if compared else "",
        drift=facts.get("drift"),
        unlinked=facts.get("unlinked"),
        claims=facts.get("claims"),
        reads=found.flag or "old, there is no read flag yet",
        rate=f"{number(done(segments)['units'])} write units so far, {limit(asked_rate(world.journal))}",
        notes=len(found.run.notes),
        oldest_note=max(found.run.notes, default=0.0),
        fanouts=found.run.fanouts,
        large=[
            f"{shortened(each.group)} with {number(each.members)} members" for each in found.run.large[:SHOWN_GROUPS]
        ],
        fence=found.run.fenced,
        uncovered=found.run.uncovered,
        gaps=[f"{gap.source} from {time(gap.since)} to {time(gap.until)}" for gap in found.run.gaps],
        last_step=f"{steps[-1].verb} {steps[-1].outcome or 'running'}, {time(steps[-1].began)}" if steps else "",
        checks=readiness.pending(found),
        next=readiness.next_step(found),
    )


def milestones(facts: Facts, run: Run) -> dict[str, bool]:
    """What is done, in the order in which it is."""
    checks = readiness.checks(facts, Step.CUTOVER)
    preparing = {each.change.procedure for each in checks if each.change and each.stops}
    deployed = all(each.found is not None for each in facts.of("engine"))
    return {
        "backed up": facts.backup is not None,
        "prepared": not preparing - {"event sources"},
        "deployed": deployed and all(each.deployed for each in facts.readers),
        "streams read": all(each.enabled for each in facts.readers),
        "backfilled": not run.open,
        "compared": run.compared is not None and not run.drift,
        "rolled back": run.uncovered,
        "cut over": facts.flag == NEW,
        "finished": run.finished,
    }


def lookups(world: World) -> str:
    """Which way this stage runs."""
    looked_up = {name for name in world.model.old_tables if not world.model.migrates(name)}
    live = sorted(looked_up & world.place.live)
    read = sorted(looked_up - world.place.live)
    parts = [f"{', '.join(live)} followed by stream"] if live else []
    return "; ".join(parts + ([f"{', '.join(read)} read from the table: new rows may grow old"] if read else []))


def _backfilled(segments: list[Progress]) -> str:
    if not segments:
        return "not begun"
    total = segments[0].segment.total
    count = sum(each.done for each in segments)
    return "done" if count == total else f"{count} of {total} segments"
