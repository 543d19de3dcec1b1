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
    destination. open: tables whose backfill is not done."""

    readers: Sequence[Reader]
    compared: float | None
    drift: int | None
    refused: Mapping[str, int]
    accepted: Iterable[str]
    failed: int
    backup: float | None
    open: Sequence[str]


def conditions(facts: Facts) -> Iterator[Condition]:
    yield _backfilled(facts)
    for reader in facts.readers:
        yield _is_read(reader)
        yield _keeps_up(reader)
    yield _headroom(facts)
    yield _compared(facts)
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
