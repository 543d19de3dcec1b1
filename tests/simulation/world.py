"""A small world, drawn from a seed: what is in the old tables at the start, what the application does, and who disturbs it.

Two measures, up to three links and four rows, two tenants; in most worlds owners and persons of two users. Changes are inserts, modifications, removals, moves, links
that are older than those before them, rows of the wrong tenant, rows that are refused and rows that are mended.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TypeVar

from remodel.core.wire import Item
from tests.rows import guid, number, text

T = TypeVar("T")

MEASURES = ("measure-a", "measure-b")
USERS = ("user", "another")
SOURCES = ("links", "readings", "milestones")
LOOKUPS = ("measures", "people")

Change = tuple[str, str, Item | None]
"""Old table, a row's short name, and the row as it will be; None removes it."""


@dataclass(frozen=True)
class World:
    """`replays` of quarantine; `reconciles` that repair. `kills`, `duplicates`, `outages` (no write is processed for a while): at the most.

    `faults`: chance that an item is not processed, or a request fails. `beyond`: entries of a group after which a queue
    takes it over; None without a queue.
    """

    before: tuple[Change, ...]
    changes: tuple[Change, ...]
    segments: int = 1
    syncs: tuple[tuple[str, str], ...] = ()
    replays: int = 0
    reconciles: int = 0
    kills: int = 0
    duplicates: int = 0
    faults: float = 0.0
    outages: int = 0
    batch: int = 3
    page: int = 2
    beyond: int | None = None

    def smaller(self) -> list[World]:
        """The worlds with one thing less."""
        less = [replace(self, before=_without(self.before, n)) for n in range(len(self.before))]
        less += [replace(self, changes=_without(self.changes, n)) for n in range(len(self.changes))]
        less += [replace(self, syncs=_without(self.syncs, n)) for n in range(len(self.syncs))]
        less += [replace(self, replays=self.replays - 1)] if self.replays else []
        less += [replace(self, reconciles=self.reconciles - 1)] if self.reconciles else []
        less += [replace(self, kills=self.kills - 1)] if self.kills else []
        less += [replace(self, duplicates=self.duplicates - 1)] if self.duplicates else []
        less += [replace(self, outages=0)] if self.outages else []
        less += [replace(self, beyond=None)] if self.beyond is not None else []
        less += [replace(self, faults=0.0)] if self.faults else []
        less += [replace(self, segments=self.segments - 1)] if self.segments else []
        return less


def draw(seed: int | str) -> World:
    """The world of a seed."""
    r = random.Random(f"world {seed}")
    names = {
        source: [f"{source}-{n}" for n in range(r.randint(1, 3 if source == "links" else 2))] for source in SOURCES
    }
    if r.random() < 0.6:
        del names["milestones"]
    if r.random() < 0.6:
        names |= {"measures": list(MEASURES), "people": [f"people-{n}" for n in range(r.randint(1, 3))]}
    live: dict[tuple[str, str], Item] = {}
    before = []
    for source, rows in names.items():
        for name in rows:
            if r.random() < 0.5:
                live[source, name] = _row(r, source, name)
                before.append((source, name, live[source, name]))
    changes: list[Change] = []
    for _ in range(r.randint(1, 8 if len(names) < 4 else 11)):
        source = r.choice(sorted(names))
        name = r.choice(names[source])
        row = None if (source, name) in live and r.random() < 0.3 else _next(r, source, name, live.get((source, name)))
        if row is None:
            del live[source, name]
        else:
            live[source, name] = row
        changes.append((source, name, row))
    syncs = [(source, r.choice(names[source])) for source in r.choices(sorted(names), k=r.choice([0, 0, 1, 2]))]
    return World(
        before=tuple(before),
        changes=tuple(changes),
        segments=r.choice([0, 1, 1, 2]),
        syncs=tuple(syncs),
        replays=r.choice([0, 0, 0, 1, 2]),
        reconciles=int(r.random() < 0.12),
        kills=r.choice([0, 0, 1, 2, 3]),
        duplicates=r.choice([0, 0, 1, 2]),
        faults=r.choice([0.0, 0.0, 0.03, 0.08]),
        outages=r.choice([0, 0, 1]),
        beyond=r.choice([None, None, 0, 1, 2]),
    )


def row_id(source: str, name: str) -> str:
    """Measures go by the name that other rows have for them."""
    return name if source == "measures" else guid(name)


def _looked_up(r: random.Random, source: str, name: str) -> Item:
    row: Item = {"id": text(row_id(source, name)), "name": text(f"{r.random():.3}")}
    user = r.choice([None, *USERS])
    return row if user is None else {**row, "owner_id" if source == "measures" else "linked_user_id": text(user)}


def _next(r: random.Random, source: str, name: str, now: Item | None) -> Item:
    if now is None or r.random() < 0.6:
        return _row(r, source, name)
    if source in LOOKUPS:
        return {**now, "name": text(f"{r.random():.3}")}
    return {**now, "label" if source == "milestones" else "reason": text(f"{r.random():.3}")}


def _row(r: random.Random, source: str, name: str) -> Item:
    if source in LOOKUPS:
        return _looked_up(r, source, name)
    row: Item = {"id": text(guid(name)), "measure_id": text(r.choice(MEASURES)), "created_by": text(r.choice(USERS))}
    row["created_at"] = text("2025-01-01") if r.random() > 0.12 else text("bad")
    if source == "links":
        row |= {"tenant_id": text(r.choice("ssst")), "goal_id": text("goal")}
        row["linked_at"] = text(f"2025-01-{r.randint(1, 9):02}")
        return row
    if r.random() < 0.4:
        row["tenant_id"] = text(r.choice("ssst"))
    value = number(r.randint(0, 99))
    if source == "readings":
        return {**row, "period": text("2025-03"), "value": value}
    return {**row, "milestone_date": text("2025-03-31"), "target_value": value}


def _without(things: tuple[T, ...], n: int) -> tuple[T, ...]:
    return things[:n] + things[n + 1 :]
