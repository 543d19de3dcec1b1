"""A small world: what is in the old tables at the start, what the application does, and who disturbs it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from remodel.items import Item
from remodel.model import Model
from remodel_testing import limits, memory

Oracle = Callable[[Mapping[str, Sequence[Item]]], Any]
"""What the new tables must hold, by other code than the engine's: `rows` and `quarantine`, as in `plain.Expected`."""

Change = tuple[str, str, Item | None]
"""Old table, the text of a row's key, and the row as it will be; None removes it."""

SMALL: Mapping[str, tuple[tuple[str, str], ...]] = {
    "fan-out page": (("fanout", "PAGE"),),
    "pairs": (("materialize", "PAIRS"), ("compare", "PAIRS")),
    "set bytes": (("index", "SET_BYTES"),),
    "page": (("backfill", "PAGE"), ("resync", "PAGE"), ("compare", "PAGE"), ("quarantine", "PAGE")),
    "members": (("claims", "PAGE"),),
    "slice": (("converge", "SLICE"), ("replicate", "SLICE")),
    "note bytes": (("notes", "PACKED"),),
    "stalled": (("converge", "STALLED"),),
}
"""Constants of the engine that a world makes small, so that a few rows need several pages, slices, or items."""


@dataclass(frozen=True)
class World:
    """`oracle`: of the model. `live`: tables whose streams are connected. `filled`: tables that are backfilled though they have
    no row. `kills`, `overlaps` and so on: at the most. `lanes`: batches of one stream that run side by side. `tick`: seconds
    that a step takes; `seconds`: of a call, before its deadline; `life`: of a call, before it is ended, None where the harness
    knows which notes are dead. `faults`, `stale`: chances. `patient`: the application changes a row once all is drained.
    """

    model: Model
    oracle: Oracle
    before: tuple[Change, ...]
    changes: tuple[Change, ...]
    live: frozenset[str]
    late: tuple[Change, ...] = ()
    filled: frozenset[str] = frozenset()
    small: Mapping[str, int] = field(default_factory=dict)
    batch: int = 3
    lanes: int = 1
    segments: int = 1
    ordered: bool = True
    twins: int = 0
    kills: int = 0
    overlaps: int = 0
    rewinds: int = 0
    faults: float = 0.0
    outages: int = 0
    astray: int = 0
    stale: float = 0.0
    old_indexes: bool = False
    gaps: int = 0
    blind: int = 0
    repairs: int = 0
    replays: int = 0
    queue: bool = False
    cutovers: int = 0
    held: int = 0
    rogues: int = 0
    tick: float = 0.001
    seconds: float = 1_000.0
    life: float | None = None
    compared: bool = False
    patient: bool = False

    def smaller(self) -> Iterator[World]:
        """The worlds with one thing less."""
        for n in range(len(self.changes)):
            yield replace(self, changes=_without(self.changes, n))
        for n in range(len(self.before)):
            yield replace(self, before=_without(self.before, n))
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in _COUNTS and value:
                yield replace(self, **{each.name: value - 1})
            elif each.name in _PLAIN and value != each.default:
                plain: dict[str, Any] = {each.name: each.default}
                yield replace(self, **plain)
        for name in self.small:
            yield replace(self, small={other: size for other, size in self.small.items() if other != name})


_COUNTS = {
    "twins",
    "kills",
    "overlaps",
    "rewinds",
    "outages",
    "astray",
    "gaps",
    "blind",
    "repairs",
    "replays",
    "cutovers",
    "held",
    "rogues",
}
_PLAIN = {
    "batch",
    "lanes",
    "segments",
    "ordered",
    "faults",
    "stale",
    "old_indexes",
    "queue",
    "seconds",
    "life",
    "compared",
    "patient",
}


@contextmanager
def small(sizes: Mapping[str, int]) -> Iterator[None]:
    """Also without a look at the size of each item: rows are small here, and limits of sizes have tests of their own."""
    before: list[tuple[Any, str, Any]] = [(module, "size", module.size) for module in (memory, limits)]
    for module, *_ in before:
        module.size = _nothing
    for name, size in {**sizes, "stalled": 0}.items():
        for module_name, constant in SMALL[name]:
            module = importlib.import_module(f"remodel.{module_name}")
            before.append((module, constant, getattr(module, constant)))
            setattr(module, constant, size)
    try:
        yield
    finally:
        for module, constant, value in reversed(before):
            setattr(module, constant, value)


def _nothing(item: object) -> int:
    return 0


def _without(things: tuple[Change, ...], n: int) -> tuple[Change, ...]:
    return things[:n] + things[n + 1 :]
