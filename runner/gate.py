"""Checks of a migration under way: what must hold before the cutover."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from remodel.streams import RETENTION
from runner.check import Finding
from runner.comparison import FRESH
from runner.facts import Facts, Run
from runner.world import OLD

LAG = 15.0
"""Seconds of lag that the pause makes up for: a poll, the window in which a batch is gathered, and a function that starts."""

HEADROOM = RETENTION / 2
"""Of the time for which a stream keeps its records, what must be left:
a cutover may have to be taken back, and that takes people, not seconds."""

NOTE = 30.0
"""Seconds for which a batch that is being written may keep a note open. An older note belongs to a long call, or a dead
one."""

APART = "pairs of rows that the model keeps apart"
"""The reason for which pairs are left out."""

SHOWN = 10
"""Reasons that are shown; all of them are in the JSON."""


def fence(facts: Facts, run: Run) -> Iterator[Finding]:
    remedy = f"`{facts.command('rollback --execute')}` lifts it"
    if run.interrupted and facts.flag == OLD:
        remedy = f"`{facts.command('cutover --execute')}` goes on; {remedy}"
    yield Finding("fence", not run.fenced, f"set since {run.fenced}" if run.fenced else "not set", remedy)


def covered(facts: Facts, run: Run) -> Iterator[Finding]:
    resync = f"`{facts.command('resync --execute')}`"
    found = "not covered by a resync" if run.uncovered else "covered"
    yield Finding("time since a rollback", not run.uncovered, found, resync)
    found = ", ".join(sorted({each.source for each in run.gaps})) or "none"
    yield Finding("gaps in streams", not run.gaps, found, resync)


def backfilled(facts: Facts, run: Run) -> Iterator[Finding]:
    found = f"open: {', '.join(run.open)}" if run.open else "every table"
    yield Finding("backfill", not run.open, found, f"`{facts.command('backfill --execute')}`")


def compared(facts: Facts, run: Run) -> Iterator[Finding]:
    remedy = f"`{facts.command('validate --full')}`"
    if run.compared is None:
        yield Finding("full comparison", False, "none since the last backfill, resync or rollback", remedy)
        return
    if run.drift:
        remedy = f"`{facts.command('validate --full --repair --execute')}`"
    found = f"{run.drift:,} rows differ, compared {run.compared / 60:.0f} min ago"
    yield Finding("full comparison", run.drift == 0 and run.compared <= FRESH, found, remedy)
    remedy = f"give one of the rows another id; `{facts.command('validate --full')}` names them"
    yield Finding("keys claimed twice", not run.claims, f"{run.claims:,} rows", remedy)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason for which rows are in quarantine, or pairs of rows are left out. `accept`: the word that `--accept` takes for
    them."""

    reason: str
    count: int
    accepted: bool

    @property
    def accept(self) -> str:
        return f"{self.reason}={self.count}"


def refusals(run: Run) -> list[Refusal]:
    """A reason is accepted up to a count of rows: what comes on top has not been looked at."""
    every = [*sorted(run.refused.items()), *([(APART, run.violations)] if run.violations else [])]
    return [Refusal(reason, count, count <= run.accepted.get(reason, 0)) for reason, count in every]


def accepted(words: Iterable[str]) -> dict[str, int]:
    """`reason=count` each; a reason may contain `=`. Raises ValueError."""
    counts = {}
    for word in words:
        reason, _, count = word.rpartition("=")
        if not reason or not count.isdecimal():
            raise ValueError(f"expected --accept 'REASON=COUNT', with the whole reason, found {word!r}")
        counts[reason] = int(count)
    return counts


def refused(facts: Facts, run: Run) -> Iterator[Finding]:
    every, held = refusals(run), facts.command("quarantine list")
    yield _refused("quarantine", [each for each in every if each.reason != APART], f"correct the rows (`{held}`)")
    named = facts.command("validate --full")
    pairs = [each for each in every if each.reason == APART]
    yield _refused("rows kept apart", pairs, f"correct what keeps them apart (`{named}` names them)")


def _refused(name: str, every: list[Refusal], correct: str) -> Finding:
    open_ = [each for each in every if not each.accepted]
    found = [f"{each.count:,} × {each.reason}" for each in open_[:SHOWN]]
    found += [f"{len(open_) - SHOWN} other reasons"] if len(open_) > SHOWN else []
    if taken := sum(each.count for each in every if each.accepted):
        found.append(f"{taken:,} accepted")
    words = " ".join(f"--accept {shlex.quote(each.accept)}" for each in open_[:SHOWN])
    return Finding(name, not open_, "; ".join(found) or "none", f"{correct}, or leave them out: `{words}`")


def under_way(facts: Facts, run: Run) -> Iterator[Finding]:
    """What passes by itself comes last: it is worth looking at once all else holds."""
    replay = f"`{facts.command('quarantine replay --failed --execute')}`"
    yield Finding("failure destination", not run.failed, f"{run.failed:,} batches", replay)
    wait = f"wait; `{facts.command('status --watch')}`"
    yield Finding("fan-outs", not run.fanouts, f"{run.fanouts:,} pending", wait)
    oldest = max(run.notes, default=0.0)
    found = f"{len(run.notes)} open, the oldest for {oldest:.0f} s" if run.notes else "none open"
    sweeper = "wait up to 20 minutes: the sweeper finishes what a dead call began"
    yield Finding("notes of calls", oldest <= NOTE, found, sweeper)
    yield from _lags(facts, wait)


def _lags(facts: Facts, wait: str) -> Iterator[Finding]:
    blind = any(each.blind for each in facts.readers)
    for each in facts.readers:
        found, keeps_up = ("unknown", None) if each.lag is None else (f"{each.lag:.0f} s", each.lag <= LAG)
        yield Finding(f"lag of {each.source}", keeps_up, found, wait, unanswerable=each.blind)
    lags = [each.lag for each in facts.readers]
    known = [lag for lag in lags if lag is not None]
    left = RETENTION - max(known, default=0.0)
    is_enough = left >= HEADROOM if len(known) == len(lags) else None
    found = f"{left / 3_600:.1f} of 24 hours" if len(known) == len(lags) else "unknown"
    yield Finding("time left in the streams", is_enough, found, "wait until the streams are read", unanswerable=blind)
