"""After a stream was not read for longer than it keeps its records: everything since is covered, without a new backfill.

The index is made to agree with the old tables (`flow.resync`), what is in quarantine is taken up again, and the new tables
are compared and mended. Gaps that were known before it began are then covered.
"""

from __future__ import annotations

from dataclasses import dataclass

from remodel.flow.streams import Gap, cover, gaps
from remodel.ports import INDEX
from runner.calls import call
from runner.comparison import Asked, Watch, both_ways, compare
from runner.world import World


@dataclass(frozen=True, slots=True)
class Covered:
    """index: entries that had to be corrected. new_rows: old rows whose new rows had to be. gaps: covered."""

    index: int
    new_rows: int
    gaps: int


def known(world: World) -> list[Gap]:
    """Gaps that have not been covered."""
    return list(gaps(world.engine, world.patience()))


def tables(world: World) -> tuple[str, ...]:
    """What the index is held against, lookups and links first; then the index itself."""
    return (*world.sources, INDEX)


def resync(world: World, segments: int, watch: Watch | None = None) -> Covered:
    """Raises Busy and CallFailed. Stopped or killed, it goes on where it was."""
    with world.journal.step("resync", "rollback", "finish") as facts:
        before = known(world)
        corrected = compare(world, Asked("resync", tables(world), segments, mode="resync"), watch)
        call(world, "Replay", all=True)
        mended = compare(world, Asked("resync", both_ways(world), segments, repair=True), watch)
        for gap in before:
            cover(world.engine, gap, world.patience())
        covered = Covered(corrected.counts["repaired"], mended.counts["repaired"], len(before))
        facts.update(index=covered.index, new_rows=covered.new_rows, gaps=covered.gaps)
    return covered
