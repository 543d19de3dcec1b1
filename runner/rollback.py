"""Back again. Before the cutover: stop, identify what was written, clear it, and start over from the last step that was good.
After it: flip the read flag back, say plainly what the old tables do not have, and lift the fence.

Cleared are only rows that the engine may have written (`remodel.resync.clear`). The index stays: it still knows what was there.
The event sources stay off, so that a fault can be corrected in peace; `prepare` switches them on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from remodel.backfill import RUN
from remodel.call import when
from remodel.resync import Walked, clear
from remodel.segments import Segment, forget
from remodel.store import INDEX
from runner import event_sources, ownership, returned
from runner.comparison import Asked, both_ways, compare, end
from runner.drive import Work, drive
from runner.errors import NotReady
from runner.figures import number, time
from runner.pace import SEGMENTS
from runner.watch import SILENT, Advance, Watch
from runner.world import OLD, World

COMPARING = ("backfill", "validate", "resync", "cutover", "rollback")
"""Verbs with notes of what they have compared, which no longer holds once rows are cleared."""


@dataclass(frozen=True, slots=True)
class Back:
    """After a cutover: what differs in the new tables from what follows from the old ones, which is what the application has
    written since. `since`: when the cutover was, ISO 8601."""

    since: str
    missing: int
    different: int
    orphaned: int

    @property
    def told(self) -> str:
        return f"{number(self.orphaned)} added, {number(self.different)} changed, {number(self.missing)} removed"


def is_to_flip_back(world: World) -> bool:
    """Whether the application owns the new tables, or a rollback from there was stopped before its end."""
    return ownership.is_cut_over(world) or bool(ownership.fenced_since(world))


def effects(world: World, tables: Iterable[str]) -> list[str]:
    """What clearing does beyond deleting rows."""
    return [
        f"would stop the event sources of {', '.join(world.sources)}: `remodel prepare --execute` starts them again",
        f"would forget how far the backfill of {', '.join(tables)} is: it starts over",
        "comparisons from before would no longer count: the gate asks for another `remodel validate --full`",
    ]


def flipped(world: World, back: Back, done: bool) -> list[str]:
    """What a rollback after the cutover has done, or would do."""
    since = f" since {time(back.since)}" if back.since else ""
    did = ("set", "lifted") if done else ("would set", "lift")
    return [
        f"{did[0]} {world.flag.name} to {OLD} and {did[1]} the fence; replication stays off, because it would overwrite what "
        "the application has written to the new tables",
        f"rows that the application has written there{since}, and that the old tables do not have: {back.told}",
        "next: keep them (`remodel backup --execute`), bring over what is needed, then `remodel prepare --execute` and "
        "`remodel resync --execute`",
    ]


def identified(world: World, tables: Iterable[str], watch: Watch = SILENT) -> dict[str, int]:
    """How many rows of each new table would be cleared. A row that is found in several ways counts once: remembered by its
    hash, since there may be many."""
    wanted = list(tables)
    seen: dict[str, set[int]] = {name: set() for name in world.model.new_tables}
    for table in (*wanted, INDEX):
        walked, rows = Walked(), 0
        while not walked.done:
            walked = clear(world.call(), wanted, Segment(table, 0, 1, walked.cursor), stop_at=0.0, dry=True)
            rows += walked.scanned
            watch.advance(Advance("look through", table, 0, 1, rows, walked.done))
            for key in walked.keys:
                if key.table in seen:
                    seen[key.table].add(hash(key))
    return {name: len(found) for name, found in seen.items()}


def clear_rows(world: World, tables: Iterable[str], watch: Watch) -> dict[str, int]:
    """Of these old tables. Raises Fenced, NotReady and Busy."""
    wanted = list(tables)
    with world.journal.step("rollback", "backfill", "validate", "cutover", "finish", "prepare", "resync") as facts:
        check(world)
        facts.update(tables=wanted)
        watch.step("stopping the event sources")
        event_sources.stop(world)
        world.journal.check()
        forget(world.call(), RUN, wanted)
        for verb in COMPARING:
            end(world, verb)
        # Over the rows that are there, and over the index, which knows those that are gone.
        work = Work("clear", "rollback", "Reconcile", (*wanted, INDEX), {"mode": "clear", "tables": wanted})
        counts = drive(world, work, SEGMENTS, watch).total
        forget(world.call(), work.run)
        facts["cleared"] = {name: int(counts[name]) for name in world.model.new_tables}
    return dict(facts["cleared"])


def check(world: World) -> None:
    """Raises Fenced and NotReady where nothing may be cleared."""
    ownership.check(world)
    back = returned.last(world)
    if back is not None and not back.is_covered:
        raise NotReady(
            "expected a resync since the rollback that followed the cutover, found none: the new tables hold what the "
            "application has written to them; bring over what is needed, then `remodel prepare --execute` and `remodel resync "
            "--execute`"
        )


def flip_back(world: World) -> Back:
    """After the cutover. The fence is lifted last: while it is set, a rollback that was stopped can go on. Raises Busy and
    CallFailed."""
    with world.journal.step("rollback", "cutover", "finish", "prepare", "resync") as facts:
        returned.begin(world)
        since = ownership.fenced_since(world)
        world.journal.check()
        if not since:
            # The flag was set by hand: until the event sources are off, only a fence keeps replication from writing.
            since = when(world.clock.now())
            world.call().set_fence(since)
        world.flag.write(OLD)
        facts["flag"] = OLD
        back = what_is_new(world)
        facts.update(added=back.orphaned, changed=back.different, removed=back.missing)
        # What was held behind the fence must not overwrite what the application has written to the new tables.
        event_sources.stop(world)
        world.journal.check()
        world.call().lift_fence(since)
    return back


def what_is_new(world: World) -> Back:
    """Since the cutover, in the new tables alone."""
    found = compare(world, Asked("rollback", both_ways(world)), SEGMENTS).counts
    step = world.journal.last_done("cutover")
    return Back(step.ended if step else "", found["missing"], found["different"], found["orphaned"])
