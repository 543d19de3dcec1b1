"""What a run of `make e2e` takes up of a model's rows, tried on the engine in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from demo.cast import Cast, cast_of
from measures.model import MODEL as MEASURES
from remodel import fanout
from remodel.backfill import backfill
from remodel.call import Call
from remodel.hints import of_row
from remodel.items import Item
from remodel.kinds import Kind, New, Old
from remodel.model import Model
from remodel.segments import Segment
from remodel_testing.memory import MemoryStore
from shop.model import MODEL as SHOP
from social.model import MODEL as SOCIAL
from tests.e2e.migration import Migration
from tests.e2e.picks import arrival, has_joins, seen
from tests.e2e.place import Place
from tests.still import memory_place

MODELS = {each.name: each for each in (MEASURES, SHOP, SOCIAL)}
ALONE = Model("alone")
"""Nothing is joined, and most rows are left out."""


class Thing(Kind, of=Old("things", id=str), id="{id}"):
    id: str
    name: str


@ALONE.becomes(New("copies", id=str))
def copy(it: Thing) -> Mapping[str, Any] | None:
    return {"name": it.name} if it.name == "1" else None


def migrated(cast: Cast) -> tuple[Call, MemoryStore, dict[str, list[Item]]]:
    """Rows of the cast, with everything that comes of them."""
    place, store = memory_place(cast.model)
    old = cast.seeded(200)
    for table, rows in old.items():
        for row in rows:
            store.tables[table].put(row)
    call = place.call(600.0)
    for table in cast.model.order:
        assert backfill(call, Segment(table, 0, 1), call.deadline).done
    return call, store, {table: list(store.tables[table].items.values()) for table in old}


@pytest.mark.parametrize("name", MODELS)
def test_a_fan_out_brings_the_new_row_back_that_shows_another(name: str) -> None:
    cast = cast_of(MODELS[name], 7)
    call, store, old = migrated(cast)

    found = seen(cast, old)
    assert found is not None
    new = store.tables[found.new.table]
    before = new.items.pop(found.new.text)
    groups = of_row(cast.model, found.row, found.item).groups
    for spread in fanout.spreads(call, {found.row: groups}):
        fanout.request(call, spread)
    for pending in fanout.pending(call):
        assert fanout.work(call, pending.name, call.deadline)

    assert new.items[found.new.text] == before


@pytest.mark.parametrize("model", [*MODELS.values(), ALONE], ids=[*MODELS, ALONE.name])
def test_a_new_row_comes_of_an_arrival(model: Model) -> None:
    cast = cast_of(model, 7)
    call, store, old = migrated(cast)
    before = {name: len(store.tables[name].items) for name in model.new_tables}

    found = arrival(cast, old)
    assert found is not None
    store.tables[found[0]].put(found[1])
    assert backfill(call, Segment(found[0], 0, 1), call.deadline).written > 0
    assert {name: len(store.tables[name].items) for name in model.new_tables} != before


def test_a_model_without_joins_has_no_fan_out() -> None:
    cast = cast_of(ALONE, 7)

    assert not has_joins(ALONE)
    assert seen(cast, cast.seeded(20)) is None


@pytest.mark.parametrize("named", ["measures.model:MODEL", "shop.model:MODEL", "social.model:MODEL"])
def test_every_model_with_a_join_has_the_same_steps(named: str) -> None:
    migration = Migration(Place("e2e", "sandbox", "arm64", named), 7)
    names = [name for name, _ in migration.steps()]

    assert len(names) == 13
    assert {"a large fan-out", "the failure destination"} <= set(names)
