"""What links are computed from beside themselves: looked-up rows, as the index has them, and whether they have moved.

A lookup whose stream is connected is answered from the index, consistently, and what it was answered with is kept, to be
looked at again after the link was written. Where no stream is connected the table itself is read, and reconciliation
finds what has grown old since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remodel.core.change import Key
from remodel.core.entry import Entry
from remodel.core.model import Context, Find, Get, Lookups
from remodel.core.record import KEY
from remodel.core.roster import Roster
from remodel.core.wire import Item
from remodel.flow import dependents, index, lookup
from remodel.flow.completion import is_complete
from remodel.flow.dependents import Cause
from remodel.flow.engine import Engine, Patience
from remodel.flow.lookup import Answers


@dataclass(slots=True)
class Grounds:
    """What was read of the index: entries, and the epochs of rosters; and which link was computed from which of them."""

    entries: dict[Key, Entry | None] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    of: dict[Key, set[Cause]] = field(default_factory=dict)


def resolve(engine: Engine, lookups: Mapping[Key, Lookups], patience: Patience) -> tuple[dict[Key, Context], Grounds]:
    """The contexts of these links, and on what they rest. Raises Unavailable when time is up."""
    grounds = Grounds()

    def answer(asked: Mapping[Key, Get | Find]) -> Answers:
        live = {key: request for key, request in asked.items() if request.table in engine.live}
        answers = lookup.from_tables(engine, set(asked.values()) - set(live.values()), patience)
        return {**answers, **_from_index(engine, live, grounds, patience)}

    return lookup.drive(lookups, answer), grounds


def moved(engine: Engine, grounds: Grounds, patience: Patience) -> set[Key]:
    """The links that rest on something that has moved since it was read."""
    if not grounds.of:
        return set()
    rosters, entries = index.look(engine, grounds.epochs, grounds.entries, patience)
    gone: set[Cause] = {key for key, entry in grounds.entries.items() if entries.get(key) != entry}
    gone |= {group for group, epoch in grounds.epochs.items() if rosters[group].epoch != epoch}
    return {link for link, causes in grounds.of.items() if causes & gone}


def _from_index(engine: Engine, asked: Mapping[Key, Get | Find], grounds: Grounds, patience: Patience) -> Answers:
    """Registered first, then read: a change that does not find the link registered is one that the link sees."""
    if not asked:
        return {}
    places = {request: engine.model.lookups[request.table].place(request) for request in asked.values()}
    pairs = {(places[request], link.group) for link, request in asked.items() if places[request] != link.group}
    dependents.register(engine, pairs, patience)
    keys = {each: Key(place, each.table, each.id) for each, place in places.items() if isinstance(each, Get)}
    groups = {place for each, place in places.items() if isinstance(each, Find)}
    rosters, entries = index.look(engine, groups, keys.values(), patience)
    for link, request in asked.items():
        cause: Cause = keys[request] if isinstance(request, Get) else places[request]
        grounds.of.setdefault(link, set()).add(cause)
    # What was read first counts: who read it may have been answered otherwise than who reads it now.
    grounds.entries = {key: entries.get(key) for key in keys.values()} | grounds.entries
    grounds.epochs = {group: roster.epoch for group, roster in rosters.items()} | grounds.epochs
    beside = _incomplete(
        engine, {each for each in places if not isinstance(each, Get) or keys[each] not in entries}, patience
    )
    return {
        each: _entered(entries.get(keys[each]), beside.get(each, []))
        if isinstance(each, Get)
        else _found(rosters[place], beside.get(each, []))
        for each, place in places.items()
    }


def _incomplete(engine: Engine, requests: set[Get | Find], patience: Patience) -> Answers:
    """What the tables say, of those that the index may not have all rows of yet."""
    tables = {each.table for each in requests}
    open_ = {table for table in tables if not is_complete(engine, table, patience)}
    return lookup.from_tables(engine, {each for each in requests if each.table in open_}, patience)


def _entered(entry: Entry | None, beside: list[Item]) -> list[Item]:
    if entry is None:
        return beside
    return [entry.kept] if entry.kept is not None else []


def _found(roster: Roster, beside: list[Item]) -> list[Item]:
    """Who has a live seat, and whom the table knows and the roster has never heard of."""
    unknown = [item for item in beside if item[KEY]["S"] not in roster.seats]
    return unknown + [{KEY: {"S": id}} for id in roster.live]
