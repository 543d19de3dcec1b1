"""Where the migration stands: one line for each old table, and what the last comparison said."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from remodel.backfill import RUN
from remodel.fanout import pending
from remodel.notes import open_notes
from remodel.quarantine import held
from remodel.segments import Progress, progress
from runner import ownership, returned
from runner.backfill import limit
from runner.drive import asked_rate, done
from runner.figures import number, time
from runner.resync import known
from runner.validate import last
from runner.world import World


@dataclass(frozen=True, slots=True)
class TableStatus:
    """`rows`: as DynamoDB last counted, which it does every few hours. `lag`: seconds; None where nobody knows."""

    table: str
    rows: int
    backfilled: str
    scanned: int
    reader: str
    lag: float | None
    quarantined: int


@dataclass(frozen=True, slots=True)
class Status:
    """`compared`: when both models were last compared; `drift`, `unlinked` and `claims` as of then.
    `reads`: which model the application reads. `rate`: what a backfill is held to, and what it has written so far.
    `notes`: of calls that run, and of calls that died; `oldest_note`: its age in seconds. `fanouts`: pending. `fence`: since
    when it is set. `uncovered`: whether a resync is needed since a rollback. `gaps`: when records of a stream may have been
    trimmed unread."""

    stage: str
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
    fence: str
    uncovered: bool
    gaps: list[str]
    last_step: str


def status(world: World) -> Status:
    readers = {each.source: each for each in world.readers.look()}
    it = world.call()
    quarantined = Counter(each.row.table for each in held(it))
    notes = [world.clock.now() - note.at for note in open_notes(it)]
    back = returned.last(world)
    segments = progress(it, RUN)
    compared = last(world)
    facts = compared.facts if compared else {}
    steps = world.journal.steps()
    return Status(
        stage=world.stage,
        lookups=lookups(world),
        tables=[
            TableStatus(
                table=name,
                rows=world.rows([name])[name],
                backfilled=_backfilled([each for each in segments if each.table == name]),
                scanned=int(done([each for each in segments if each.table == name])["scanned"]),
                reader=readers[name].told if name in readers else "not connected",
                lag=readers[name].lag if name in readers else None,
                quarantined=quarantined[name],
            )
            for name in world.sources
        ],
        compared=compared.ended if compared else "",
        drift=facts.get("drift"),
        unlinked=facts.get("unlinked"),
        claims=facts.get("claims"),
        reads=world.flag.read() or "old, there is no read flag yet",
        rate=_rate(world, segments),
        notes=len(notes),
        oldest_note=max(notes, default=0.0),
        fanouts=len(pending(it)),
        fence=ownership.fenced_since(world),
        uncovered=back is not None and not back.is_covered,
        gaps=[f"{gap.source} from {time(gap.since)} to {time(gap.until)}" for gap in known(world)],
        last_step=f"{steps[-1].verb} {steps[-1].outcome or 'running'}, {time(steps[-1].began)}" if steps else "",
    )


def _rate(world: World, segments: list[Progress]) -> str:
    return f"{number(done(segments)['units'])} write units so far, {limit(asked_rate(world.journal))}"


def lookups(world: World) -> str:
    """Which way this stage runs."""
    looked_up = {name for name in world.model.old_tables if not world.model.migrates(name)}
    live = sorted(looked_up & world.place.live)
    read = sorted(looked_up - world.place.live)
    parts = [f"{', '.join(live)} followed by stream"] if live else []
    return "; ".join(parts + ([f"{', '.join(read)} read from the table: links may grow old"] if read else []))


def _backfilled(segments: list[Progress]) -> str:
    if not segments:
        return "not begun"
    total = segments[0].segment.total
    count = sum(each.done for each in segments)
    return "done" if count == total else f"{count} of {total} segments"
