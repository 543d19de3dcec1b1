"""docs/operator-policy.json on the tables: a whole migration asks DynamoDB for exactly what it allows on each kind of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from local_cloud.cloud import Cloud
from measures.model import MODEL
from runner import backup, cutover, finish, plan, prepare, quarantine, resync, rollback, status, validate
from runner.backfill import backfill
from runner.drive import set_rate
from runner.validate import Mode
from runner.watch import SILENT
from tests.integration.stage import Stage
from tests.places import Handlers
from tests.rows import actual, link, number, text

ROOT = Path(__file__).parents[2]
POLICY: Any = json.loads((ROOT / "docs/operator-policy.json").read_text())
TABLES = {
    **dict.fromkeys(MODEL.old_tables, "OldTables"),
    **dict.fromkeys(MODEL.new_tables, "NewTables"),
    **dict.fromkeys(("index", "quarantine"), "IndexAndQuarantine"),
    "migration": "Journal",
}
"""The statement for each table."""

WITH_TAGS = "dynamodb:TagResource"
"""AWS asks for it with CreateTable, as no request of its own."""

RENEWED = {("Journal", "dynamodb:UpdateItem")}
"""A lease is renewed while a verb takes longer than any does here."""


def allowed() -> set[tuple[str, str]]:
    statements = {each["Sid"]: each["Action"] for each in POLICY["Statement"]}
    return {(sid, action) for sid in set(TABLES.values()) for action in statements[sid] if action != WITH_TAGS}


class Ear:
    """What the runner's client asks for: statement and action."""

    def __init__(self, stage: Stage) -> None:
        self.asked: set[tuple[str, str]] = set()
        self._sid = {physical: TABLES[name] for name, physical in stage.cloud.tables.items()}
        self._events = stage.world.dynamodb.meta.events
        self._events.register("provide-client-params.dynamodb", self._hear)

    def _hear(self, params: Any, model: Any, **_more: Any) -> None:
        tables = params.get("RequestItems") or [params["TableName"]]
        self.asked |= {(self._sid[table], f"dynamodb:{model.name}") for table in tables}


@pytest.fixture
def stage(shared_cloud: Cloud, handlers: Handlers) -> Iterator[Stage]:
    made = Stage(shared_cloud, handlers)
    made.put("links", link())
    made.put("actuals", actual("a"), actual("b"))
    declared = {each["TableName"]: each for each in made.world.declared}
    yield made
    with suppress(shared_cloud.dynamodb.exceptions.ResourceNotFoundException):
        shared_cloud.dynamodb.delete_table(TableName=shared_cloud.tables["migration"])
    there = shared_cloud.dynamodb.list_tables()["TableNames"]
    for name in declared.keys() - set(there):
        shared_cloud.dynamodb.create_table(**declared[name])


def test_a_whole_migration_asks_for_what_the_policy_allows(stage: Stage) -> None:
    ear, world = Ear(stage), stage.world
    disarrange(stage.cloud)

    plan.plan(world, None, None)
    backup.back_up(world)
    prepare.prepare(world, quietly)
    backfill(world, 1, SILENT)
    set_rate(world.journal, 100.0)
    stage.application.do("actuals", actual("bad", actual_value=text("much")))
    (held,) = quarantine.chosen(world, quarantine.Choice())
    quarantine.image(world, held.row.table, held.row.text)
    stage.application.do("actuals", actual("bad", actual_value=number(1)))
    quarantine.replay(world, [held])
    move(stage)
    rollback.flip_back(world)
    prepare.prepare(world, quietly)
    stage.clock.sleep(1)
    resync.resync(world, 1)
    move(stage)
    status.status(world)
    stage.clock.sleep(8 * 86_400)
    finish.finish(world, quietly)

    assert sorted(ear.asked - allowed()) == [], "asked for, and not allowed on these tables"
    assert sorted(allowed() - ear.asked - RENEWED) == [], "allowed on these tables, and never asked for"


def disarrange(cloud: Cloud) -> None:
    """Something to be done for every procedure of `prepare`, and tables that `finish` finds protected."""
    dynamodb = cloud.dynamodb
    dynamodb.delete_table(TableName=cloud.tables["measure_links"])
    dynamodb.update_table(
        TableName=cloud.tables["measure_data"],
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "target-subtype-index"}}],
    )
    dynamodb.update_table(TableName=cloud.tables["readings"], StreamSpecification={"StreamEnabled": False})
    dynamodb.update_table(TableName=cloud.tables["index"], DeletionProtectionEnabled=True)


def move(stage: Stage) -> None:
    stage.clock.sleep(1)
    assert validate.validate(stage.world, Mode.FULL, 10, 1).passed
    cutover.cutover(stage.world, {}, quietly)


def quietly(told: str) -> None: ...
