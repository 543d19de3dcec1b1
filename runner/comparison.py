"""Work on whole tables, part by part: a part is a segment of one table, and each goes on from its cursor.

A comparison looks at the tables of the old model forward (is everything there that follows from them?), at those of the new one
and at quarantine backward (does everything follow from something?). A resync works in the same way. What each part has found is
noted with its cursor, so what was stopped goes on where it was, if it was begun no longer ago than its result would count for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from remodel.compare import DRIFT, tables
from runner.calls import call, side_by_side
from runner.watch import SILENT, Advance, Watch
from runner.world import World

RUN = "run"

FRESH = 3_600.0
"""Seconds for which what was found counts, from the moment at which the comparison began."""

EXAMPLES = 20

DIFF, WALK, BACKFILL = "diff", "resync", "backfill"
"""What is done with a part: it is compared, its members that are gone are taken up, or its rows are."""

SECONDS = 15.0
"""How long a call of the backfill function goes on."""

COUNTS = (
    *DRIFT,
    "claims",
    "unlinked",
    "quarantined",
    "tenant_violations",
    "uniqueness_violations",
    "ambiguous_lookups",
    "left_out",
    "repaired",
    "expected",
    "written",
)

DOING = {DIFF: "compare", WALK: "walk", BACKFILL: "backfill"}


@dataclass(slots=True)
class Found:
    """`began`: seconds since the epoch. `counts`: sums over all parts. `rows`: looked at, by table."""

    began: float
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    rows: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def drift(self) -> int:
        return sum(self.counts[kind] for kind in DRIFT)

    @property
    def report(self) -> dict[str, Any]:
        """As the reconcile function answers."""
        return {**self.counts, "rows": self.rows, "examples": self.examples}

    def add(self, report: Any) -> None:
        for name in COUNTS:
            self.counts[name] += report.get(name, 0)
        for table, rows in report.get("rows", {}).items():
            self.rows[table] = self.rows.get(table, 0) + rows
        self.examples = (self.examples + list(report.get("examples", ())))[:EXAMPLES]


def both_ways(world: World) -> tuple[str, ...]:
    """The tables of a whole comparison."""
    return tables(world.call())


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done with which tables. `repair`: what a comparison finds."""

    tables: tuple[str, ...]
    mode: str = DIFF
    repair: bool = False

    @property
    def doing(self) -> str:
        return "repair" if self.repair else DOING[self.mode]


def compare(world: World, verb: str, asked: Asked, segments: int, watch: Watch = SILENT) -> Found:
    """Raises CallFailed."""
    began = begin(world, verb, [asked], segments)
    found = carry_out(world, verb, asked, segments, watch)
    found.began = began
    world.journal.forget(verb_notes(verb))
    return found


def begin(world: World, verb: str, asked: Sequence[Asked], segments: int, fresh: float = FRESH) -> float:
    """When the run began that this one goes on with: itself, or one that was asked the same and is fresh enough."""
    notes = verb_notes(verb)
    run, now = world.journal.recall(notes).get(RUN), world.clock.now()
    same = [segments, [[list(each.tables), each.mode, each.repair] for each in asked]]
    if run and run["asked"] == same and now - run["began"] < fresh:
        return float(run["began"])
    world.journal.forget(notes)
    world.journal.remember(notes, RUN, {"asked": same, "began": now})
    return now


def carry_out(world: World, verb: str, asked: Asked, segments: int, watch: Watch = SILENT) -> Found:
    """Of a run that has begun, what is not done yet; the notes stay. Raises CallFailed."""
    for table in asked.tables:
        side_by_side([_part(world, verb, asked, (table, n, segments), watch) for n in range(segments)])
    found, notes = Found(0.0), world.journal.recall(verb_notes(verb))
    for table in asked.tables:
        for n in range(segments):
            found.add(notes[_name(asked, (table, n, segments))]["found"])
    return found


def verb_notes(verb: str) -> str:
    """The subject of a verb's notes; each verb has notes of its own."""
    return f"parts of {verb}"


Part = tuple[str, int, int]
"""A table, the number of a segment, and of how many."""


def _name(asked: Asked, part: Part) -> str:
    return "/".join(map(str, (asked.mode, *part)))


def _part(world: World, verb: str, asked: Asked, part: Part, watch: Watch) -> Callable[[Event], None]:
    def run(stop: Event) -> None:
        name = _name(asked, part)
        note = world.journal.recall(verb_notes(verb)).get(name, {"cursor": None, "done": False, "found": {}})
        found, seen = Found(0.0), note.get("seen", 0)
        found.add(note["found"])
        watch.advance(Advance(asked.doing, *part, seen, note["done"]))
        while not note["done"] and not stop.is_set():
            said = _called(world, asked, part, note["cursor"])
            found.add(said)
            seen += said.get("scanned", 0) + sum(said.get("rows", {}).values())
            note = {"cursor": said["cursor"], "done": said["done"], "found": found.report, "seen": seen}
            world.journal.remember(verb_notes(verb), name, note)
            watch.advance(Advance(asked.doing, *part, seen, note["done"]))

    return run


def _called(world: World, asked: Asked, part: Part, cursor: str | None) -> Any:
    table, segment, total = part
    payload: dict[str, Any] = {"table": table, "segment": segment, "total_segments": total, "cursor": cursor}
    if asked.mode == BACKFILL:
        return call(world, "Backfill", **payload, seconds=SECONDS)
    return call(world, "Reconcile", **payload, mode=asked.mode, repair=asked.repair)
