"""Worlds from a seed. They make rare combinations common: few names, so that rows meet, and many kinds of disturbance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from remodel.items import Item
from remodel.kinds import Kind
from remodel.model import Model
from remodel_testing import plain
from remodel_testing.rows import Rows
from remodel_testing.simulation.world import Change, Oracle, World

T = TypeVar("T")


@dataclass(frozen=True)
class Cast:
    """`names`: the rows that there may be, as (table, key text). `row`: one of them with content, given what it was before.
    `live`: tables with streams; `still`: those that do not change; `filled`: those that may be backfilled without a row."""

    names: Sequence[tuple[str, str]]
    row: Callable[[str, str, Item | None], Item]
    live: frozenset[str]
    still: frozenset[str] = frozenset()
    weights: Sequence[float] | None = None
    filled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subject:
    """A model to simulate, the casts of its worlds, and an oracle."""

    model: Model
    cast: Callable[[random.Random], Cast]
    oracle: Oracle


def generated(model: Model) -> Subject:
    """Any model, with rows that are generated from its kinds."""
    return Subject(model, partial(_generated, model), partial(plain.expected, model))


def _generated(model: Model, r: random.Random) -> Cast:
    """Up to three rows of each kind, of which some change often, and at times one that is ignored or fits no kind."""
    rows = Rows(model, r.random(), span=r.choice((1, 2, 2)))
    kinds: dict[tuple[str, str], type[Kind]] = {}
    refused = r.choice((0.0, 0.0, 0.2))
    for kind in model.plans:
        for _ in range(r.choice((1, 1, 2, 3))):
            item = (rows.odd if r.random() < 0.1 else rows.row)(kind)
            kinds[kind.table.name, kind.table.schema.encode(item)] = kind
    others = {}
    for table in model.old_tables.values():
        for make in (rows.stray, rows.ignored):
            if r.random() < 0.1 and (found := make(table)) is not None:
                others[table.name, table.schema.encode(found)] = found

    def row(table: str, text: str, was: Item | None) -> Item:
        if (table, text) in others:
            return {**others[table, text], "note": {"S": r.choice("xy")}}
        kind = kinds[table, text]
        item = was or kind.table.schema.decode(text)
        chance = r.random()
        if chance < refused and (found := rows.rejected(kind, item)) is not None:
            return found
        return rows.odd(kind, item) if chance > 0.9 else rows.row(kind, item)

    names = [*kinds, *others]
    weights = [r.choice((0.3, 1.0, 4.0)) for _ in names]
    return Cast(names, row, frozenset(model.old_tables), weights=weights)


def draw(seed: object, subject: Subject) -> World:
    r = random.Random(f"world {seed} {subject.model.name}")
    cast = subject.cast(r)
    rows: dict[tuple[str, str], Item] = {}
    before: list[Change] = []
    share = r.choice((0.0, 0.5, 0.9))
    for table, text in cast.names:
        if r.random() < share or table in cast.still:
            rows[table, text] = cast.row(table, text, None)
            before.append((table, text, rows[table, text]))
    changes = [_change(r, cast, rows) for _ in range(r.randint(1, 9))]
    late = [_change(r, cast, rows) for _ in range(r.randint(0, 3))]
    filled = cast.filled if cast.filled and r.random() < 0.1 else frozenset[str]()
    world = World(subject.model, subject.oracle, tuple(before), tuple(changes), cast.live, tuple(late), filled)
    return _disturbed(r, world, bool(cast.still))


def _change(r: random.Random, cast: Cast, rows: dict[tuple[str, str], Item]) -> Change:
    while True:
        table, text = r.choices(cast.names, cast.weights)[0]
        if table not in cast.still:
            break
    was = rows.get((table, text))
    if was is not None and r.random() < 0.35:
        del rows[table, text]
        return table, text, None
    rows[table, text] = cast.row(table, text, was)
    return table, text, rows[table, text]


def _disturbed(r: random.Random, world: World, is_still: bool) -> World:
    """`is_still`: some tables have no stream."""

    def some(probability: float, *values: T) -> T | Any:
        return r.choice(values) if r.random() < probability else None

    small = {
        "fan-out page": some(0.6, 1, 2),
        "pairs": some(0.3, 1, 2, 4),
        "set bytes": some(0.3, 1, 60),
        "page": some(0.8, 1, 2, 3),
        "members": some(0.5, 1, 2),
        "slice": some(0.3, 1, 2),
        "note bytes": some(0.2, 600),
    }
    made = replace(
        world,
        small={name: size for name, size in small.items() if size is not None},
        batch=r.choice((1, 2, 3, 3, 8)),
        lanes=r.choice((1, 1, 1, 2)),
        segments=r.choice((1, 1, 2)),
        ordered=r.random() < 0.3,
        twins=some(0.3, 1, 2) or 0,
        kills=r.choice((0, 1, 1, 2, 3)),
        overlaps=r.choice((0, 0, 1, 2)),
        rewinds=r.choice((0, 1, 2)),
        queue=r.random() < 0.6,
        gaps=some(0.2, 1) or 0,
        blind=some(0.1, 1, 2) or 0,
        repairs=some(0.1, 1) or 0,
        replays=some(0.12, 1, 2) or 0,
        stale=some(0.3, 0.2, 0.5) or 0.0,
        astray=some(0.2, 1, 2) or 0,
        compared=r.random() < 0.05,
    )
    if is_still:
        return made
    if r.random() < 0.25:
        made = replace(made, faults=r.choice((0.02, 0.1)), outages=r.choice((0, 1)), seconds=r.choice((1.0, 1_000.0)))
    if r.random() < 0.2:
        lost = r.choice((0, 1, 2, 3))
        made = replace(
            made,
            cutovers=r.choice((1, 2)),
            tick=r.choice((0.01, 0.05, 0.1)),
            overlaps=lost,
            blind=0,
            held=r.randint(0, 4),
            rogues=r.choice((0, 0, 1, 2)),
        )
    elif r.random() < 0.15:
        made = replace(made, tick=0.1, life=r.choice((40.0, 100.0, 200.0)))
    return replace(made, old_indexes=r.random() < 0.3, patient=r.random() < 0.3)
