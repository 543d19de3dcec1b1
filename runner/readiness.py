"""Readiness: one list of checks for the whole migration, and the next step that follows from it. Facts in, checks out.

`plan`, `prepare`, `backfill`, `cutover` and `status` read this list, each before its own step: a failure that stops a
later step only is still to be done. The checks stand in the order in which they are worked off, so the first one that
stops the cutover says what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runner import gate, groundwork
from runner.check import Check, Finding, Step, judge
from runner.errors import NotReady
from runner.facts import Facts
from runner.world import NEW

RETENTION_DAYS = 7
"""Days after the cutover for which the old tables are kept."""


def checks(facts: Facts, step: Step) -> list[Check]:
    return [judge(each, step) for each in _findings(facts)]


def _findings(facts: Facts) -> Iterator[Finding]:
    run = facts.run
    if run:
        yield from gate.fence(facts, run)
    for ground in _GROUND:
        yield from ground(facts)
    if run:
        for rule in (gate.covered, gate.backfilled, gate.compared, gate.refused, gate.under_way):
            yield from rule(facts, run)
    yield from groundwork.advice(facts)


_GROUND = (
    groundwork.names,
    groundwork.old_tables,
    groundwork.roles,
    groundwork.backup,
    groundwork.new_tables,
    groundwork.streams,
    groundwork.settings,
    groundwork.readers,
)


def require(found: Iterable[Check], told: str) -> None:
    """Raises NotReady where a check stops its step."""
    stops = [f"{each.name}: {each.found}: {each.remedy}" for each in found if each.stops]
    if stops:
        raise NotReady(f"expected every check to hold before {told}, found {'; '.join(stops)}")


def is_open(found: Iterable[Check]) -> bool:
    return not any(each.stops for each in found)


def pending(facts: Facts) -> list[Check]:
    """What still stops the cutover; nothing after it. `facts`: with a run."""
    is_over = facts.flag == NEW or (facts.run is not None and facts.run.finished)
    return [] if is_over else [each for each in checks(facts, Step.CUTOVER) if each.stops]


@dataclass(frozen=True, slots=True)
class Next:
    """What to type next, and why."""

    step: str
    why: str

    def __str__(self) -> str:
        return f"{self.step} ({self.why})"


def next_step(facts: Facts) -> Next:
    """`facts`: with a run."""
    assert facts.run is not None, "the next step depends on what was done"
    if facts.run.finished:
        return Next("nothing", "the migration is finished")
    if facts.flag == NEW and not facts.run.fenced:
        back = f"`{facts.command('rollback --execute')}`"
        return Next(back, f"the read flag says {NEW}, and no fence keeps replication from writing")
    if facts.flag == NEW:
        return _after_the_cutover(facts, facts.run.cut_over)
    if stopping := pending(facts):
        first = stopping[0]
        return Next(first.remedy, f"{first.name}: {first.found}")
    pause = "pause the application's writes, then"
    return Next(f"{pause} `{facts.command('cutover --execute')}`", "every check holds")


def _after_the_cutover(facts: Facts, days: float) -> Next:
    if days >= RETENTION_DAYS:
        return Next(f"`{facts.command('finish')}`", f"{days:.1f} days since the cutover")
    back = f"`{facts.command('rollback --execute')}` goes back"
    return Next(f"watch the application for {RETENTION_DAYS - days:.1f} more days; {back}", "it reads the new tables")
