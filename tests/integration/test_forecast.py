"""What `plan` foresees of the demo's rows, held against what the backfill then counts on DynamoDB Local."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from demo.rows import DATA, Rows
from local_cloud.cloud import Cloud
from remodel.dynamodb import DynamoStore
from remodel.items import Item
from runner import backup, pace
from runner.backfill import backfill
from runner.plan import plan
from runner.watch import SILENT
from tests.integration.stage import Stage
from tests.places import Handlers

NEAR = 0.15
"""How far a figure may be off."""


def rows(seed: int) -> dict[str, list[Item]]:
    """A measure has 0 to 5 links; 1 row of 100 is rejected."""
    made = Rows(random.Random(seed), [], [])
    made.users = [made.guid() for _ in range(20)]
    made.measures = [made.guid() for _ in range(60)]
    tables: dict[str, list[Item]] = {
        "measures": [made.measure(each) for each in made.measures],
        "people": [made.person(each) for each in made.users],
        "links": [
            made.link(made.guid(), each)
            for each in made.measures
            for _ in range(made.random.choice([0, 1, 1, 2, 3, 5]))
        ],
    }
    for source in DATA:
        data = [made.data(source, made.guid(), made.random.choice(made.measures)) for _ in range(300)]
        tables[source] = [made.poison(each) if made.random.random() < 0.01 else each for each in data]
    return tables


@pytest.fixture
def stage(shared_cloud: Cloud, handlers: Handlers) -> Stage:
    made = Stage(shared_cloud, handlers)
    for name, each in rows(7).items():
        made.put(name, *each)
    return made


def test_what_is_foreseen_is_what_the_backfill_counts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    foreseen = plan(stage.world, None, None).forecast
    backup.back_up(stage.world)
    reads = metered_reads(monkeypatch)

    done = backfill(stage.world, pace.SEGMENTS, SILENT)

    assert foreseen.units == pytest.approx(sum(each["units"] for each in done.tables.values()), rel=NEAR)
    assert foreseen.new_rows == sum(len(stage.rows(name)) for name in stage.model.new_tables)
    for name in stage.model.old_tables:
        assert foreseen.reads[name].units == pytest.approx(reads[stage.cloud.tables[name]], rel=NEAR), name


def metered_reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Read units by table, from now on, of the one function that meters: the backfill."""
    counts: Counter[str] = Counter()
    metered = DynamoStore._metered

    def counted(store: DynamoStore, units: str, *asked: Any, **request: Any) -> Any:
        answer = metered(store, units, *asked, **request)
        if units != "read_units":
            return answer
        found = answer.get("ConsumedCapacity", [])
        for each in [found] if isinstance(found, dict) else found:
            counts[each["TableName"]] += each["CapacityUnits"]
        return answer

    monkeypatch.setattr(DynamoStore, "_metered", counted)
    return counts
