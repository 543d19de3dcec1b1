"""What `plan` foresees, held against what the engine then writes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import measures.model
import shop.model
from remodel.backfill import backfill
from remodel.items import Item
from remodel.model import Model
from remodel.segments import Segment
from remodel_testing.memory import MemoryStore
from runner import forecast, pace, plan, survey
from runner.facts import Facts, Stack, Table
from runner.plan import Plan
from runner.world import World
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
    nothing: Any = SimpleNamespace(recall=lambda subject: {})
    names = {name: name for name in store.tables}
    return World("dev", place, counts, names, *[nothing] * 7), store


def tables(model: Model, capacity: dict[str, int]) -> Facts:
    """`capacity`: units a second that are provisioned, by table."""
    every = [*((name, "migrated") for name in model.old_tables), *((name, "new") for name in model.new_tables)]
    found = [Table(name, name, role, None, _described(capacity.get(name, 0))) for name, role in every]  # type: ignore[arg-type]
    return Facts("", found, (), Stack("sam deploy"), None, True, None)


def _described(units: int) -> dict[str, Any]:
    return {"ProvisionedThroughput": {"ReadCapacityUnits": units, "WriteCapacityUnits": units}}


def planned(
    it: World,
    monkeypatch: pytest.MonkeyPatch,
    sample: int | None = None,
    rate: float | None = None,
    facts: Facts | None = None,
    **capacity: int,
) -> Plan:
    monkeypatch.setattr(survey, "groundwork", lambda world, thorough: facts or tables(it.model, capacity))
    monkeypatch.setattr(plan.readiness, "checks", lambda facts, step: [])
    return plan.plan(it, sample, rate)


@pytest.mark.parametrize(("model", "rows"), [(measures.model.MODEL, MEASURES), (shop.model.MODEL, SHOP)])
def test_what_is_foreseen_is_what_is_written(
    model: Model, rows: dict[str, list[Item]], monkeypatch: pytest.MonkeyPatch
) -> None:
    it, store = world(model, rows)

    found = planned(it, monkeypatch)

    for name in model.order:
        call = it.call()
        for n in range(pace.SEGMENTS):
            assert backfill(call, Segment(name, n, pace.SEGMENTS), call.deadline).done
    assert found.forecast.new_rows == sum(len(store.tables[name].items) for name in model.new_tables)
    assert sum(sum(each.values()) for each in found.refused.values()) == len(store.tables["quarantine"].items)
    assert found.tables == {name: len(rows[name]) for name in model.order}
    assert found.forecast.index_units == pytest.approx(store.writes["index"] + store.writes["quarantine"], rel=0.15)


def test_a_sample_stands_for_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    it, _store = world(measures.model.MODEL, MEASURES)

    found = planned(it, monkeypatch, sample=10)

    assert (found.read["actuals"], found.read["links"], found.tables["actuals"]) == (10, 3, 20)
    assert found.fanout.groups == 2
    assert found.forecast.new_rows == 3 + 2 + 20 * 2


def test_the_rate_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    it, _store = world(measures.model.MODEL, MEASURES)

    asked, assumed = planned(it, monkeypatch, rate=50.0).forecast, planned(it, monkeypatch).forecast
    monkeypatch.setattr(plan, "asked_rate", lambda journal: 20.0)
    held = planned(it, monkeypatch).forecast

    assert (asked.rate.units, asked.seconds) == (50.0, asked.units / 50)
    assert "--rate" in asked.rate.why
    rows = sum(map(len, MEASURES.values()))
    assert assumed.rate.units == pace.SEGMENTS * forecast.WORKER * assumed.units / rows
    assert "4 segments of 200 rows a second" in assumed.rate.why
    assert (held.rate.units, "remodel rate" in held.rate.why) == (20.0, True)


def test_what_is_provisioned_has_its_own_price_and_is_told_where_it_does_not_suffice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it, _store = world(measures.model.MODEL, MEASURES)

    on_demand = planned(it, monkeypatch, rate=10.0)
    small = planned(it, monkeypatch, rate=10.0, measure_data=1, actuals=1)
    large = planned(it, monkeypatch, rate=10.0, measure_data=1_000)

    assert not on_demand.checks
    assert [(each.name, each.state, each.stops) for each in small.checks] == [
        ("capacity of measure_data", "to do", False),
        ("capacity of actuals", "to do", False),
    ]
    fits = int(small.checks[0].found.rpartition("`--rate ")[2].rstrip("`"))
    fitting = planned(it, monkeypatch, rate=fits, measure_data=1)
    assert not fitting.checks
    assert planned(it, monkeypatch, rate=fits + 1.0, measure_data=1).checks
    assert not large.checks
    hours = large.forecast.seconds / 3_600
    written = sum(2 for _ in MEASURES["actuals"]) + 2
    provisioned = 1_000 * hours * (forecast.WRITE_HOUR + forecast.READ_HOUR)
    expected = pytest.approx(provisioned - written * forecast.DOLLARS_PER_MILLION_WRITES / 1e6, rel=0.01)
    assert large.forecast.dollars - on_demand.forecast.dollars == expected


def test_a_table_that_is_missing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    it, _store = world(measures.model.MODEL, MEASURES)
    facts = tables(it.model, {})
    without = [replace(each, found=None) if each.name in ("links", "readings") else each for each in facts.tables]

    found = planned(it, monkeypatch, facts=replace(facts, tables=without))

    assert found.tables.keys() == {"measures", "people", "milestones", "actuals"}
    assert found.fanout.groups == 0
