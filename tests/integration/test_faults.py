"""Whole migrations on DynamoDB Local through a misbehaving proxy, with writers, SIGKILL and second deliveries: converged."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.application import Application
from demo.measures import Measures
from demo.verdict import scan, verdict
from local_cloud.cloud import Cloud, client
from local_cloud.function import FunctionFailed
from local_cloud.poller import Faults as Kills
from local_cloud.stage import DEAD, SWEEP
from tests.integration.proxy import Faults, misbehaving

SEEDS = [int(seed) for seed in os.environ.get("FAULT_SEEDS", "1").split()]
CHANGES = int(os.environ.get("FAULT_CHANGES", "250"))
"""`FAULT_SEEDS="2 3 4" FAULT_CHANGES=2000 make test ARGS=tests/integration/test_faults.py` for others, and longer ones."""

MIGRATED = ("links", "milestones", "actuals", "readings")

ENDS = 300.0
"""Seconds after which a test hangs."""


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def faults(seed: int) -> Faults:
    return Faults(seed, 0.005)


@pytest.fixture
def cloud(seed: int, faults: Faults, endpoint: str, tmp_path: Path) -> Iterator[Cloud]:
    """Only the functions suffer: the application and the verdict go straight."""
    with misbehaving(endpoint, faults) as proxy:
        cloud = Cloud(proxy, tmp_path, f"faults-{seed}-")
        cloud.dynamodb = client(endpoint)
        cloud.create_tables(streams=False)
        try:
            yield cloud
        finally:
            cloud.stop()
            cloud.delete_tables()


@pytest.mark.timeout(900)
def test_a_migration_through_faults_converges(seed: int, faults: Faults, cloud: Cloud) -> None:
    application = Application(cloud.dynamodb, cloud.tables, cast := Measures(seed))
    rows = application.seed(4 * CHANGES)
    cloud.switch_streams_on()
    cloud.start_pollers(Kills(kill=0.03, again=0.1, random=random.Random(seed)))
    cloud.start_schedule("Sweep", {"older_than": DEAD}, SWEEP)
    application.start(rows, pause=0.2, brisk=2 * CHANGES)
    backfill(cloud)
    while application.changes.total() < CHANGES:
        application.check()
        time.sleep(0.2)
    application.pause()
    assert cloud.drain(ENDS)
    sweep(cloud)

    found = verdict(cloud.dynamodb, cloud.tables, cast)
    kills = sum(poller.kills for poller in cloud.pollers.values())
    print(found, dict(faults.met), f"{kills} kills")
    assert found.converged, (str(found), found.missing[:3], found.orphaned[:3], list(found.different.items())[:3])
    assert quarantined(cloud) == poisoned(cloud), "what was poisoned, and nothing else"
    assert len(faults.met) == 6, "every kind of fault was met"
    assert kills
    assert not list(cloud.folder.glob("failed/*"))


def poisoned(cloud: Cloud) -> set[tuple[str, str]]:
    tables = {name: scan(cloud.dynamodb, cloud.tables[name]) for name in MIGRATED}
    return {(name, row["id"]["S"]) for name, rows in tables.items() for row in rows if "poisoned" in row}


def quarantined(cloud: Cloud) -> set[tuple[str, str]]:
    held = scan(cloud.dynamodb, cloud.tables["quarantine"])
    return {(row["source"]["S"], row["row_id"]["S"]) for row in held}


def backfill(cloud: Cloud) -> None:
    """As whoever calls it would: again with the last cursor where a call failed."""
    for table in ("measures", "people", *MIGRATED):
        event = {"table": table, "segment": 0, "total_segments": 1, "cursor": None}
        done = False
        while not done:
            said = call(cloud, "Backfill", event)
            event["cursor"], done = said["cursor"], said["done"]


def sweep(cloud: Cloud) -> None:
    """Until no note is open."""
    deadline = time.time() + ENDS
    while (said := call(cloud, "Sweep", {"older_than": DEAD}))["left"] or said["stalled"]:
        assert time.time() < deadline, said
        time.sleep(SWEEP)


def call(cloud: Cloud, function: str, event: Any) -> Any:
    while True:
        try:
            return cloud.functions[function].invoke(event)
        except FunctionFailed as problem:
            assert "Unavailable" in str(problem) or "OutOfTime" in str(problem), problem
