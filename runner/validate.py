"""The validation of the source document, in full: each check by name, with what was expected and what was found.

counts    as many rows in each new table as the old tables make expect, exactly
samples   rows of either side, attribute by attribute
full      every row, both ways; orphans, pairs that are not allowed, and uniqueness with it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
        _agree(done, f"a sample of {sample} rows of each table", _asked(world, mode="sample", sample=sample))
        if full:
            found = _compare(world, segments, watch)
            facts["compared"] = found.began
            _agree(done, "every row, both ways", found)
        else:
            watch.step("counting")
            found = _asked(world, mode="counts")
        _counts(world, done, found, full)
        _rules(done, found.counts)
        facts.update({name: found.counts[name] for name in ("unlinked", "quarantined", "claims", "tenant_violations")})
        facts.update(full=full, drift=done.drift, rows=done.rows, repaired=done.repaired)
        facts["checks"] = {each.name: each.passed for each in done.checks}
    return done


def last(steps: list[Step], full: bool = False) -> Step | None:
    """The last comparison that still counts, with `full` of every row: none from before the new tables were cleared. `steps`:
    everything that was done."""
    cleared = max((step.began for step in steps if step.verb == "rollback" and "tables" in step.facts), default="")
    compared = [step for step in steps if step.verb == "validate" and step.outcome == DONE and step.began > cleared]
    return next((step for step in reversed(compared) if step.facts["full"] >= full), None)


def _compare(world: World, segments: int, watch: Watch, repair: bool = False) -> Found:
    return compare(world, Asked("validate", both_ways(world), repair), segments, watch)


def _asked(world: World, **payload: Any) -> Found:
    """What the reconcile function finds in one call."""
    said = world.invoke("Reconcile", payload)
    return Found(world.clock.now(), Counter(said), said["rows"], said["examples"])


def _counts(world: World, done: Validation, found: Found, full: bool) -> None:
    """A key that several old rows claim is expected by each of them, and can only be there once. Old and new rows are counted
    one after the other, so a live application makes the counts differ; a full comparison has explained each row, whatever they
    are."""
    rows = {name: found.rows.get(name, 0) for name in (*world.model.new_tables, QUARANTINE)}
    expected, there = found.counts["expected"] - found.counts["claims"], sum(rows.values())
    done.rows[ALL] = (expected, there)
    parts = ", ".join(f"{number(count)} of {name}" for name, count in rows.items())
    told = f"{number(expected)} expected, {number(there)} found ({parts})"
    done.checks.append(Check("as many rows as the old tables make expect", full or expected == there, told))
    done.drift = max(done.drift, 0 if full else abs(expected - there))


def _agree(done: Validation, name: str, found: Found) -> None:
    told = ", ".join(f"{number(found.counts[kind])} {kind}" for kind in DRIFT)
    done.checks.append(Check(name, not found.drift, told))
    done.drift = max(done.drift, found.drift)
    done.examples += found.examples


def _rules(done: Validation, counts: Mapping[str, int]) -> None:
    """Told, not failed: they are in the old rows, and are carried over or left out as the model's page says."""
    claims = counts["claims"]
    done.checks.append(Check("rows that claim a new key of another row", not claims, number(claims)))
    for name, what in (
        ("tenant_violations", "pairs of rows that the model does not allow, left out"),
        ("uniqueness_violations", "rows that repeat another one in what should be unique, carried over"),
        ("ambiguous_lookups", "looked-up rows beyond one, the smallest key counts"),
        ("unlinked", "rows without anything to be linked to: they have no new row yet"),
        ("quarantined", "rows that the model rejects"),
        ("left_out", "new rows that the model leaves out on purpose"),
    ):
        done.checks.append(Check(what, True, number(counts[name])))
