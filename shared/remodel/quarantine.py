"""Quarantine: the rows that the model rejects, with key, reason, and the time of the first rejection.

It is one more table that the mapping writes. The content of a rejected row stays in its old table. A row leaves quarantine by
itself when it is corrected or removed; replay takes rows up again without waiting for a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from remodel.call import Call
from remodel.converge import converge
from remodel.errors import BadRequest
from remodel.hints import Hint
from remodel.keys import Key
from remodel.mapping import SINCE, quarantine_key, quarantined
from remodel.segments import Segment, pages
from remodel.store import QUARANTINE

PAGE = 500


@dataclass(frozen=True, slots=True)
class Held:
    """`since`: when the row was first rejected, ISO 8601."""

    row: Key
    reason: str
    since: str


def held(call: Call) -> Iterator[Held]:
    """Every row in quarantine."""
    for page in pages(call, Segment(QUARANTINE, 0, 1), inf, PAGE):
        for item in page.items:
            yield Held(quarantined(item), item["reason"]["S"], item[SINCE]["S"])


@dataclass(frozen=True, slots=True)
class Replayed:
    """`corrected`: rows that are not in quarantine any more. `rejected`: reasons by key, as `table key`."""

    corrected: int
    rejected: dict[str, str]


def replay(call: Call, hints: list[Hint]) -> Replayed:
    """Takes rows up again from what the old tables say now. Raises BadRequest, Unavailable, and Fenced."""
    if unknown := {hint.key.table for hint in hints} - call.model.old_tables.keys():
        raise BadRequest(f"expected rows of {', '.join(call.model.order)}, found {', '.join(sorted(unknown))}")
    done = converge(call, hints)
    still = call.read(quarantine_key(hint.key) for hint in hints)
    rejected = {quarantined(item): item["reason"]["S"] for item in still.values()} | done.rejected
    named = {f"{key.table} {key.text}": reason for key, reason in rejected.items()}
    return Replayed(len({hint.key for hint in hints}) - len(still), named)
