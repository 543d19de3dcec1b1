"""The gate before the cutover: every condition by name, with its figure, and what to do where it does not hold.

Plain facts in, conditions out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runner.world import Reader

LAG = 5.0
"""Seconds of lag that count as none: a poll, and the window in which a batch is gathered."""

POLLED = 120.0
"""Seconds since a stream was last shown to be read; metrics come once a minute, and late."""

RETENTION = 24 * 3_600.0
"""Seconds for which a stream keeps its records."""

HEADROOM = RETENTION / 2
"""Of that, what must be left: a cutover may have to be taken back, and that takes people, not seconds."""

DIFF = 3_600.0
"""Seconds for which a full comparison counts."""

BACKUP = 24 * 3_600.0
"""Seconds for which a backup counts."""

NOTE = 30.0
"""Seconds for which a batch that is being written may keep a note open. An older note belongs to a long call, or a dead one."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`told`: the figure. `todo`: what to do where it is not met."""

    name: str
    met: bool
    told: str
    todo: str


@dataclass(frozen=True, slots=True)
class Facts:
    """compared, backup: seconds since they were begun, None where there was none. refused: reasons of what is in quarantine,
    with how many rows each has; accepted: texts of reasons that a person has accepted. failed: batches in the failure
    destination. open: tables whose backfill is not done. gaps: streams of which records may have been trimmed unread.
    claims: rows that claim a new key of another row, as the comparison has counted them. notes: seconds for which each open
    note has been open. fanouts: pending. fenced: since when the fence is set, empty where it is not. uncovered: whether the
    application has returned to the old tables and no resync has ended since."""

    readers: Sequence[Reader]
    compared: float | None
    drift: int | None
    refused: Mapping[str, int]
    accepted: Iterable[str]
    failed: int
    backup: float | None
    open: Sequence[str]
    gaps: Sequence[str] = ()
    claims: int = 0
    notes: Sequence[float] = ()
    fanouts: int = 0
    fenced: str = ""
    uncovered: bool = False


def conditions(facts: Facts) -> Iterator[Condition]:
    yield _backfilled(facts)
    for reader in facts.readers:
        yield _is_read(reader)
        yield _keeps_up(reader)
    yield _headroom(facts)
    told = ", ".join(sorted(set(facts.gaps))) or "none"
    yield Condition("no gap in the streams", not facts.gaps, told, "`remodel resync --execute`")
    told = f"{facts.fanouts} pending"
    yield Condition("no fan-out pending", not facts.fanouts, told, "wait; `remodel status --watch`")
    yield _notes(facts)
    yield from _returned(facts)
    yield _compared(facts)
    yield _claims(facts)
    yield _quarantine(facts)
    told = f"{facts.failed} batches"
    yield Condition(
        "failure destination empty", not facts.failed, told, "`remodel quarantine replay --failed --execute`"
    )
    yield _backup(facts)


def _backfilled(facts: Facts) -> Condition:
    told = f"open: {', '.join(facts.open)}" if facts.open else "every table"
    return Condition("backfill done", not facts.open, told, "`remodel backfill --execute`")


def _is_read(reader: Reader) -> Condition:
    """Right now, and not merely silent: nothing comes out of a stream that nobody reads, either."""
    met = reader.enabled and reader.polled is not None and reader.polled <= POLLED
    told = reader.told if reader.polled is None else f"{reader.told}, last shown {reader.polled:.0f} s ago"
    return Condition(
        f"stream of {reader.source} read", met, told, "see its event source mapping; `remodel prepare --execute`"
    )


def _keeps_up(reader: Reader) -> Condition:
    told = "unknown" if reader.lag is None else f"{reader.lag:.0f} s"
    met = reader.lag is not None and reader.lag <= LAG
    return Condition(f"lag of {reader.source} nil", met, told, "wait; `remodel status --watch`")


def _headroom(facts: Facts) -> Condition:
    lags = [reader.lag for reader in facts.readers]
    known = [lag for lag in lags if lag is not None]
    left = RETENTION - max(known, default=0.0)
    told = f"{left / 3_600:.1f} of 24 hours"
    met = len(known) == len(lags) and left >= HEADROOM
    return Condition(
        "headroom in the streams", met, told if known or not lags else "unknown", "wait until the streams are read"
    )


def _compared(facts: Facts) -> Condition:
    todo = "`remodel validate --full`, and `--repair --execute` where that finds drift"
    if facts.compared is None or facts.drift is None:
        return Condition("nothing differs", False, "never compared in full", todo)
    told = f"drift {facts.drift}, compared {facts.compared / 60:.0f} min ago"
    return Condition("nothing differs", facts.drift == 0 and facts.compared <= DIFF, told, todo)


def _notes(facts: Facts) -> Condition:
    """A note is open for as long as a batch is being written, which is always so while the application writes."""
    oldest = max(facts.notes, default=0.0)
    told = f"{len(facts.notes)} open, the oldest for {oldest:.0f} s" if facts.notes else "none open"
    todo = "wait: the sweeper finishes what a dead call began; see its alarm"
    return Condition("every call's note closed", oldest <= NOTE, told, todo)


def _returned(facts: Facts) -> Iterator[Condition]:
    todo = "`remodel cutover --execute` goes on where one was killed; `remodel rollback --execute` lifts it"
    told = f"set since {facts.fenced}" if facts.fenced else "not set"
    yield Condition("fence not set", not facts.fenced, told, todo)
    told = "no resync since the rollback" if facts.uncovered else "covered"
    todo = "`remodel resync --execute`, then `remodel validate --full`"
    yield Condition("everything since a rollback covered", not facts.uncovered, told, todo)


def _claims(facts: Facts) -> Condition:
    todo = "give one of the rows another id; `remodel validate --full` names them"
    return Condition("no new key claimed twice", not facts.claims, f"{facts.claims} rows", todo)


def _quarantine(facts: Facts) -> Condition:
    texts = [text.lower() for text in facts.accepted]
    open_ = {why: n for why, n in facts.refused.items() if not any(text in why.lower() for text in texts)}
    taken = sum(facts.refused.values()) - sum(open_.values())
    told = "; ".join(f"{n} × {why}" for why, n in sorted(open_.items())) or "empty"
    told += f" ({taken} accepted)" if taken else ""
    return Condition("quarantine empty or accepted", not open_, told, "mend the rows, or `--accept REASON`")


def _backup(facts: Facts) -> Condition:
    if facts.backup is None:
        return Condition("backup", False, "none", "`remodel backup --execute`")
    told = f"{facts.backup / 3_600:.1f} h old"
    return Condition("backup", facts.backup <= BACKUP, told, "`remodel backup --execute`")
