"""Worlds from a seed. They make rare combinations common: few names, so that rows meet, and many kinds of disturbance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from remodel.items import Item
from tests.simulation import draw_measures, draw_shop, library
from tests.simulation.world import Change, World

T = TypeVar("T")


@dataclass(frozen=True)
class Cast:
    """`names`: the rows that there may be, as (table, key text). `row`: one of them with content, given what it was before.
    `live`: tables with streams; `still`: those that do not change."""

    names: Sequence[tuple[str, str]]
    row: Callable[[str, str, Item | None], Item]
    live: frozenset[str]
    still: frozenset[str] = frozenset()
    weights: Sequence[float] | None = None


CASTS: dict[str, Callable[[random.Random], Any]] = {
    "measures": draw_measures.cast,
    "shop": draw_shop.cast,
    "library": library.cast,
}


def draw(seed: object, model: str) -> World:
    r = random.Random(f"world {seed} {model}")
    cast = Cast(*CASTS[model](r))
    rows: dict[tuple[str, str], Item] = {}
    before: list[Change] = []
    share = r.choice((0.0, 0.5, 0.9))
    for table, text in cast.names:
        if r.random() < share or table in cast.still:
            rows[table, text] = cast.row(table, text, None)
            before.append((table, text, rows[table, text]))
    changes = [_change(r, cast, rows) for _ in range(r.randint(1, 9))]
    late = [_change(r, cast, rows) for _ in range(r.randint(0, 3))]
    filled = frozenset({"people", "measures"}) if model == "measures" and r.random() < 0.1 else frozenset()
    world = World(model, tuple(before), tuple(changes), cast.live, tuple(late), filled)
    return _disturbed(r, world)


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


def _disturbed(r: random.Random, world: World) -> World:
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
    if not world.live >= {"people", "measures"} and world.model == "measures":
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
    return replace(made, old_indexes=r.random() < 0.3)
