"""What `plan` foresees, held against what the engine then writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import measures.model
import shop.model
from remodel.backfill import backfill
from remodel.items import Item
from remodel.model import Model
from remodel.segments import Segment
from runner import plan
from runner.world import World
from tests.memory import MemoryStore
from tests.rows import actual, customer, item, link, measure, milestone, number, order, person, reading, text
from tests.still import memory_place

MEASURES: dict[str, list[Item]] = {
    "measures": [measure("user")],
    "people": [person("p", "user")],
    "links": [link(), link("second"), link("alone", measure_id=text("another measure"))],
    "milestones": [milestone("m", target_value=text("no number")), milestone()],
    "actuals": [actual(f"{n}", actual_value=number(n)) for n in range(20)],
    "readings": [reading("r", tenant_id=text("another"))],
}
SHOP: dict[str, list[Item]] = {"shop": [customer(), order(), order("10"), order("11", customer="nobody"), item()]}


def world(model: Model, rows: dict[str, list[Item]]) -> tuple[World, MemoryStore]:
    place, store = memory_place(model)
    for name, each in rows.items():
        for row in each:
            store.tables[name].put(row)
    counts: Any = SimpleNamespace(
        describe_table=lambda **asked: {"Table": {"ItemCount": len(rows.get(asked["TableName"], ()))}}
    )
    nothing: Any = SimpleNamespace()
    names = {name: name for name in store.tables}
    return World("dev", place, counts, names, *[nothing] * 7), store


@pytest.mark.parametrize(("model", "rows"), [(measures.model.MODEL, MEASURES), (shop.model.MODEL, SHOP)])
def test_what_is_foreseen_is_what_is_written(
    model: Model, rows: dict[str, list[Item]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "_obstacles", lambda world, declared: [])
    it, store = world(model, rows)

    found = plan.plan(it, (), None, 1.0)

    for name in model.order:
        call = it.call()
        assert backfill(call, Segment(name, 0, 1), call.deadline).done
    assert found.forecast.new_rows == sum(len(store.tables[name].items) for name in model.new_tables)
    members = [
        each for each in store.tables["index"].items.values() if each["item_key"]["S"].startswith(("row/", "set/"))
    ]
    assert found.forecast.index_units == sum(len(each["keys"]["SS"]) if "keys" in each else 1 for each in members)
    assert sum(sum(each.values()) for each in found.refused.values()) == len(store.tables["quarantine"].items)
    assert found.tables == {name: len(rows[name]) for name in model.order}


def test_a_sample_stands_for_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_obstacles", lambda world, declared: [])
    it, _store = world(measures.model.MODEL, MEASURES)

    found = plan.plan(it, (), 10, 1.0)

    assert (found.read["actuals"], found.read["links"], found.tables["actuals"]) == (10, 3, 20)
    assert found.fanout.groups == 2
    assert found.forecast.new_rows == 3 + 2 + 20 * 2
