"""Back again. Before the cutover: stop, identify what was written, clear it, and start over from the last step that was good.
After it: flip the read flag back, say plainly what the old tables do not have, and lift the fence.

Cleared are only rows that the engine may have written (`remodel.resync.clear`). The index stays: it still knows what was there.
The event sources stay off, so that a fault can be mended in peace; `prepare` switches them on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from remodel.backfill import RUN
from remodel.resync import Walked, clear
from remodel.segments import Segment, forget
from remodel.store import INDEX
from runner import event_sources, ownership, returned
from runner.comparison import Asked, both_ways, compare
from runner.drive import Work, drive
from runner.errors import NotReady
from runner.world import OLD, World

SEGMENTS = 4

Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Back:
    """After a cutover: what differs in the new tables from what follows from the old ones, which is what the application has
    written since. `since`: when the cutover was, ISO 8601."""

    since: str
    missing: int
    different: int
    orphaned: int

    def __str__(self) -> str:
        return (
            f"the application has written to the new tables since {self.since}, and the old ones do not have it: rows that "
            f"are new there {self.orphaned}, changed {self.different}, removed {self.missing}. Replication stays off, since it "
            "would write over them: keep them (`remodel backup --execute`), bring over what is needed, then `remodel prepare "
            "--execute` and `remodel resync --execute`"
        )


def is_to_flip_back(world: World) -> bool:
    """Whether the application owns the new tables, or a rollback from there was stopped before its end."""
    return ownership.is_cut_over(world) or bool(ownership.fenced_since(world))


def identified(world: World, tables: Iterable[str]) -> dict[str, int]:
    """How many rows of each new table would be cleared. A row that is found in several ways counts once: remembered by its
    hash, since there may be many."""
    wanted = list(tables)
    seen: dict[str, set[int]] = {name: set() for name in world.model.new_tables}
    for table in (*wanted, INDEX):
        walked = Walked()
        while not walked.done:
            walked = clear(world.call(), wanted, Segment(table, 0, 1, walked.cursor), stop_at=0.0, dry=True)
            for key in walked.keys:
                if key.table in seen:
                    seen[key.table].add(hash(key))
    return {name: len(found) for name, found in seen.items()}


def clear_rows(world: World, tables: Iterable[str], watch: Watch) -> dict[str, int]:
    """Of these old tables. Raises Fenced, NotReady and Busy."""
    wanted = list(tables)
    with world.journal.step("rollback", "backfill", "validate", "cutover", "finish", "prepare", "resync") as facts:
        facts.update(tables=wanted)
        _check(world)
        watch("stopping the event sources")
        event_sources.stop(world)
        world.journal.check()
        forget(world.call(), RUN, wanted)
        # Over the rows that are there, and over the index, which knows those that are gone.
        run = Work("rollback", "Reconcile", (*wanted, INDEX), {"mode": "clear", "tables": wanted})
        counts = drive(world, run, SEGMENTS).total
        forget(world.call(), run.run)
        facts["cleared"] = {name: counts[name] for name in world.model.new_tables}
    return {name: int(counts[name]) for name in world.model.new_tables}


def _check(world: World) -> None:
    ownership.check(world)
    back = returned.last(world)
    if back is not None and not back.is_covered:
        raise NotReady(
            "expected a resync since the rollback that followed the cutover, found none: the new tables hold what the "
            "application has written to them; bring over what is needed, then `remodel prepare --execute` and `remodel resync "
            "--execute`"
        )


def flip_back(world: World) -> Back:
    """After the cutover. The fence is lifted last: as long as it is set, whoever is stopped here can go on. Raises Busy and
    CallFailed."""
    with world.journal.step("rollback", "cutover", "finish", "prepare", "resync") as facts:
        returned.begin(world)
        world.journal.check()
        world.flag.write(OLD)
        facts["flag"] = OLD
        back = what_is_new(world)
        facts["lost to the old tables"] = str(back)
        # What was held behind the fence must not write over what the application has written to the new tables.
        event_sources.stop(world)
        world.journal.check()
        world.call().lift_fence()
    return back


def what_is_new(world: World) -> Back:
    """Since the cutover, in the new tables alone."""
    found = compare(world, Asked("rollback", both_ways(world)), SEGMENTS).counts
    step = world.journal.last_done("cutover")
    return Back(step.ended if step else "", found["missing"], found["different"], found["orphaned"])
