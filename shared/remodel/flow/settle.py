"""The one way to write a new row: write what the index says, look again, repeat until nothing moved.

A writer puts its own change into the index before it reads the other side, so of two concurrent writers at least one
sees both changes; and whoever writes a new row last looks at the index once more afterwards. If it is killed before it
looks, its record or page is delivered again. So the new tables need no version and no transaction.

Every step is its own function, because the proof takes each away in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from remodel.core import plan
from remodel.core.change import Change, Key
from remodel.core.entry import Entry
from remodel.core.errors import Refused, Unavailable
from remodel.core.model import Context, NewKey, Source
from remodel.core.plan import Plan
from remodel.core.record import KEY, Bad, Good, side
from remodel.core.roster import Roster
from remodel.core.wire import Item
from remodel.flow import context, deliver, dependents, index, quarantine
from remodel.flow.context import Grounds
from remodel.flow.deliver import Left
from remodel.flow.dependents import Cause, Changed
from remodel.flow.engine import Engine, Patience
from remodel.flow.ingest import Fate, Ingested, mirror, seat
from remodel.ports import Fanout, Write

LINKS = 1_000
"""Links that are settled together on account of a looked-up row."""


Past = frozenset[tuple[Key, str]]


@dataclass(frozen=True, slots=True)
class Task:
    """One entry to settle.

    hand: the change itself where the index has just taken it, so that the entry need not be read.
    clean: only what should be there is written, since nobody can have written anything else (see `core.plan`).
    alone: nobody else writes this entry meanwhile, so only the roster is looked at again.
    group: for a link, whether the rows of its whole group are settled with it.
    because: for a link, the looked-up things that changed; it is settled only where it was computed from one of them.
    past: the tombstones of a refused row that were met on the way here, each with its version.
    roots: the entries that the caller asked for, on whose account this one is settled too; itself where there are none.
    """

    key: Key
    hand: Change | None = None
    clean: bool = False
    alone: bool = False
    group: bool = True
    because: frozenset[Cause] = frozenset()
    past: Past = frozenset()
    roots: frozenset[Key] = frozenset()

    @property
    def blame(self) -> frozenset[Key]:
        """Who is not done where this is not."""
        return self.roots or frozenset({self.key})


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why, and of which version of the old row; `kept`: the row, where the index has it."""

    reason: str
    version: str
    kept: Item | None = None


@dataclass(slots=True)
class Settled:
    """`unfinished`: of the entries asked for. `rejected`: what DynamoDB will never take. `written`: requests to the new
    tables, deletes included."""

    unfinished: set[Key] = field(default_factory=set)
    rejected: dict[Key, Rejection] = field(default_factory=dict)
    written: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """An entry as it is settled; `row` None for a tombstone. `entry`: where it was read, not in hand."""

    key: Key
    source: Source
    version: str
    row: Any
    last: Any = None
    clean: bool = False
    because: frozenset[Cause] = frozenset()
    past: Past = frozenset()
    entry: Entry | None = None
    roots: frozenset[Key] = frozenset()


def task(change: Change, ingested: Ingested) -> Task:
    """How a change is settled. A stale one all the same: the one that went before may have been killed in between."""
    if ingested.fate is Fate.STALE:
        return Task(change.key)
    # Where the index knew nothing of the row, not even a tombstone, nobody has settled it yet.
    clean = change.clean or (ingested.fate is Fate.INSERTED and change.row is not None)
    return Task(change.key, change, clean, change.alone, group=ingested.moved or not clean)


def settle(engine: Engine, tasks: Iterable[Task], patience: Patience) -> Settled:
    """Makes the new tables agree with the index for these entries. What was not done in time is `unfinished`."""
    settled = Settled()
    pending = list(tasks)
    try:
        while pending and patience.left > 0:
            pending = _round(engine, pending, settled, patience)
    except Unavailable:
        pass
    settled.unfinished.update(key for each in pending for key in each.blame)
    return settled


def _round(engine: Engine, tasks: list[Task], settled: Settled, patience: Patience) -> list[Task]:
    groups = {each.key.group for each in tasks}
    rosters, entries = index.look(engine, groups, (each.key for each in tasks if each.hand is None), patience)
    states = [state for each in tasks if (state := _state(engine, each, entries)) is not None]
    whole = {each.key for each in tasks if each.group}
    stored = [each for each in states if each.entry is not None and each.key in whole]
    rosters |= seat_links(engine, stored, rosters, settled, patience)
    grounds = _write(engine, states, rosters, settled, patience)
    tasks = [each for each in tasks if not each.because or each.key in grounds.of]
    states = [each for each in states if not each.because or each.key in grounds.of]
    below = settle_groups(engine, _groups(engine, tasks), settled, patience)
    settle_dependents(engine, tasks, states, settled, patience)
    moved = look_again(engine, tasks, rosters, entries, patience)
    gone = look_again_at_lookups(engine, tasks, grounds, patience)
    return _merged((*elsewhere(engine, states, patience), *below, *moved, *gone))


def _merged(tasks: Iterable[Task]) -> list[Task]:
    """One task an entry, on everybody's account."""
    merged: dict[Key, Task] = {}
    for each in tasks:
        known = merged.get(each.key)
        if known is not None:
            roots, past = known.blame | each.blame, known.past | each.past
            each = replace(each, group=known.group or each.group, roots=roots, past=past)  # noqa: PLW2901
        merged[each.key] = each
    return list(merged.values())


def seat_links(
    engine: Engine, states: list[State], rosters: Mapping[str, Roster], settled: Settled, patience: Patience
) -> dict[str, Roster]:
    """Makes the seats of links that are settled from their entries agree with these; the rosters that changed.

    Whoever wrote the entry may have been killed before it came to the seat, and never be called again with that row.
    """
    changes = [
        Change(state.key, state.version, state.row, state.entry.kept if state.entry else None)
        for state in states
        if state.source.is_seated
    ]
    differing = [each for each in changes if not _is_seated(engine, rosters[each.key.group], each)]
    if not differing:
        return {}
    for key, ingested in mirror(engine, differing, patience).items():
        if ingested.fate is Fate.UNFINISHED:
            settled.unfinished.update(*(state.roots or {key} for state in states if state.key == key))
        if ingested.fate is Fate.REJECTED:
            version = next(each.version for each in differing if each.key == key)
            settled.rejected[key] = Rejection(ingested.reason, version)
    return index.look(engine, {each.key.group for each in differing}, (), patience)[0]


def _is_seated(engine: Engine, roster: Roster, change: Change) -> bool:
    return roster.mirror(change.key.id, seat(engine, change), int(engine.clock.now())) is roster


def _state(engine: Engine, each: Task, entries: Mapping[Key, Entry]) -> State | None:
    source = engine.model.every[each.key.source]
    if each.hand is not None:
        return State(each.key, source, each.hand.version, each.hand.row, each.hand.last, each.clean, roots=each.blame)
    entry = entries.get(each.key)
    state = _stored(each.key, source, entry, each.past, each.blame) if entry else None
    return replace(state, because=each.because) if state and each.because else state


def _stored(
    key: Key, source: Source, entry: Entry, past: Past = frozenset(), roots: frozenset[Key] = frozenset()
) -> State | None:
    """None where the model has come to refuse what it took before: what that produced stays, as for any refused row.

    None as well for a tombstone that was met on the way here, and has not moved since.
    """
    if entry.kept is None and (key, entry.version) in past:
        return None
    try:
        row = source.read(entry.kept) if entry.kept is not None else None
    except Refused:
        return None
    return State(key, source, entry.version, row, past=past, entry=entry, roots=roots)


def _write(
    engine: Engine, states: list[State], rosters: Mapping[str, Roster], settled: Settled, patience: Patience
) -> Grounds:
    """The plans of all states as one set of writes, and who is to blame for what could not be written."""
    contexts, grounds = _contexts(engine, states, patience)
    whole, owners = Plan(), dict[NewKey, list[State]]()
    for state in states:
        if state.because and not state.because & grounds.of.get(state.key, set()):
            grounds.of.pop(state.key, None)
            continue
        puts, deletes = planned(state, rosters[state.key.group], contexts.get(state.key))
        whole.add(puts, deletes, state.version)
        for new_key in (*puts, *deletes):
            owners.setdefault(new_key, []).append(state)
    writes = [Write(key, row) for key, row in whole.puts.items()] + [Write(key, None) for key in whole.deletes]
    settled.written += len(writes)
    left: Left = deliver.write(engine, writes, patience)
    late = (state for new_key in left.unfinished for state in owners[new_key])
    settled.unfinished.update(key for state in late for key in state.roots or {state.key})
    settled.rejected.update(
        (state.key, Rejection(why, state.version, state.entry.kept if state.entry else None))
        for new_key, why in left.rejected.items()
        for state in owners[new_key]
    )
    return grounds


def planned(state: State, roster: Roster, context: Context) -> tuple[dict[NewKey, Item], set[NewKey]]:
    """The new rows that should be there, and the ids that should not."""
    puts = plan.wanted(state.source, state.row, roster, context)
    if not state.clean or state.source.is_link:
        return puts, plan.unwanted(state.source, state.key.id, roster, puts)
    return puts, plan.vacated(state.source, state.last, roster) if state.row is None else set()


def _contexts(engine: Engine, states: Iterable[State], patience: Patience) -> tuple[dict[Key, Context], Grounds]:
    lookups = {
        state.key: found
        for state in states
        if state.row is not None and (found := state.source.lookups(state.row)) is not None
    }
    return context.resolve(engine, lookups, patience) if lookups else ({}, Grounds())


def look_again(
    engine: Engine, tasks: list[Task], rosters: Mapping[str, Roster], entries: Mapping[Key, Entry], patience: Patience
) -> list[Task]:
    """Those of which entry or roster moved while they were written; they start over from what is there now.

    Only as much is done again as was done: whoever moved a link settles its group on an account that is tried again.
    """
    unjoined = {each.key for each in tasks if not _is_joined(engine, each.key)}
    read_again = [each.key for each in tasks if not each.alone]
    groups = {each.key.group for each in tasks if each.key not in unjoined}
    rosters_now, entries_now = index.look(engine, groups, read_again, patience)
    return [
        Task(each.key, group=each.group, roots=each.blame)
        for each in tasks
        if (not each.alone and entry_moved(each, entries.get(each.key), entries_now.get(each.key)))
        or (each.key not in unjoined and roster_moved(rosters[each.key.group], rosters_now[each.key.group]))
    ]


def look_again_at_lookups(engine: Engine, tasks: list[Task], grounds: Grounds, patience: Patience) -> list[Task]:
    """Links that were computed from looked-up rows that have moved meanwhile. What they join stays as it is."""
    gone = context.moved(engine, grounds, patience)
    return [Task(each.key, group=False, roots=each.blame) for each in tasks if each.key in gone]


def _is_joined(engine: Engine, key: Key) -> bool:
    """Whether it is a row that is joined with the links of its group."""
    return key.source in engine.model.sources and not engine.model.sources[key.source].is_link


def entry_moved(each: Task, before: Entry | None, now: Entry | None) -> bool:
    """Versions alone do not tell: a repair corrects a row under the version that it found."""
    if each.hand is not None:
        before = Entry(each.hand.version, each.hand.item)
    return before != now


def roster_moved(before: Roster, now: Roster) -> bool:
    return before.epoch != now.epoch


def elsewhere(engine: Engine, states: Iterable[State], patience: Patience) -> list[Task]:
    """The rows of tombstones where they live now, in other groups.

    A row keeps its id when it moves to another group: settling the one that it left may just have removed, or a slow
    writer may just have overwritten, what it wrote under the new one. Where the old table says that the row is back in
    the very group, the record that says so is still to come.
    """
    states = [state for state in states if not state.source.is_lookup]
    gone = {state.key: state.past | {(state.key, state.version)} for state in states if state.row is None}
    roots = {
        id: frozenset().union(*(state.roots for state in states if state.key.id == id)) for id in {k.id for k in gone}
    }
    found: dict[Key, Task] = {}
    for name in {key.source for key in gone}:
        ids = {key.id for key in gone if key.source == name}
        rows = deliver.read(engine, name, [{KEY: {"S": id}} for id in sorted(ids)], patience)
        found |= _homes(engine, name, rows, gone, patience)
    return [replace(found[key], roots=roots[key.id]) for key in sorted(found.keys() - gone.keys())]


def _homes(
    engine: Engine, source: str, rows: list[Item], gone: Mapping[Key, Past], patience: Patience
) -> dict[Key, Task]:
    """A good row lives in its group; a refused one may be held in any group that quarantine remembers for it.

    `past` says which of those groups were tried, so that a row that is held nowhere is not sought for ever.
    """
    sides = {row[KEY]["S"]: side(row, row[KEY]["S"], engine.model.sources[source]) for row in rows}
    refused = {id: row for id, row in sides.items() if isinstance(row, Bad)}
    homes = {
        key: Task(key, group=False)
        for id, row in sides.items()
        if isinstance(row, Good)
        for key in [Key(row.group, source, id)]
    }
    held = quarantine.find(engine, source, refused, patience) if refused else {}
    for id, row in refused.items():
        groups = (held[id].groups if id in held else frozenset()) | ({row.group} if row.group else set())
        past: Past = frozenset().union(*(tried for key, tried in gone.items() if key.id == id))
        homes |= {key: Task(key, group=False, past=past) for key in (Key(group, source, id) for group in groups)}
    return homes


def _groups(engine: Engine, tasks: Iterable[Task]) -> dict[str, set[Key]]:
    """The groups of which all rows must be settled, each with those on whose account it is."""
    groups: dict[str, set[Key]] = {}
    for each in tasks:
        if each.group and engine.model.every[each.key.source].is_link:
            groups.setdefault(each.key.group, set()).update(each.blame)
    return groups


def settle_dependents(
    engine: Engine, tasks: Iterable[Task], states: Iterable[State], settled: Settled, patience: Patience
) -> None:
    """Settles every link that is computed from these looked-up rows, and registers those still to come."""
    lookups = engine.model.lookups
    ahead = [
        (lookups[request.table].place(request), state.key.group)
        for state in states
        if state.key.source in lookups and state.row is not None
        for request in lookups[state.key.source].ahead(state.row)
        if request.table in engine.live
    ]
    dependents.register(engine, ahead, patience)
    changed = [
        Changed(each.key, each.blame, first=each.hand is not None and each.clean)
        for each in tasks
        if each.group and each.key.source in lookups
    ]
    for found in dependents.find(engine, changed, patience):
        for some in deliver.chunks(found.causes, LINKS):
            links = [
                Task(key, group=False, because=found.causes[key], roots=frozenset(found.roots[key])) for key in some
            ]
            below = settle(engine, links, patience)
            settled.written += below.written
            settled.unfinished.update(below.unfinished)
            settled.rejected.update(below.rejected)


def settle_groups(engine: Engine, groups: Mapping[str, set[Key]], settled: Settled, patience: Patience) -> list[Task]:
    """Settles every row of these groups; those that live elsewhere now come back."""
    moved: list[Task] = []
    for group, roots in groups.items():
        below = Settled()
        away = _settle_group(engine, group, below, patience)
        moved += [replace(each, roots=frozenset(roots)) for each in away]
        settled.written += below.written
        if below.unfinished:
            settled.unfinished.update(roots)
        settled.rejected.update(below.rejected)
    return moved


def _settle_group(engine: Engine, group: str, settled: Settled, patience: Patience) -> list[Task]:
    """Page by page, so that memory does not grow with the group; from the start where the roster moved meanwhile.

    A group that is too large is handed to the queue. That is as if the change were delivered once more, later.
    """
    while True:
        rosters, _none = index.look(engine, [group], (), patience)
        roster = rosters[group]
        moved: list[Task] = []
        pages: Iterable[dict[Key, Entry]] = index.pages(engine, group, patience)
        if engine.queue is not None:
            first = list(up_to(engine.queue.beyond, pages))
            if sum(map(len, first)) > engine.queue.beyond:
                engine.queue.send(Fanout(group))
                return []
            pages = first
        for entries in pages:
            roster_now = settle_page(engine, group, roster, entries, settled, moved, patience)
            if roster_moved(roster, roster_now):
                break
        else:
            return moved


def up_to(most: int, pages: Iterable[dict[Key, Entry]]) -> Iterator[dict[Key, Entry]]:
    """The first pages, until there are more entries on them than that."""
    count = 0
    for entries in pages:
        yield entries
        count += len(entries)
        if count > most:
            return


def settle_page(
    engine: Engine,
    group: str,
    roster: Roster,
    entries: Mapping[Key, Entry],
    settled: Settled,
    moved: list[Task],
    patience: Patience,
) -> Roster:
    """The rows on one page of a group under one roster, until none of them moved; the roster as it is afterwards."""
    rows = {key: entry for key, entry in entries.items() if _is_joined(engine, key)}
    roster_now = roster
    while rows:
        sources = engine.model.sources
        states = [state for key, entry in rows.items() if (state := _stored(key, sources[key.source], entry))]
        _write(engine, states, {group: roster}, settled, patience)
        moved += elsewhere(engine, states, patience)
        roster_now, rows = look_again_at_page(engine, group, rows, patience)
    return roster_now


def look_again_at_page(
    engine: Engine, group: str, rows: Mapping[Key, Entry], patience: Patience
) -> tuple[Roster, dict[Key, Entry]]:
    """The roster after a page was written, and those of its rows that moved meanwhile, as they are now."""
    rosters, now = index.look(engine, [group], rows, patience)
    moved = {key: now[key] for key, entry in rows.items() if key in now and entry_moved(Task(key), entry, now[key])}
    return rosters[group], moved
