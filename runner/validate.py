"""The validation of the source document, in full: each check by name, with what was expected and what was found.

counts    as many rows in each new table as the old tables make expect, exactly
samples   rows of either side, attribute by attribute
full      every row, both ways; orphans, pairs that are not allowed, and uniqueness with it
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from remodel.findings import DRIFT
from remodel.store import QUARANTINE
from runner import ownership
from runner.comparison import Asked, Found, both_ways, compare
from runner.figures import number
from runner.journal import DONE, Step
from runner.pace import SEGMENTS
from runner.watch import SILENT, Watch
from runner.world import World

ALL = "new rows and quarantine"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    passed: bool
    told: str


@dataclass(slots=True)
class Validation:
    """rows: expected and found, of all new tables and quarantine together. drift: new rows that are not as the old tables say.
    examples: of these. since: when the application was cut over, empty before that: what it has written since then differs."""

    checks: list[Check] = field(default_factory=list)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    drift: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    repaired: int = 0
    since: str = ""

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


class Mode(StrEnum):
    """What is compared: a sample and counts; or every row as well; or every row after what differs was repaired."""

    SAMPLE = "sample"
    FULL = "full"
    REPAIR = "repair"


def validate(
    world: World, mode: Mode, sample: int = 100, segments: int = SEGMENTS, watch: Watch = SILENT
) -> Validation:
    """`sample`: rows of each table. Raises Fenced, Busy and CallFailed."""
    full, repair = mode != Mode.SAMPLE, mode == Mode.REPAIR
    if repair:
        ownership.check(world)
    with world.journal.step("validate") as facts:
        done = Validation(since=ownership.fenced_since(world) if ownership.is_cut_over(world) else "")
        if repair:
            done.repaired = _compare(world, segments, watch, repair=True).counts["repaired"]
        watch.step(f"comparing a sample of {number(sample)} rows of each table")
        sampled = world.functions.invoke("Reconcile", {"mode": "sample", "sample": sample})
        _agree(done, f"a sample of {sample} rows of each table", sampled)
        if full:
            found = _compare(world, segments, watch)
            facts["compared"] = found.began
            report: Any = found.report
            _agree(done, "every row, both ways", report)
        else:
            watch.step("counting")
            report = world.functions.invoke("Reconcile", {"mode": "counts"})
        _counts(world, done, report, full)
        _rules(done, report)
        facts.update({name: report[name] for name in ("unlinked", "quarantined", "claims", "tenant_violations")})
        facts.update(full=full, drift=done.drift, rows=done.rows, repaired=done.repaired)
        facts["checks"] = {each.name: each.passed for each in done.checks}
    return done


def last(world: World, full: bool = False) -> Step | None:
    """The last comparison that still counts, with `full` of every row: none from before the new tables were cleared."""
    steps = world.journal.steps()
    cleared = max((step.began for step in steps if step.verb == "rollback" and "tables" in step.facts), default="")
    return next(
        (
            step
            for step in reversed(steps)
            if step.verb == "validate" and step.outcome == DONE and step.facts["full"] >= full and step.began > cleared
        ),
        None,
    )


def _compare(world: World, segments: int, watch: Watch, repair: bool = False) -> Found:
    return compare(world, Asked("validate", both_ways(world), repair), segments, watch)


def _counts(world: World, done: Validation, report: Any, full: bool) -> None:
    """A key that several old rows claim is expected by each of them, and can only be there once. Old and new rows are counted
    one after the other, so a live application makes the counts differ; a full comparison has explained each row, whatever they
    are."""
    tables = (*world.model.new_tables, QUARANTINE)
    found, expected = sum(report["rows"].get(name, 0) for name in tables), report["expected"] - report["claims"]
    done.rows[ALL] = (expected, found)
    parts = ", ".join(f"{number(report['rows'].get(name, 0))} of {name}" for name in tables)
    told = f"{number(expected)} expected, {number(found)} found ({parts})"
    done.checks.append(Check("as many rows as the old tables make expect", full or expected == found, told))
    done.drift = max(done.drift, 0 if full else abs(expected - found))


def _agree(done: Validation, name: str, report: Any) -> None:
    found = {kind: report[kind] for kind in DRIFT if kind in report}
    told, drift = ", ".join(f"{number(count)} {kind}" for kind, count in found.items()), sum(found.values())
    done.checks.append(Check(name, not drift, told))
    done.drift = max(done.drift, drift)
    done.examples += report["examples"]


def _rules(done: Validation, report: Any) -> None:
    """Told, not failed: they are in the old rows, and are carried over or left out as the model's page says."""
    claims = report["claims"]
    done.checks.append(Check("rows that claim a new key of another row", not claims, number(claims)))
    for name, what in (
        ("tenant_violations", "pairs of rows that the model does not allow, left out"),
        ("uniqueness_violations", "rows that repeat another one in what should be unique, carried over"),
        ("ambiguous_lookups", "looked-up rows beyond one, the smallest key counts"),
        ("unlinked", "rows without anything to be linked to: they have no new row yet"),
        ("quarantined", "rows that the model rejects"),
        ("left_out", "new rows that the model leaves out on purpose"),
    ):
        if name in report:
            done.checks.append(Check(what, True, number(report[name])))
