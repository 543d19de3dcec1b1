"""A comparison of whole tables, part by part.

It looks at the tables of the old model forward (is everything there that follows from them?), at those of the new one and at
quarantine backward (does everything follow from something?). One that was stopped goes on where it was, if it was begun no
longer ago than its result would count for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from remodel.compare import tables
from remodel.findings import DRIFT, first
from remodel.segments import forget
from runner.drive import Work, drive
from runner.watch import SILENT, Watch
from runner.world import World

BEGUN = "runs"
"""Notes on what runs were asked, and when they began, by verb."""

FRESH = 3_600.0
"""Seconds for which what was found counts, from the moment at which the comparison began."""

ROWS, WALK = "/rows", "/walk"
"""What a run of `resync` does beside its comparison; each has a name of its own."""


@dataclass(frozen=True, slots=True)
class Found:
    """`began`: seconds since the epoch. `counts`: sums over all parts. `rows`: looked at, by table."""

    began: float
    counts: Counter[str]
    rows: dict[str, int]
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def drift(self) -> int:
        return sum(self.counts[kind] for kind in DRIFT)


def both_ways(world: World) -> tuple[str, ...]:
    """The tables of a whole comparison."""
    return tables(world.call())


@dataclass(frozen=True, slots=True)
class Asked:
    """By which verb, and of which tables. `repair`: what is found."""

    verb: str
    tables: tuple[str, ...]
    repair: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """`began`: seconds since the epoch."""

    verb: str
    began: float

    @property
    def name(self) -> str:
        return f"{self.verb}/{self.began:.3f}"


def compare(world: World, asked: Asked, segments: int, watch: Watch = SILENT) -> Found:
    """Raises CallFailed."""
    run = begin(world, asked.verb, [list(asked.tables), asked.repair])
    found = carry_out(world, run, asked, segments, watch)
    end(world, asked.verb)
    return found


def begin(world: World, verb: str, asked: Any, fresh: float = FRESH) -> Run:
    """The run that is to be gone on with: one that was asked the same and is fresh enough, or a new one."""
    note, now = world.journal.recall(BEGUN).get(verb), world.clock.now()
    if note and note["asked"] == asked and now - note["began"] < fresh:
        return Run(verb, float(note["began"]))
    end(world, verb)
    world.journal.remember(BEGUN, verb, {"asked": asked, "began": now})
    return Run(verb, now)


def end(world: World, verb: str) -> None:
    """What the last run of a verb has found is forgotten."""
    note = world.journal.recall(BEGUN).get(verb)
    if note:
        for part in ("", ROWS, WALK):
            forget(world.call(), Run(verb, float(note["began"])).name + part)
        world.journal.forget(BEGUN, verb)


def carry_out(world: World, run: Run, asked: Asked, segments: int, watch: Watch = SILENT) -> Found:
    """Of a run that has begun, what is not done yet. Raises CallFailed."""
    doing = "repair" if asked.repair else "compare"
    work = Work(doing, run.name, "Reconcile", asked.tables, {"mode": "diff", "repair": asked.repair})
    driven = drive(world, work, segments, watch)
    rows = {table: counts["scanned"] for table, counts in driven.counts.items()}
    return Found(run.began, driven.total, rows, first(driven.examples))
