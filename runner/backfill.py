"""The backfill: the old tables in their order, from where each segment was. Each table is then compared with its new rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from remodel.backfill import RUN
from remodel.segments import Progress, unfinished
from runner import ownership
from runner.backup import taken
from runner.comparison import Asked, compare
from runner.drive import Watch, Work, drive
from runner.errors import NotReady
from runner.world import World

FIGURES = ("scanned", "written", "quarantined", "units")


@dataclass(slots=True)
class Backfilled:
    """What is there after it: rows scanned, writes and refusals by table, and in how many rows each differs."""

    tables: dict[str, dict[str, float]] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)


def open_segments(world: World, segments: int) -> dict[str, list[Progress]]:
    """What is still to be done, by table. A table that was begun keeps its division into segments."""
    return {table: unfinished(world.call(), RUN, table, segments) for table in world.sources}


def check(world: World) -> None:
    """Raises Fenced where the application owns the new tables, and NotReady where a backfill would lose changes, or could not
    be undone."""
    ownership.check(world)
    if taken(world) is None:
        raise NotReady("expected a backup, found none: run `remodel backup --execute` first")
    unread = [f"{each.source} ({each.told})" for each in world.readers.look() if not each.enabled]
    if unread:
        raise NotReady(
            f"expected every stream to be read before the first page is, found unread: {', '.join(unread)}: "
            "enable their event sources first (`remodel prepare`), or changes made during the backfill are lost"
        )


def backfill(world: World, segments: int, watch: Watch) -> Backfilled:
    """Raises Fenced, NotReady, Busy and CallFailed."""
    check(world)
    with world.journal.step("backfill", "rollback") as facts:
        done = Backfilled()
        for table, left in open_segments(world, segments).items():
            counts = drive(world, Work(RUN, "Backfill", (table,)), segments, watch).counts[table]
            done.tables[table] = {name: counts[name] for name in FIGURES}
            if left and table in world.migrated:
                done.drift[table] = compare(world, Asked("backfill", (table,)), segments).drift
            facts.update(tables=done.tables, drift=done.drift)
    return done
