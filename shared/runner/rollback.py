"""Back again. Before the cutover: stop, identify what was written, clear it, and start over from the last step that was good.
After it: flip the read flag back, and say plainly what the old tables do not have.

Cleared are only rows that the replicator wrote (`flow.clear`). The index stays: it is what protects a new start from what
may still be under way. The event sources stay off, so that a fault can be mended in peace; `prepare` switches them on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from remodel.flow.clear import clear, replicated
from runner import event_sources
from runner.comparison import Asked, both_ways, compare
from runner.cutover import SEGMENTS, STOPPED
from runner.errors import NotReady
from runner.world import NEW, OLD, World

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
            "--execute`"
        )


def is_cut_over(world: World) -> bool:
    return world.flag.read() == NEW


def identified(world: World, tables: Iterable[str]) -> dict[str, int]:
    """How many rows of each new table would be cleared. A row that has moved is found where it was, too, and counts once:
    remembered by its hash, since there may be many."""
    seen: dict[str, set[int]] = {name: set() for name in world.engine.model.new_tables}
    for keys in replicated(world.engine, set(tables), world.patience(3_600)):
        for key in keys:
            seen[key.table].add(hash(key))
    return {name: len(found) for name, found in seen.items()}


def clear_rows(world: World, tables: Iterable[str], watch: Watch) -> dict[str, int]:
    """Of these old tables. Raises NotReady and Busy."""
    wanted = list(tables)
    with world.journal.step("rollback", "backfill", "validate", "cutover", "finish", "prepare") as facts:
        facts.update(tables=wanted)
        if is_cut_over(world):
            raise NotReady(
                "expected that the application still reads the old tables, found that it has cut over: `remodel rollback "
                "--execute` without a table flips back"
            )
        watch("stopping the event sources")
        world.journal.forget(STOPPED)
        event_sources.stop(world)
        counts: Counter[str] = Counter()
        world.journal.forget_progress(wanted)
        for keys in replicated(world.engine, set(wanted), world.patience(3_600)):
            clear(world.engine, keys, world.patience())
            counts.update(key.table for key in keys)
            watch(f"{counts.total()} rows cleared")
        facts["cleared"] = dict(counts)
    return {name: counts[name] for name in world.engine.model.new_tables}


def flip_back(world: World) -> Back:
    """After the cutover. Raises Busy and CallFailed."""
    with world.journal.step("rollback", "cutover", "finish", "prepare") as facts:
        world.journal.forget(STOPPED)
        world.flag.write(OLD)
        facts["flag"] = OLD
        back = what_is_new(world)
        facts["lost to the old tables"] = str(back)
    return back


def what_is_new(world: World) -> Back:
    """Since the cutover, in the new tables alone."""
    found = compare(world, Asked("rollback", both_ways(world), SEGMENTS)).counts
    step = world.journal.last_done("cutover")
    return Back(step.ended if step else "", found["missing"], found["different"], found["orphaned"])
