"""Every row of both models compared, part by part: a part is a segment of one table, and each goes on from its cursor.

What each part found is noted with its cursor, so a comparison that was stopped goes on where it was, if that is no longer
ago than its result would count for. Tables of the old model are compared forward (is everything there that follows from
them?), those of the new one backward (does everything follow from something?).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from runner.calls import call, side_by_side
from runner.world import World

RUN = "run"

FRESH = 3_600.0
"""Seconds for which what was found counts, from the moment at which the comparison began."""

EXAMPLES = 20

COUNTS = (
    "missing",
    "different",
    "orphaned",
    "lost",
    "stale_lookups",
    "unlinked",
    "quarantined",
    "tenant_violations",
    "uniqueness_violations",
    "looked_twice",
    "repaired",
)
DRIFT = ("missing", "different", "orphaned", "lost")
"""Of these, the ones that must be nought; lost are old rows that the index does not know."""

BY_TABLE = ("old", "expected", "found")

Watch = Callable[[str, int, bool], None]
"""Called with a table, how many more of its rows were compared, and whether a part is done."""


@dataclass(slots=True)
class Found:
    """`began`: seconds since the epoch. `counts`: sums over all parts."""

    began: float
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    tables: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in BY_TABLE})
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def drift(self) -> int:
        return sum(self.counts[kind] for kind in DRIFT)

    def add(self, report: Any) -> None:
        for name in COUNTS:
            self.counts[name] += report.get(name, 0)
        for name in BY_TABLE:
            for table, rows in report.get(name, {}).items():
                self.tables[name][table] = self.tables[name].get(table, 0) + rows
        self.examples = (self.examples + list(report.get("examples", ())))[:EXAMPLES]


def both_ways(world: World) -> tuple[str, ...]:
    """The tables of a whole comparison."""
    return (*world.engine.model.sources, *world.engine.model.new_tables)


@dataclass(frozen=True, slots=True)
class Asked:
    """`verb`: whose comparison it is; each has notes of its own. `segments`: of each table, side by side."""

    verb: str
    tables: tuple[str, ...]
    segments: int
    repair: bool = False

    @property
    def notes(self) -> str:
        return f"comparison by {self.verb}"


def compare(world: World, asked: Asked, watch: Watch | None = None) -> Found:
    """Raises CallFailed."""
    found = Found(_begun(world, asked))
    for table in asked.tables:
        side_by_side([_part(world, asked, table, n, watch) for n in range(asked.segments)])
    for name, note in world.journal.recall(asked.notes).items():
        if name != RUN:
            found.add(note["found"])
    world.journal.forget(asked.notes)
    return found


def _begun(world: World, asked: Asked) -> float:
    """When the comparison began that this one goes on with: itself, or one that was asked the same and is fresh enough."""
    run = world.journal.recall(asked.notes).get(RUN)
    now, same = world.engine.clock.now(), [list(asked.tables), asked.segments, asked.repair]
    if run and run["asked"] == same and now - run["began"] < FRESH:
        return float(run["began"])
    world.journal.forget(asked.notes)
    world.journal.remember(asked.notes, RUN, {"asked": same, "began": now})
    return now


def _part(world: World, asked: Asked, table: str, segment: int, watch: Watch | None) -> Callable[[Event], None]:
    def run(stop: Event) -> None:
        name = f"{table}/{segment}/{asked.segments}"
        note = world.journal.recall(asked.notes).get(name, {"cursor": None, "done": False, "found": {}})
        found = Found(0.0)
        found.add(note["found"])
        while not note["done"] and not stop.is_set():
            payload = {"mode": "diff", "table": table, "segment": segment, "total_segments": asked.segments}
            said = call(world, "Reconcile", **payload, cursor=note["cursor"], repair=asked.repair)
            found.add(said)
            report = {**found.counts, **found.tables, "examples": found.examples}
            note = {"cursor": said["cursor"], "done": said["done"], "found": report}
            world.journal.remember(asked.notes, name, note)
            if watch:
                watch(table, sum(said["old"].values()) or sum(said["found"].values()), said["done"])

    return run
