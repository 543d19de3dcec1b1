"""The validation of the source document, in full: each check by name, with what was expected and what was found.

counts    as many links, targets and actuals as the old tables make expect, exactly
samples   rows of either side, attribute by attribute
full      every row, both ways; orphans, tenants and uniqueness with it
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runner.world import World


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    passed: bool
    told: str


@dataclass(slots=True)
class Validation:
    """`reports`: what the reconcile function answered, by mode."""

    checks: list[Check] = field(default_factory=list)
    reports: dict[str, Any] = field(default_factory=dict)
    repaired: int = 0

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def validate(world: World, sample: int, full: bool, repair: bool) -> Validation:
    """Raises Busy and CallFailed. With `repair`, what differs is mended, and compared once more."""
    with world.journal.step("validate") as facts:
        done = Validation()
        if repair:
            done.repaired = _ask(world, done, mode="full", repair=True)["repaired"]
        counts = _ask(world, done, mode="counts")
        _counts(done, counts)
        _agree(done, f"a sample of {sample} rows of each table", _ask(world, done, mode="sample", sample=sample))
        report = _ask(world, done, mode="full") if full else counts
        if full:
            _agree(done, "every row, both ways", report)
        _rules(done, report)
        facts.update({name: report[name] for name in ("unlinked", "quarantined", "stale_lookups")})
        facts["drift"] = max(each["missing"] + each["different"] + each["orphaned"] for each in _last(done))
        facts.update(full=full, repaired=done.repaired, checks={each.name: each.passed for each in done.checks})
    return done


def _last(done: Validation) -> list[Any]:
    """The reports that say how it is now, not how it was before it was mended."""
    return [report for mode, report in done.reports.items() if mode != "full, repairing"]


def _ask(world: World, done: Validation, **event: Any) -> Any:
    report = world.functions.invoke("Reconcile", event)
    done.reports["full, repairing" if event.get("repair") else event["mode"]] = report
    return report


def _counts(done: Validation, report: Any) -> None:
    for table in report["expected"] | report["found"]:
        expected, found = report["expected"].get(table, 0), report["found"].get(table, 0)
        told = f"{expected} expected, {found} found"
        done.checks.append(Check(f"{table}: as many rows as the old tables make expect", expected == found, told))


def _agree(done: Validation, name: str, report: Any) -> None:
    told = ", ".join(f"{report[kind]} {kind}" for kind in ("missing", "different", "orphaned"))
    done.checks.append(Check(name, not report["missing"] + report["different"] + report["orphaned"], told))


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
        done.checks.append(Check(what, True, str(report[name])))
