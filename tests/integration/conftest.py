"""Stands for tests that type commands, and a stage on which verbs are called in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local_cloud.cloud import Cloud
from runner import backup, prepare, validate
from runner.backfill import backfill
from runner.validate import Mode
from runner.watch import SILENT
from tests.integration.stage import Stage, quietly
from tests.integration.stand import Stand
from tests.places import Handlers
from tests.rows import actual, link, text


@pytest.fixture
def stand(endpoint: str, tmp_path: Path) -> Iterator[Stand]:
    made = Stand(endpoint, tmp_path)
    made.cloud.delete_tables()
    made.cloud.create_tables(streams=False)
    yield made
    made.cloud.stop()
    made.cloud.delete_tables()


@pytest.fixture
def read(stand: Stand) -> Stand:
    """Old rows from before, and pollers on every stream."""
    stand.put("links", link(), link("second", goal_id=text("g"), linked_at=text("2025-05-05")))
    stand.put("actuals", actual("a"), actual("b"), actual("bad", recorded_by=text(" ")))
    stand.cloud.switch_streams_on()
    stand.cloud.start_pollers()
    time.sleep(1.5)
    return stand


@pytest.fixture
def stage(shared_cloud: Cloud, handlers: Handlers) -> Iterator[Stage]:
    made = Stage(shared_cloud, handlers)
    made.put("links", link(), link("second", goal_id=text("g"), linked_at=text("2025-05-05")))
    made.put("actuals", *(actual(name) for name in "abc"))
    yield made
    with suppress(made.world.dynamodb.exceptions.ResourceNotFoundException):
        made.world.dynamodb.delete_table(TableName=shared_cloud.tables["migration"])


@pytest.fixture
def filled(stage: Stage) -> Stage:
    backup.back_up(stage.world)
    prepare.prepare(stage.world, quietly)
    backfill(stage.world, 2, SILENT)
    assert len(stage.rows("measure_data")) == 6
    return stage


@pytest.fixture
def ready(filled: Stage) -> Stage:
    assert validate.validate(filled.world, Mode.FULL, 100, 1).passed
    return filled
