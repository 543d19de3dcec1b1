"""Fan-out: a change of a row that others see touches the members of its groups, before and after the change.

A fan-out is the same materialization, called with the members, page by page. What does not fit a batch becomes a *pending
fan-out*: an item of the index with a counter of requests, the counter served, and a cursor. A queue message only wakes a worker
up. Requests that arrive meanwhile raise the counter, and the worker starts again: none is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from remodel import index
from remodel.call import Call, index_key
from remodel.hints import Hint, merge, pack, unpack
from remodel.index import SetKey
from remodel.items import Item
from remodel.joins import Group
from remodel.keys import Key
from remodel.kinds import Kind
from remodel.materialize import Done, materialize
from remodel.notes import Note
from remodel.store import NAME, Update

PENDING = "fanouts"
"""The partition of pending fan-outs."""

PAGE = 250
"""Members that are materialized at a time. A group with more becomes a pending fan-out."""

AT_ONCE = 100
"""Groups whose first pages are read together."""


class Spread(NamedTuple):
    """A row whose change others see, and one of its groups."""

    provider: Key
    kind: type[Kind]
    group: Group


def spreads(call: Call, groups: Mapping[Key, frozenset[Group]]) -> list[Spread]:
    """The groups whose members see these rows."""
    found = []
    for key, its_groups in groups.items():
        kind = call.model.kind_of(key) if its_groups else None
        if kind is not None:
            names = {join.name for join in call.model.plans[kind].provides}
            found += [Spread(key, kind, group) for group in sorted(its_groups) if group.name in names]
    return found


def affected(call: Call, hints: Iterable[Hint]) -> Iterator[Hint]:
    """These hints, and one for each row that sees a change of theirs: all that a call with them would look at."""
    merged = merge(hints)
    yield from merged.values()
    changed = spreads(call, {key: hint.groups for key, hint in merged.items() if hint.spreads})
    every = list({(spread.kind, spread.group): spread for spread in changed}.values())
    for n in range(0, len(every), AT_ONCE):
        some = every[n : n + AT_ONCE]
        whole = _whole_members(call, some)
        for spread, first in zip(some, _first_pages(call, some), strict=True):
            rows, start = [*whole[spread], *first.rows], first.next
            while start is not None:
                page = _page(call, spread, start)
                rows, start = rows + page.rows, page.next
            yield from (Hint(row, frozenset({spread.group}), spreads=False) for row in rows)


def fan_out(call: Call, note: Note, groups: Mapping[Key, frozenset[Group]]) -> Done:
    """Everything that follows for other rows, from the groups of rows that have changed; a large group is handed over.

    Raises Unavailable and Fenced.
    """
    every, done = spreads(call, groups), Done()
    for n in range(0, len(every), AT_ONCE):
        some = every[n : n + AT_ONCE]
        if call.is_late():
            # What does not fit into this call is not begun: its records would come again and again.
            call.all([lambda spread=spread: request(call, spread) for spread in some])  # type: ignore[misc]
        else:
            done = done.plus(_fan_out(call, note, some))
    return done


def _fan_out(call: Call, note: Note, some: list[Spread]) -> Done:
    done, touched = Done(), _Touched({}, {})
    pages = _first_pages(call, some)
    small = [(spread, page) for spread, page in zip(some, pages, strict=True) if page.next is None]
    whole = _whole_members(call, [spread for spread, _ in small])
    for spread, page in small:
        touched.add(spread, [*page.rows, *whole[spread]])
    for spread, page in zip(some, pages, strict=True):
        if page.next is not None:
            request(call, spread)
    for hints, through in touched.batches():
        done = done.plus(materialize(call, note, hints, through))
    return done


@dataclass(frozen=True)
class _Touched:
    """Rows that see a change: the groups in which they were found, and the rows that changed."""

    groups: dict[Key, set[Group]]
    through: dict[Key, set[Key]]

    def add(self, spread: Spread, rows: Iterable[Key]) -> None:
        for row in rows:
            self.groups.setdefault(row, set()).add(spread.group)
            self.through.setdefault(row, set()).add(spread.provider)

    def batches(self) -> Iterator[tuple[dict[Key, Hint], dict[Key, frozenset[Key]]]]:
        rows = sorted(self.groups)
        for n in range(0, len(rows), PAGE):
            some = rows[n : n + PAGE]
            hints = {row: Hint(row, frozenset(self.groups[row]), spreads=False) for row in some}
            yield hints, {row: frozenset(self.through[row]) for row in some}


def _receivers(call: Call, spread: Spread) -> list[type[Kind]]:
    return [kind for kind, plan in call.model.plans.items() if plan.receives_from(spread.kind, spread.group.name)]


def _whole_members(call: Call, some: list[Spread]) -> dict[Spread, list[Key]]:
    """Receivers that provide for the same group, and are its members as a whole."""
    plans = call.model.plans
    wanted = {
        spread: [
            SetKey(spread.group, kind)
            for kind in _receivers(call, spread)
            if spread.group.name in plans[kind].provider_names
        ]
        for spread in some
    }
    sets = index.read_sets(call, [each for keys in wanted.values() for each in keys])
    return {spread: [row for each in keys for row in sorted(sets[each].keys)] for spread, keys in wanted.items()}


def _first_pages(call: Call, some: list[Spread]) -> list[index.MemberPage]:
    return call.all([lambda spread=spread: _page(call, spread, None) for spread in some])  # type: ignore[misc]


def _page(call: Call, spread: Spread, start: str | None) -> index.MemberPage:
    """Receivers that have an item each."""
    plans = call.model.plans
    kinds = [kind for kind in _receivers(call, spread) if spread.group.name not in plans[kind].provider_names]
    return index.member_page(call, spread.group, kinds, start, PAGE) if kinds else index.MemberPage([], None)


def request(call: Call, spread: Spread) -> None:
    """Stores that all members are to be materialized, and wakes a worker up. Raises Unavailable."""
    name = hashlib.sha256(repr(spread[:1] + spread[2:]).encode()).hexdigest()
    packed = pack([Hint(spread.provider, frozenset({spread.group}))])
    put: Item = {"hint": {"B": packed}, "at": {"N": str(int(call.now()))}}
    call.update(Update(index_key(PENDING, name), add={"requested": {"N": "1"}}, put=put))
    if call.place.queue is not None:
        call.place.queue.send(name)


@dataclass(frozen=True, slots=True)
class Pending:
    """`requested`, `served`: counters. `at`: of the last request or page, in seconds since the epoch."""

    name: str
    provider: Key
    group: Group
    requested: int
    served: int
    at: float
    cursor: str | None

    @property
    def is_open(self) -> bool:
        return self.served < self.requested


def pending(call: Call) -> list[Pending]:
    """Every fan-out that is not served."""
    return [each for item in call.items(PENDING) if (each := _pending(item)).is_open]


def _pending(item: Item) -> Pending:
    (hint,) = unpack(item["hint"]["B"])
    requested, served = int(item["requested"]["N"]), int(item.get("served", {"N": "0"})["N"])
    (group,) = hint.groups
    resumes = int(item.get("cursor_for", {"N": "0"})["N"]) == requested
    cursor = item["cursor"]["S"] if resumes else None
    return Pending(item[NAME]["S"], hint.key, group, requested, served, float(item["at"]["N"]), cursor)


def work(call: Call, name: str, stop_at: float) -> bool:
    """Serves a pending fan-out until it is done (True) or the clock passes `stop_at`. Raises Unavailable and Fenced."""
    key = index_key(PENDING, name)
    while item := call.read([key]).get(key):
        found = _pending(item)
        if not found.is_open:
            return True
        if not _serve(call, found, stop_at):
            return False
        served = {"served": {"N": str(found.requested)}}
        call.update(Update(key, put=served, below=("served", found.requested)))
    return True


def _serve(call: Call, found: Pending, stop_at: float) -> bool:
    kind = call.model.kind_of(found.provider)
    assert kind is not None
    spread, start = Spread(found.provider, kind, found.group), found.cursor
    while True:
        page = _page(call, spread, start)
        whole = _whole_members(call, [spread])[spread] if start is None else []
        touched = _Touched({}, {})
        touched.add(spread, [*whole, *page.rows])
        for hints, through in touched.batches():
            note = Note(call, hints.values())
            materialize(call, note, hints, through)
            note.done()
        if page.next is None:
            return True
        start = page.next
        cursor: Item = {
            "cursor": {"S": start},
            "cursor_for": {"N": str(found.requested)},
            "at": {"N": str(int(call.now()))},
        }
        call.update(Update(index_key(PENDING, found.name), put=cursor))
        if call.now() >= stop_at:
            return False
