"""One loop for all work on whole tables: backfill, comparison, resync and clear.

A run goes table by table, the segments of a table side by side. It calls the deployed function again and again until a segment
is done; the function keeps in the index how far each segment is. So a run can be stopped or killed at any moment, and what
drives it next goes on: this program, another one, or the state machine. Each call is short, so that another pace, asked for
meanwhile or forced by throttled tables or late streams, holds within seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Any

from remodel.backfill import flat, kinds_of
from remodel.errors import TableNotFound
from remodel.segments import Progress, progress, unfinished
from runner.calls import call, side_by_side
from runner.figures import duration
from runner.journal import Journal
from runner.pace import Pace, furthest_behind
from runner.watch import SILENT, Advance, Watch
from runner.world import World

SETTING, RATE = "setting", "rate"
"""The note that says how many write units a second a person has asked for."""

SECONDS = 15.0
"""How long a call of a function goes on."""

WAIT = 5.0
"""Seconds between two looks at streams that are behind."""


@dataclass(frozen=True, slots=True)
class Work:
    """`doing`: what a person calls it. `run`: under which name the index keeps how far it is. `tables`: in this order.
    `payload`: what the function is given beside the segment."""

    doing: str
    run: str
    function: str
    tables: tuple[str, ...]
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Driven:
    """`counts`: sums over all segments of the work, by table. `examples`: of differences that this program was answered."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total(self) -> Counter[str]:
        return sum(self.counts.values(), start=Counter())


def drive(world: World, work: Work, segments: int, watch: Watch = SILENT) -> Driven:
    """Until every table is done. Raises CallFailed."""
    driven = Driven()
    for table in work.tables:
        for begun in progress(world.call(), work.run, table):
            watch.advance(_advance(world, work, begun))
        left = unfinished(world.call(), work.run, table, segments)
        steering = Steering(world, len(left))
        side_by_side([_segment(world, work, each, (steering, watch, driven.examples)) for each in left])
        driven.counts[table] = done(progress(world.call(), work.run, table))
    return driven


def _advance(world: World, work: Work, at: Progress, waits: str = "") -> Advance:
    part, rows = at.segment, int(at.counts.get("scanned", 0))
    old = world.model.old_tables.get(part.table)
    kinds = {kind: each["scanned"] for kind, each in kinds_of(at.counts).items()} if old and len(old.kinds) > 1 else {}
    return Advance(work.doing, part.table, part.number, part.total, rows, at.done, waits, kinds)


def begun(world: World, run: str) -> list[Progress]:
    """How far each segment is that the run has begun; none before anything is deployed."""
    try:
        return progress(world.call(), run)
    except TableNotFound:
        return []


def done(parts: list[Progress]) -> Counter[str]:
    """What these segments have counted."""
    counts: Counter[str] = Counter()
    for each in parts:
        counts.update(each.counts)
    return counts


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


def _segment(
    world: World, work: Work, begun: Progress, watched: tuple[Steering, Watch, list[dict[str, Any]]]
) -> Callable[[Event], None]:
    steering, watch, examples = watched
    is_paced, segment = work.function == "Backfill", begun.segment
    payload = {**work.payload, "run": work.run, "table": segment.table, "seconds": SECONDS}
    payload |= {"segment": segment.number, "total_segments": segment.total}

    def run(stop: Event) -> None:
        at = begun
        while not at.done and not stop.is_set():
            if is_paced and (told := steering.behind()):
                watch.advance(_advance(world, work, at, told))
                world.clock.sleep(WAIT)
                continue
            began = world.clock.now()
            pace = {"units_per_second": steering.rate()} if is_paced else {}
            said: Any = call(world, work.function, **payload, **pace)
            if is_paced:
                steering.learn(said, world.clock.now() - began)
            examples.extend(said.get("examples", ()))
            counts = Counter(at.counts)
            counts.update(flat(said.get("kinds", {})), scanned=said.get("scanned", 0))
            at = replace(at, done=said["done"], counts=counts)
            watch.advance(_advance(world, work, at))

    return run


def set_rate(journal: Journal, rate: float | None) -> None:
    """Write units a second, over all segments; holds from the next call on, of a backfill that is running, too."""
    if rate is None:
        journal.forget(SETTING, RATE)
    else:
        journal.remember(SETTING, RATE, rate)


def asked_rate(journal: Journal) -> float | None:
    found = journal.recall(SETTING).get(RATE)
    return None if found is None else float(found)
