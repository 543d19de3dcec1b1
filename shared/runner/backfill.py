"""The backfill, table by table in order, the segments of a table side by side, each from where it was.

It calls the deployed function with a cursor until that says done, and notes the cursor before it calls again; so it can be
stopped or killed at any moment, and goes on. When all is done, the counts of both models are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from runner.backup import taken
from runner.errors import CallFailed, NotReady
from runner.journal import Progress
from runner.world import World

TRIES = 5
"""Calls of one segment that may fail in a row before the verb gives up."""

Watch = Callable[[Progress], None]


@dataclass(slots=True)
class Backfilled:
    """What is there after it: rows scanned, writes and refusals by table, and what the counts said."""

    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)


def open_segments(world: World, segments: int) -> dict[str, list[Progress]]:
    """What is still to be done, by table. A table that was begun keeps its division into segments."""
    known: dict[str, dict[int, Progress]] = {}
    for each in world.journal.progress():
        known.setdefault(each.table, {})[each.segment] = each
    left = {}
    for table in world.sources:
        begun = known.get(table, {})
        total = next(iter(begun.values())).total if begun else segments
        every = [begun.get(n, Progress(table, n, total)) for n in range(total)]
        left[table] = [each for each in every if not each.done]
    return left


def check(world: World) -> None:
    """Raises NotReady where a backfill would lose changes, or could not be undone."""
    unread = [f"{each.source} ({each.told})" for each in world.readers.look() if not each.enabled]
    if unread:
        raise NotReady(
            f"expected every stream to be read before the first page is, found unread: {', '.join(unread)}: "
            "enable their event sources first, or changes made during the backfill are lost"
        )
    if taken(world) is None:
        raise NotReady("expected a backup, found none: run `remodel backup --execute` first")


def backfill(world: World, segments: int, watch: Watch) -> Backfilled:
    """Raises NotReady, Busy and CallFailed."""
    check(world)
    with world.journal.step("backfill") as facts:
        done = Backfilled()
        for table, left in open_segments(world, segments).items():
            _table(world, left, watch)
            mine = [each for each in world.journal.progress() if each.table == table]
            done.tables[table] = {
                name: sum(getattr(each, name) for each in mine) for name in ("scanned", "written", "quarantined")
            }
            facts.update(tables=done.tables)
        report = world.functions.invoke("Reconcile", {"mode": "counts"})
        done.drift = {name: report[name] for name in ("missing", "different", "orphaned")}
        facts.update(drift=done.drift)
    return done


def _table(world: World, left: list[Progress], watch: Watch) -> None:
    stop = Event()
    with ThreadPoolExecutor(max_workers=max(1, len(left))) as pool:
        jobs = [pool.submit(_segment, world, each, watch, stop) for each in left]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            stop.set()
            raise


def _segment(world: World, progress: Progress, watch: Watch, stop: Event) -> None:
    failures = 0
    while not progress.done and not stop.is_set():
        payload = {
            "table": progress.table,
            "segment": progress.segment,
            "total_segments": progress.total,
            "cursor": progress.cursor,
        }
        try:
            said: Any = world.functions.invoke("Backfill", payload)
        except CallFailed:
            failures += 1
            if failures == TRIES:
                raise
            world.engine.clock.sleep(2.0**failures)
            continue
        failures = 0
        progress = replace(
            progress,
            cursor=said["cursor"],
            done=said["done"],
            scanned=progress.scanned + said["scanned"],
            written=progress.written + said["written"],
            quarantined=progress.quarantined + said["quarantined"],
        )
        world.journal.note(progress)
        watch(progress)
