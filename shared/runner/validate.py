"""The validation of the source document, in full: each check by name, with what was expected and what was found.

counts    as many links, targets and actuals as the old tables make expect, exactly
samples   rows of either side, attribute by attribute
full      every row, both ways; orphans, tenants and uniqueness with it
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runner.comparison import DRIFT, Asked, Found, Watch, both_ways, compare
from runner.world import World


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    passed: bool
    told: str


@dataclass(slots=True)
class Validation:
    """rows: expected and found, by new table. drift: new rows that are not as the old tables say. examples: of these."""

    checks: list[Check] = field(default_factory=list)
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    drift: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    repaired: int = 0

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def validate(
    world: World, sample: int, full: bool, repair: bool, segments: int = 4, watch: Watch | None = None
) -> Validation:
    """Raises Busy and CallFailed. With `repair`, what differs is mended, and compared once more."""
    with world.journal.step("validate") as facts:
        done = Validation()
        if repair:
            done.repaired = _compare(world, segments, watch, repair=True).counts["repaired"]
        sampled = world.functions.invoke("Reconcile", {"mode": "sample", "sample": sample})
        _agree(done, f"a sample of {sample} rows of each table", sampled)
        if full:
            found = _compare(world, segments, watch)
            facts["compared"] = found.began
            report = {**found.counts, **found.tables, "examples": found.examples}
            _agree(done, "every row, both ways", report)
        else:
            report = world.functions.invoke("Reconcile", {"mode": "counts"})
        _counts(done, report)
        _rules(done, report)
        facts.update({name: report[name] for name in ("unlinked", "quarantined", "stale_lookups")})
        facts.update(full=full, drift=done.drift, rows=done.rows, repaired=done.repaired)
        facts["checks"] = {each.name: each.passed for each in done.checks}
    return done


def _compare(world: World, segments: int, watch: Watch | None, repair: bool = False) -> Found:
    return compare(world, Asked("validate", both_ways(world), segments, repair), watch)


def _counts(done: Validation, report: Any) -> None:
    for table in sorted(report["expected"] | report["found"]):
        expected, found = report["expected"].get(table, 0), report["found"].get(table, 0)
        done.rows[table] = (expected, found)
        told = f"{expected} expected, {found} found"
        done.checks.append(Check(f"{table}: as many rows as the old tables make expect", expected == found, told))
        done.drift = max(done.drift, abs(expected - found))


def _agree(done: Validation, name: str, report: Any) -> None:
    found = {kind: report[kind] for kind in DRIFT if kind in report}
    told, drift = ", ".join(f"{count} {kind}" for kind, count in found.items()), sum(found.values())
    done.checks.append(Check(name, not drift, told))
    done.drift = max(done.drift, drift)
    done.examples += report["examples"]


def _rules(done: Validation, report: Any) -> None:
    """Told, not failed: they are in the old rows, and are carried over or left out as the model's page says."""
    for name, what in (
        ("tenant_violations", "pairs of a row and a link of different tenants, left out"),
        ("uniqueness_violations", "links beyond one for a measure and goal, carried over"),
        ("ambiguous_lookups", "persons beyond one for a user, the smallest id counts"),
        ("stale_lookups", "links whose person has changed since, for want of a stream"),
        ("unlinked", "rows whose measure has no link"),
        ("quarantined", "rows that the model refuses"),
    ):
        if name in report:
            done.checks.append(Check(what, True, str(report[name])))
