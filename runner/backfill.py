"""The backfill, table by table in order, the segments of a table side by side, each from where it was.

It calls the deployed function with a cursor until that says done, and notes the cursor before it calls again; so it can be
stopped or killed at any moment, and goes on. Each call is short, so that another pace, asked for meanwhile or forced by
throttled tables or late streams, holds within seconds. A table that is done is compared with its new rows, row for row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Any

from runner import ownership
from runner.backup import taken
from runner.calls import call, side_by_side
from runner.comparison import SECONDS, Asked, compare
from runner.errors import NotReady
from runner.figures import duration, number
from runner.journal import Journal, Progress
from runner.pace import Pace, furthest_behind
from runner.watch import Advance, Watch
from runner.world import World

SETTING, RATE = "setting", "rate"
"""The note that says how many write units a second a person has asked for."""

WAIT = 5.0
"""Seconds between two looks at streams that are behind."""


@dataclass(slots=True)
class Backfilled:
    """What is there after it: rows scanned, writes and refusals by table, and in how many rows each differs."""

    tables: dict[str, dict[str, float]] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)


def set_rate(journal: Journal, rate: float | None) -> None:
    """Write units a second, over all segments; holds from the next call on, of a backfill that is running, too."""
    if rate is None:
        journal.forget(SETTING, RATE)
    else:
        journal.remember(SETTING, RATE, rate)


def asked_rate(journal: Journal) -> float | None:
    found = journal.recall(SETTING).get(RATE)
    return None if found is None else float(found)


def limit(rate: float | None) -> str:
    return f"{number(rate)} write units a second" if rate else "no limit"


def effect(left: Mapping[str, list[Progress]], rate: float | None) -> str:
    if not any(left.values()):
        return "nothing is left to copy"
    held = f" at no more than {limit(rate)}, which stays until changed," if rate else ""
    return (
        f"would read these rows{held} and write the new rows that are missing or differ; then would compare each table with "
        "its new rows"
    )


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
        done = Backfilled(drift=_known_drift(world))
        for table, left in open_segments(world, segments).items():
            for each in world.journal.progress():
                if each.table == table:
                    watch.advance(_advance(each))
            steering = Steering(world, len(left))
            side_by_side([_segment(world, each, steering, watch) for each in left])
            mine = [each for each in world.journal.progress() if each.table == table]
            figures = ("scanned", "written", "quarantined", "units")
            done.tables[table] = {name: sum(getattr(each, name) for each in mine) for name in figures}
            if table in world.migrated and (left or table not in done.drift):
                done.drift[table] = compare(world, "backfill", Asked((table,)), segments, watch).drift
            facts.update(tables=done.tables, drift=done.drift)
    return done


def _known_drift(world: World) -> dict[str, int]:
    """Of tables that earlier runs have finished and compared."""
    runs = world.journal.steps("backfill")
    known = {name: drift for run in runs for name, drift in run.facts.get("drift", {}).items()}
    return {name: known[name] for name, left in open_segments(world, 1).items() if name in known and not left}


def _advance(each: Progress, waits: str = "") -> Advance:
    return Advance("backfill", each.table, each.segment, each.total, each.scanned, each.done, waits)


class Steering:
    """The pace of all segments of a table together."""

    def __init__(self, world: World, segments: int) -> None:
        self._world, self._segments = world, segments
        self._pace, self._lock = Pace(), Lock()
        self._looked, self._behind = -WAIT, None  # type: float, tuple[str, float] | None

    def rate(self) -> float | None:
        """Of one segment."""
        asked = asked_rate(self._world.journal)
        with self._lock:
            self._pace = replace(self._pace, asked=asked)
            return self._pace.each(self._segments)

    def behind(self) -> str:
        """Which stream must be waited for, as a person reads it; empty where none must be."""
        with self._lock:
            now = self._world.clock.now()
            if now - self._looked >= WAIT:
                lags = [(each.source, each.lag) for each in self._world.readers.look()]
                self._looked, self._behind = now, furthest_behind(lags)
            return f"waits: {self._behind[0]} is {duration(self._behind[1])} behind" if self._behind else ""

    def learn(self, said: Any, seconds: float) -> None:
        with self._lock:
            self._pace = self._pace.after(said["units"], seconds, said["throttled"])


def _segment(world: World, progress: Progress, steering: Steering, watch: Watch) -> Callable[[Event], None]:
    def run(stop: Event) -> None:
        so_far = progress
        while not so_far.done and not stop.is_set():
            if told := steering.behind():
                watch.advance(_advance(so_far, told))
                world.clock.sleep(WAIT)
                continue
            so_far = _one_call(world, so_far, steering)
            world.journal.note(so_far)
            watch.advance(_advance(so_far))

    return run


def _one_call(world: World, so_far: Progress, steering: Steering) -> Progress:
    began, rate = world.clock.now(), steering.rate()
    segment = {"table": so_far.table, "segment": so_far.segment, "total_segments": so_far.total}
    said: Any = call(world, "Backfill", **segment, cursor=so_far.cursor, seconds=SECONDS, units_per_second=rate)
    steering.learn(said, world.clock.now() - began)
    added = {name: getattr(so_far, name) + said[name] for name in ("scanned", "written", "quarantined", "units")}
    return replace(so_far, cursor=said["cursor"], done=said["done"], **added)
