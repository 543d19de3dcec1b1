"""After a stream was not read for longer than it keeps its records, or after a rollback: everything since is covered.

Every old table is taken up again, row by row as rows are now; then every member that the index knows and whose row is gone or
has moved, and everything in quarantine; then both models are compared, and what differs is repaired. What is right costs no
write. Gaps that were known before all this began are then covered, and so are batches that were given up before that.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from remodel.store import INDEX, QUARANTINE
from remodel.streams import Gap, cover, gaps
from runner import ownership, returned
from runner.comparison import ROWS, WALK, Asked, begin, both_ways, carry_out, end
from runner.drive import Work, drive
from runner.figures import count, number
from runner.watch import SILENT, Watch
from runner.world import World

VERB, BEFORE = "resync", "before"

FRESH = 86_400.0
"""Seconds for which a resync that was stopped goes on: only gaps count that were known when it began."""


@dataclass(frozen=True, slots=True)
class Covered:
    """`written`: new rows that were put or deleted. `repaired`: differences that the comparison has found after that. `gaps`:
    covered."""

    written: int
    repaired: int
    gaps: int

    @property
    def told(self) -> str:
        written, gaps = count(self.written, "new row"), count(self.gaps, "gap")
        return f"{written} written, {number(self.repaired)} repaired, {gaps} covered"


def known(world: World) -> list[Gap]:
    """Gaps that have not been covered."""
    return gaps(world.call())


def tables(world: World) -> tuple[str, ...]:
    """What is walked through, tables whose rows others are joined with first."""
    return (*world.sources, INDEX, QUARANTINE)


def effect(world: World) -> str:
    return (
        f"would read every row of {', '.join(tables(world))} again and write what differs, then compare both models and repair "
        "them, and close the gaps"
    )


def resync(world: World, segments: int, watch: Watch = SILENT) -> Covered:
    """Raises Fenced, Busy and CallFailed. Stopped or killed, it goes on where it was."""
    ownership.check(world)
    with world.journal.step("resync", "rollback", "cutover", "finish") as facts:
        run = begin(world, VERB, [segments, *tables(world)], FRESH)
        before, failed = _known_before(world, run.began)
        rows = drive(world, Work("backfill", run.name + ROWS, "Backfill", tuple(world.sources)), segments, watch)
        walk = Work("walk", run.name + WALK, "Reconcile", (INDEX, QUARANTINE), {"mode": "resync"})
        gone = drive(world, walk, segments, watch)
        found = carry_out(world, run, Asked(VERB, both_ways(world), repair=True), segments, watch)
        cover(world.call(), before)
        for each in failed:
            world.failures.discard(each)
        end(world, VERB)
        world.journal.forget(BEFORE)
        returned.resynced(world)
        written = rows.total["written"] + gone.total["written"]
        covered = Covered(int(written), int(found.counts["repaired"]), len(before))
        facts.update(asdict(covered))
    return covered


def _known_before(world: World, began: float) -> tuple[list[Gap], list[str]]:
    """What was lost, and what was given up, before the first part was; remembered, since a run may be stopped and go on."""
    note: Any = world.journal.recall(BEFORE).get(VERB)
    if note is None or note["began"] != began:
        gaps, failed = known(world), world.failures.look()
        note = {"began": began, "gaps": list(map(asdict, gaps)), "failed": failed}
        world.journal.remember(BEFORE, VERB, note)
    return [Gap(**each) for each in note["gaps"]], note["failed"]
