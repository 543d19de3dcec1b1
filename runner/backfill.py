"""The backfill: the old tables in their order, from where each segment was. Each table is then compared with its new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remodel.backfill import RUN, Kinds, kinds_of
from remodel.segments import Progress, unfinished
from runner import ownership, readiness, survey
from runner.check import Step
from runner.comparison import Asked, compare
from runner.drive import Work, drive
from runner.figures import number
from runner.watch import Watch
from runner.world import World

KIND_FIGURES = ("scanned", "written", "quarantined")
FIGURES = (*KIND_FIGURES, "units")


@dataclass(slots=True)
class Backfilled:
    """What is there after it: rows scanned, writes and refusals by table; in how many rows each differs; and the counts by
    kind, where a table has several."""

    tables: dict[str, dict[str, float]] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, Kinds] = field(default_factory=dict)


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
    return {table: unfinished(world.call(), RUN, table, segments) for table in world.sources}


def check(world: World) -> None:
    """Raises Fenced where the application owns the new tables, and NotReady where a backfill would lose changes, or could not
    be undone."""
    ownership.check(world)
    readiness.require(readiness.checks(survey.groundwork(world), Step.BACKFILL), "the first page is read")


def backfill(world: World, segments: int, watch: Watch) -> Backfilled:
    """Raises Fenced, NotReady, Busy and CallFailed."""
    check(world)
    with world.journal.step("backfill", "rollback") as facts:
        open_ = open_segments(world, segments)
        done = Backfilled(drift=_known_drift(world, open_))
        for table, left in open_.items():
            counts = drive(world, Work("backfill", RUN, "Backfill", (table,)), segments, watch).counts[table]
            done.tables[table] = {name: counts[name] for name in FIGURES}
            done.kinds[table] = by_kind(world, table, counts)
            if table in world.migrated and (left or table not in done.drift):
                done.drift[table] = compare(world, Asked("backfill", (table,)), segments, watch).drift
            facts.update(tables=done.tables, drift=done.drift)
    return done


def by_kind(world: World, table: str, counts: Mapping[str, float]) -> Kinds:
    """What was counted of each kind that the model's table has, and of other rows; empty where one kind is all of it, or where
    nothing was counted yet."""
    declared, found = world.model.old_tables[table].kinds, kinds_of(counts)
    if len(declared) < 2 or not found:
        return {}
    none: dict[str, int] = dict.fromkeys(KIND_FIGURES, 0)
    return {name: found.get(name, none) for name in dict.fromkeys([*(kind.__name__ for kind in declared), *found])}


def _known_drift(world: World, open_: Mapping[str, list[Progress]]) -> dict[str, int]:
    """Of tables that earlier runs have finished and compared."""
    runs = world.journal.steps("backfill")
    known = {name: drift for run in runs for name, drift in run.facts.get("drift", {}).items()}
    return {name: known[name] for name, left in open_.items() if name in known and not left}
