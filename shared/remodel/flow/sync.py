"""Sync: the one way to mend anything. It reads the old row as it is now and makes the index, then the new tables, agree.

A repair keeps the version that it found and writes on condition that it is still there, so it never overrules a stream.
It never writes an image from the past. Replay of quarantined rows and of failed batches, repair after reconciliation and
recovery after an outage are all this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from remodel.core.change import Change, Key, Refusal
from remodel.core.entry import Entry
from remodel.core.errors import Unavailable
from remodel.core.record import KEY, Bad, Good, side
from remodel.core.version import BACKFILL
from remodel.flow import deliver, index, inflight, ingest, quarantine
from remodel.flow.engine import Engine, Patience
from remodel.flow.inflight import Repair
from remodel.flow.refuse import refuse
from remodel.flow.settle import Settled, Task, settle
from remodel.ports import Condition, Outcome


@dataclass(frozen=True, slots=True)
class Synced:
    """`refused`: the model's reason, where the row stays in quarantine. `corrected`: the index had to be changed."""

    refused: str | None
    corrected: bool
    written: int


def sync(engine: Engine, source: str, id: str, groups: Iterable[str], patience: Patience, bury: bool = False) -> Synced:
    """Mends one old row. `groups`: where else, beside its own and those that quarantine remembers, it may be held.

    `bury` leaves a tombstone in these groups even where the index knows nothing of the row, so that settling removes
    new rows that nothing explains. Raises Unavailable when time is up, and RosterFull.
    """
    corrected, began, mine, others = False, engine.clock.now(), Repair(), 0.0
    for _ in patience.tries():
        held = quarantine.find(engine, source, [id], patience).get(id)
        now = _old_row(engine, source, id, patience)
        noted = inflight.noted_repair(engine, source, id, patience)
        around = {*groups, *noted.groups, *(held.groups if held else ())} | (
            {now.group} if now and now.group else set()
        )
        keys = [Key(group, source, id) for group in sorted(around)]
        _none, entries = index.look(engine, (), keys, patience)
        if now != _old_row(engine, source, id, patience):
            continue
        if isinstance(now, Bad):
            version = max((entry.version for entry in entries.values()), default=BACKFILL)
            if refuse(engine, [Refusal(source, id, version, now.reason, now.image, frozenset(around))], patience):
                raise Unavailable(f"expected to keep {source} {id!r} in quarantine, but time ran out: try again")
            return Synced(now.reason, corrected, 0)
        others = max(others, noted.until) if noted != mine else others
        until = float(int(patience.until + inflight.SURELY_DEAD))
        mine = Repair(noted.revision + 1, frozenset(around), until)
        if not inflight.note_repair(engine, source, id, noted, mine, patience):
            continue
        changes = [_truth(key, now, entries.get(key), bury) for key in keys]
        if not all(_correct(engine, change, entries.get(change.key), patience) for change in changes if change):
            corrected = True
            continue
        corrected = corrected or any(_differs(change, entries.get(change.key)) for change in changes if change)
        written = _settle(engine, keys, patience).written
        if bury:
            written += _settle(engine, kin(engine, source, id, patience), patience).written
        if held:
            quarantine.discard(engine, [held], patience)
        if others < began:
            inflight.note_repair(engine, source, id, mine, replace(mine, until=0.0), patience)
        return Synced(None, corrected, written)
    raise Unavailable(f"expected to mend {source} {id!r}, but it kept changing until time was up: try again")


def _old_row(engine: Engine, source: str, id: str, patience: Patience) -> Good | Bad | None:
    items = deliver.read(engine, source, [{KEY: {"S": id}}], patience)
    return side(items[0], id, engine.model.every[source]) if items else None


def _truth(key: Key, now: Good | None, entry: Entry | None, bury: bool) -> Change | None:
    """What the index should say of the row in this group, under the version that it has; None where nothing need be."""
    version = entry.version if entry else BACKFILL
    if now is not None and now.group == key.group:
        return Change(key, version, now.row, now.item)
    return Change(key, version) if entry or bury else None


def _differs(change: Change, entry: Entry | None) -> bool:
    return entry is None or entry.kept != change.item


def _correct(engine: Engine, change: Change, entry: Entry | None, patience: Patience) -> bool:
    """False where somebody else has written meanwhile."""
    if _differs(change, entry):
        guard = Condition("version", "=", {"S": entry.version}) if entry else None
        write = ingest.guarded_entry(change, guard, engine.clock.now())
        if deliver.guard(engine, [write], patience) != [Outcome.DONE]:
            return False
    return True


def kin(engine: Engine, source: str, id: str, patience: Patience) -> list[Key]:
    """Rows of other tables under the same id, which may have new rows under the ids that burying this one cleared."""
    ids = engine.model.every[source].possible(id, ())
    names = [name for name, other in engine.model.sources.items() if name != source and ids & other.possible(id, ())]
    keys = []
    for name in names:
        row = _old_row(engine, name, id, patience)
        held = quarantine.find(engine, name, [id], patience) if isinstance(row, Bad) else {}
        groups = {row.group} if row and row.group else set()
        keys += [Key(group, name, id) for group in sorted(groups.union(*(each.groups for each in held.values())))]
    return keys


def _settle(engine: Engine, keys: list[Key], patience: Patience) -> Settled:
    settled = settle(engine, [Task(key) for key in keys], patience)
    if settled.unfinished:
        raise Unavailable(f"expected to settle {sorted(settled.unfinished)}, but time ran out: try again")
    return settled
