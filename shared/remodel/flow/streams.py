"""The 24 hours: when each stream was last shown to be read, and gaps, in which its records may have been trimmed unread.

A stream keeps its records for a day. Two sightings of its reader that lie further apart than that have a gap between them,
whoever was at fault. It is kept, in the index, until the time since has been covered (`flow.resync`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remodel.core.entry import GROUP, NAME
from remodel.core.errors import Unavailable
from remodel.core.wire import Item
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, Condition, Guarded, Outcome

RETENTION = 24 * 3_600.0
"""Seconds for which a stream keeps its records: AWS promises no more."""

MARGIN = 3_600.0
"""Of that, what a reader that comes back needs to read what is about to be trimmed."""

SIGHTINGS, GAPS = "sightings\nstreams", "gaps\nstreams"
"""Not the groups of any row: see `flow.inflight`."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Of one source, between two sightings, in seconds since the epoch."""

    source: str
    since: float
    until: float


def sighted(engine: Engine, source: str, at: float, patience: Patience) -> Gap | None:
    """Notes that the stream was read at that time; the gap that lies before it, if there is one. Raises Unavailable.

    The gap is kept before the sighting is: whoever is killed in between finds it once more.
    """
    key: Item = {GROUP: {"S": SIGHTINGS}, NAME: {"S": source}}
    known = deliver.read(engine, INDEX, [key], patience)
    last = float(known[0]["at"]["N"]) if known else at
    gap = Gap(source, last, at) if at - last > RETENTION - MARGIN else None
    if gap:
        name = f"{source}/{last:.0f}"
        _send(engine, Guarded(INDEX, {GROUP: {"S": GAPS}, NAME: {"S": name}}, _of(gap)), patience)
    condition = Condition("at", "<", {"N": str(int(at))}) if known else None
    _send(engine, Guarded(INDEX, key, {"at": {"N": str(int(at))}}, condition), patience)
    return gap


def gaps(engine: Engine, patience: Patience) -> Iterator[Gap]:
    """Those that have not been covered. Raises Unavailable."""
    for item in index.items(engine, GAPS, patience):
        yield Gap(item["source"]["S"], float(item["since"]["N"]), float(item["until"]["N"]))


def cover(engine: Engine, gap: Gap, patience: Patience) -> None:
    """It is covered. Raises Unavailable."""
    key: Item = {GROUP: {"S": GAPS}, NAME: {"S": f"{gap.source}/{gap.since:.0f}"}}
    _send(engine, Guarded(INDEX, key, None), patience)


def _of(gap: Gap) -> Item:
    return {"source": {"S": gap.source}, "since": {"N": str(int(gap.since))}, "until": {"N": str(int(gap.until))}}


def _send(engine: Engine, write: Guarded, patience: Patience) -> None:
    if deliver.guard(engine, [write], patience) == [Outcome.AGAIN]:
        raise Unavailable("expected to note when a stream was read, but time ran out: call again")
