"""Resync and clear: walks over everything that the index has ever seen.

After a gap in a stream, a backfill finds the rows that are there. What was deleted or has moved meanwhile only the index still
knows: a member whose row is not in the group now is a hint with that group. The same walk tells `clear` which new rows the
engine may have written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from remodel import mapping, newkeys, reading
from remodel.call import Call
from remodel.converge import converge
from remodel.errors import BadRequest
from remodel.hints import Hint, merge
from remodel.index import members_of
from remodel.items import Item
from remodel.keys import Key
from remodel.segments import Segment, Walk, pages
from remodel.store import INDEX, QUARANTINE

PAGE = 500


@dataclass(slots=True)
class Walked(Walk):
    """`keys`: of the new rows that are cleared."""

    keys: set[Key] = field(default_factory=set)


def resync(call: Call, segment: Segment, stop_at: float) -> Walked:
    """A segment of the index or of quarantine; old tables are for `backfill`. Raises BadRequest, Unavailable, and Fenced."""
    if segment.table not in (INDEX, QUARANTINE):
        raise BadRequest(
            f"expected table {INDEX} or {QUARANTINE}, found {segment.table!r}: scan old tables by backfill"
        )
    walked = Walked()
    for page in pages(call, segment, stop_at, PAGE):
        hints = _quarantined(page.items) if segment.table == QUARANTINE else _gone(call, page.items)
        walked.written += converge(call, hints).written
        walked.passed(page)
    return walked


def clear(call: Call, tables: Iterable[str], segment: Segment, stop_at: float, dry: bool = False) -> Walked:
    """Deletes the new rows that may come from rows of these old tables. `segment`: of one of them, or of the index. `dry`: only
    names them. Raises Unavailable and Fenced."""
    wanted, walked, schema = set(tables), Walked(), call.store.schema(segment.table)
    for page in pages(call, segment, stop_at, PAGE):
        if segment.table == INDEX:
            hints = [hint for hint in _members(call, page.items) if hint.key.table in wanted]
        else:
            hints = [Hint(Key(segment.table, schema.encode(item))) for item in page.items]
        there = call.read(_possible(call, hints))
        walked.keys |= there.keys()
        if not dry:
            call.write_rows(dict.fromkeys(there))
            walked.written += len(there)
        walked.passed(page)
    return walked


def _quarantined(items: Iterable[Item]) -> list[Hint]:
    return [Hint(mapping.quarantined(item)) for item in items]


def _members(call: Call, items: Iterable[Item]) -> list[Hint]:
    """Hints of members, each with the one group in which it is."""
    return [Hint(row, frozenset({each.group})) for each in members_of(call.model, items) for row in each.rows]


def _gone(call: Call, items: Iterable[Item]) -> list[Hint]:
    """Hints for members whose row is not in the group now."""
    hints = _members(call, items)
    rows = call.read(hint.key for hint in hints)
    return [hint for hint in hints if not _is_in(call, hint, rows.get(hint.key))]


def _is_in(call: Call, hint: Hint, item: Item | None) -> bool:
    parsed, (group,) = mapping.parse(call.model, hint.key, item), hint.groups
    if item is None or parsed.kind is None:
        return False
    plan = call.model.plans[parsed.kind]
    return group.name not in plan.key_groups | plan.provider_names or group in parsed.groups


def _possible(call: Call, hints: list[Hint]) -> set[Key]:
    merged = merge(hints)
    snapshots = reading.read(call, {key: hint.groups for key, hint in merged.items()})
    found: set[Key] = set()
    for key, snapshot in snapshots.items():
        groups = merged[key].groups | snapshot.groups
        found |= {mapping.quarantine_key(key), *newkeys.possible_keys(call.model, key, snapshot, groups)}
    return found
