"""What a comparison counts does not depend on how its pages are cut: worlds at random, with pages of 1, 2 and 1,000 rows."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from demo import oracle
from measures.model import MODEL as MEASURES
from remodel import compare
from remodel.backfill import backfill
from remodel.call import Place
from remodel.findings import DRIFT, EXAMPLES, Report
from remodel.model import Model
from remodel.reconcile import reconcile
from remodel.segments import Segment
from remodel.store import QUARANTINE
from remodel_testing.memory import MemoryStore
from shop.model import MODEL as SHOP
from tests import oracle_shop
from tests.odd_worlds import Maker, World, shop_world
from tests.still import memory_place

PAGES = (1, 2, 1_000)
SEEDS = range(40)
ORACLES = {"ambiguous": "ambiguous_lookups"}
"""What oracle and report name differently."""


def drawn(model: Model, seed: int) -> World:
    return Maker(seed).world() if model is MEASURES else shop_world(seed)


def migrated(model: Model, world: World) -> tuple[Place, MemoryStore]:
    place, store = memory_place(model)
    for table, items in world.items():
        for item in items:
            store.tables[table].put(item)
    for table in model.order:
        assert backfill(place.call(600.0), Segment(table, 0, 1), float("inf")).done
    return place, store


def spoil(model: Model, store: MemoryStore, r: random.Random) -> None:
    """New rows are lost, changed, and moved to keys that nobody expects; memberships are lost."""
    for name in (*model.new_tables, QUARANTINE):
        table = store.tables[name]
        for text, item in list(table.items.items()):
            fate = r.random()
            if fate < 0.2:
                table.delete(text)
            elif fate < 0.4:
                table.put({**item, "spoiled": {"BOOL": True}})
    for text, item in list(store.tables["index"].items.items()):
        if item["item_key"]["S"].startswith("row/") and r.random() < 0.1:
            store.tables["index"].delete(text)


def counted(place: Place, page: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], Counter[str], list[Any]]:
    with monkeypatch.context() as patch:
        patch.setattr(compare, "PAGE", page)
        report: Report = reconcile(place.call(600.0), "counts", repair=False)
    examples = sorted(report.examples, key=lambda each: (each["what"], each["table"], each["key"], str(each["origin"])))
    return +report.counts, +report.rows, examples if len(examples) < EXAMPLES else []


@pytest.mark.parametrize("model", [MEASURES, SHOP], ids=lambda model: model.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_counts_do_not_depend_on_the_size_of_a_page(model: Model, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    place, store = migrated(model, drawn(model, seed))
    spoil(model, store, random.Random(seed))

    found = [counted(place, page, monkeypatch) for page in PAGES]

    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("model", [MEASURES, SHOP], ids=lambda model: model.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_counts_are_those_of_the_oracle(model: Model, seed: int, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = drawn(model, seed)
    place, _store = migrated(model, world)
    told = (oracle if model is MEASURES else oracle_shop).expected(world).counts

    counts, _rows, _examples = counted(place, page, monkeypatch)

    assert sum(counts[name] for name in DRIFT) == 0
    assert {name: counts[ORACLES.get(name, name)] for name in told} == told
