"""Changes enter the index, guarded by version: taken only if the stored version is absent or lower.

The entry goes first, then, for a link, its seat on the roster. So a change whose entry was just taken has not been
through here before; one that was killed on the way finds its entry stale and is settled in full.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from remodel.core.change import Change, Key
from remodel.core.entry import TOMBSTONE_SECONDS, entry_attributes, entry_key, roster_attributes, roster_key
from remodel.core.errors import RosterFull
from remodel.core.roster import Roster, Seat
from remodel.core.version import BACKFILL
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, Condition, Guarded, Outcome

Seating = Callable[[Roster, str, Seat, int], Roster]
"""How a roster takes a seat: guarded by version (`take`), or made to agree with an entry (`mirror`)."""


class Fate(Enum):
    INSERTED = "inserted"
    REPLACED = "replaced"
    STALE = "stale"
    UNFINISHED = "unfinished"
    REJECTED = "rejected"


@dataclass(slots=True)
class Ingested:
    """`moved`: the change of a link was, or may have been, seen by the join, so its whole group must be settled."""

    fate: Fate
    moved: bool = True
    reason: str = ""


def ingest(engine: Engine, changes: Sequence[Change], patience: Patience) -> dict[Key, Ingested]:
    """Changes of different keys. Raises Unavailable where rosters cannot be read in time."""
    fates = _entries(engine, changes, patience)
    links = defaultdict(list)
    for change in changes:
        open_ = fates[change.key].fate not in (Fate.UNFINISHED, Fate.REJECTED)
        if open_ and engine.model.every[change.key.source].is_seated:
            links[change.key.group].append(change)
    if links:
        _rosters(engine, links, fates, Roster.take, patience)
    return fates


def mirror(engine: Engine, changes: Iterable[Change], patience: Patience) -> dict[Key, Ingested]:
    """Makes the seats of links say what their entries say, from which these changes were made."""
    links = defaultdict(list)
    for change in changes:
        links[change.key.group].append(change)
    fates = {change.key: Ingested(Fate.STALE) for group in links.values() for change in group}
    _rosters(engine, links, fates, Roster.mirror, patience)
    return fates


def _entries(engine: Engine, changes: Iterable[Change], patience: Patience) -> dict[Key, Ingested]:
    fates: dict[Key, Ingested] = {}
    steps = {change.key: (change, _steps(change)) for change in changes}
    while steps:
        turns = [(change, rest.pop(0)) for change, rest in steps.values()]
        writes = [guarded_entry(change, guard, engine.clock.now()) for change, guard in turns]
        for (change, guard), outcome in zip(turns, deliver.guard(engine, writes, patience), strict=True):
            last = not steps[change.key][1]
            if outcome is not Outcome.CONDITION_FAILED or last:
                fates[change.key] = Ingested(_fate(outcome, guard))
                del steps[change.key]
    return fates


def _steps(change: Change) -> list[Condition | None]:
    """The guards to try in turn. An insert fails on any item; a replacement also where there is none."""
    if change.version == BACKFILL:
        return [None]
    older = Condition("version", "<", {"S": change.version})
    return [None, older] if change.created else [older, None, older]


def guarded_entry(change: Change, guard: Condition | None, now: float) -> Guarded:
    """The write that gives an index entry the change's version and row."""
    attributes = entry_attributes(change.version, change.item, int(now))
    drop = ("kept",) if change.item is None else ("expires",)
    return Guarded(INDEX, entry_key(change.key), attributes, guard, drop)


def _fate(outcome: Outcome, guard: Condition | None) -> Fate:
    match outcome:
        case Outcome.DONE:
            return Fate.INSERTED if guard is None else Fate.REPLACED
        case Outcome.CONDITION_FAILED:
            return Fate.STALE
        case Outcome.REJECTED:
            return Fate.REJECTED
        case Outcome.AGAIN:
            return Fate.UNFINISHED


def seat(engine: Engine, change: Change) -> Seat:
    """What a change makes of its link's seat."""
    if change.row is None:
        return Seat(change.version, None, int(engine.clock.now()) + TOMBSTONE_SECONDS)
    return Seat(change.version, engine.model.every[change.key.source].facts(change.row))


def _rosters(
    engine: Engine, links: dict[str, list[Change]], fates: dict[Key, Ingested], how: Seating, patience: Patience
) -> None:
    for changes in links.values():
        for change in changes:
            fates[change.key].moved = False
    pending = dict(links)
    for _ in patience.tries():
        rosters, _none = index.look(engine, pending, (), patience)
        after = {group: _taken(engine, rosters[group], changes, fates, how) for group, changes in pending.items()}
        moved = [group for group, roster in after.items() if roster is not rosters[group]]
        guards = [guarded_roster(group, rosters[group], after[group]) for group in moved]
        outcomes = dict(zip(moved, deliver.guard(engine, guards, patience), strict=True))
        _reject(outcomes, links, fates)
        pending = {
            group: links[group]
            for group, outcome in outcomes.items()
            if outcome in (Outcome.CONDITION_FAILED, Outcome.AGAIN)
        }
        if not pending:
            return
    for changes in pending.values():
        for change in changes:
            fates[change.key] = Ingested(Fate.UNFINISHED)


def _reject(outcomes: dict[str, Outcome], links: dict[str, list[Change]], fates: dict[Key, Ingested]) -> None:
    for group, outcome in outcomes.items():
        if outcome is Outcome.REJECTED:
            for change in links[group]:
                reason = (
                    f"expected the roster of group {group!r} to fit one item of 400 KB: remove links from the group"
                )
                fates[change.key] = Ingested(Fate.REJECTED, reason=reason)


def _taken(
    engine: Engine, roster: Roster, changes: Iterable[Change], fates: dict[Key, Ingested], how: Seating
) -> Roster:
    for change in changes:
        before = roster
        try:
            roster = how(before, change.key.id, seat(engine, change), int(engine.clock.now()))
        except RosterFull as problem:
            fates[change.key] = Ingested(Fate.REJECTED, reason=str(problem))
            continue
        # Once true, always true: a write whose answer was lost is found done at the next try.
        fates[change.key].moved |= roster.epoch != before.epoch
    return roster


def guarded_roster(group: str, read: Roster, roster: Roster) -> Guarded:
    """The write of a roster on condition that nobody has written it since it was read."""
    condition = Condition("revision", "=", {"N": str(read.revision)}) if read.revision else None
    return Guarded(INDEX, roster_key(group), roster_attributes(roster), condition)
