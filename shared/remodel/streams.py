"""Streams: how far each function has read, and gaps, in which changes may have passed that no function saw.

A stream keeps its records for 24 hours. Two sightings of its reader further apart than that have a gap between them; so has a
record that cannot be read, and a stream that is not the one read before. A gap closes the gate until `resync` has covered it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from remodel.call import Call, index_key
from remodel.items import Item
from remodel.keys import Key
from remodel.store import INDEX_KEY, Change

RETENTION = 24 * 3_600.0
"""Seconds for which a stream keeps its records: AWS promises no more."""

MARGIN = 3_600.0
"""Of that, what a reader that returns needs to read what is about to be trimmed."""

SIGHTINGS, GAPS = "streams", "gaps"


@dataclass(frozen=True, slots=True)
class Sighting:
    """`label`: of the stream that is read, empty where unknown. `at`: when it was last shown to be read. `record`: the time of
    the last record that was done. Times are seconds since the epoch."""

    source: str
    label: str
    at: float
    record: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Of one old table, between two times in seconds since the epoch."""

    source: str
    since: float
    until: float
    reason: str


def sightings(call: Call) -> dict[str, Sighting]:
    found = [Sighting(**_told(item)) for item in call.items(SIGHTINGS)]
    return {each.source: each for each in found}


def sighted(call: Call, source: str, label: str, record: float | None = None, at: float | None = None) -> None:
    """Stores that a stream was read."""
    call.write_index([sighting(call, source, label, record, at)])


def sighting(call: Call, source: str, label: str, record: float | None = None, at: float | None = None) -> Change:
    """What the index is to say of a stream that was read. A gap before it is stored now, so that a killed call finds it
    again."""
    key, at = index_key(SIGHTINGS, source), call.now() if at is None else at
    item = call.read([key]).get(key)
    known = Sighting(**_told(item)) if item else Sighting(source, label, at, 0.0)
    if at - known.at > RETENTION - MARGIN:
        gap(call, Gap(source, known.at, at, "the stream was not read for longer than it keeps its records"))
    if label and known.label and label != known.label:
        gap(call, Gap(source, known.at, at, f"the stream is another one ({label}, before {known.label})"))
    return _entry(key, Sighting(source, label or known.label, max(at, known.at), max(record or 0.0, known.record)))


def gap(call: Call, found: Gap) -> None:
    call.write_index([_entry(_key(found), found)])


def gaps(call: Call) -> list[Gap]:
    """Those that no resync has covered."""
    return [Gap(**_told(item)) for item in call.items(GAPS)]


def cover(call: Call, found: Iterable[Gap]) -> None:
    """They are covered: a resync that began after them has ended."""
    call.write_index(Change(_key(each), None) for each in found)


def _key(found: Gap) -> Key:
    return index_key(GAPS, f"{found.source}/{found.since:.0f}")


def _entry(key: Key, facts: Sighting | Gap) -> Change:
    return Change(key, INDEX_KEY.decode(key.text) | {"facts": {"S": json.dumps(asdict(facts))}})


def _told(item: Item) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(item["facts"]["S"])
    return facts
