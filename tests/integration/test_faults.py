"""Whole migrations on DynamoDB Local through a misbehaving proxy, with writers, kills and second deliveries: converged."""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path

import pytest
from tests.integration.proxy import Faults, misbehaving

from demo import __main__ as demo
from demo.rows import Rows
from demo.verdict import scan, verdict
from local_cloud.cloud import Cloud, client
from local_cloud.function import FunctionFailed
from local_cloud.poller import Faults as Kills
from measures import MODEL
from remodel.flow.quarantine import all_held

SEEDS = [int(seed) for seed in os.environ.get("FAULT_SEEDS", "1").split()]
"""`FAULT_SEEDS="2 3 4" make test ARGS=tests/integration/test_faults.py` for others."""


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_migration_through_faults_converges(seed: int, endpoint: str, tmp_path: Path) -> None:
    faults = Faults(seed, 0.005)
    asked = argparse.Namespace(measures=200, rows=2_500, changes=600, seed=seed)
    with misbehaving(endpoint, faults) as proxy:
        cloud = Cloud(proxy, tmp_path, f"faults-{seed}-")
        cloud.dynamodb = client(endpoint)  # the application and the verdict go straight; only the functions suffer
        cloud.create_tables(streams=False)
        try:
            rows = Rows(random.Random(seed), [], [])
            seeded = demo.seed(cloud, rows, asked)
            cloud.switch_streams_on()
            kills = Kills(kill=0.03, again=0.1, random=random.Random(seed))
            cloud.start_pollers(kills)
            writers = demo.start_writers(cloud, rows, seeded, asked, pause=0.2)
            backfill(cloud)
            with demo.progress() as bars:
                demo.write_on(writers, asked.changes, bars)
            assert cloud.drain(120)
            found = verdict(demo._engine(cloud), cloud.dynamodb, cloud.tables)
            poisoned = {
                (name, row["id"]["S"])
                for name in MODEL.sources
                for row in scan(cloud.dynamodb, cloud.tables[name])
                if "poisoned" in row
            }
            quarantined = {(held.source, held.id) for held in all_held(demo._engine(cloud))}
        finally:
            cloud.stop()
            cloud.delete_tables()

    print(found, dict(faults.met), f"{kills.kills} kills")
    assert found.converged, (str(found), found.missing[:3], found.orphaned[:3], list(found.different.items())[:3])
    assert quarantined == poisoned, "what was poisoned, and nothing else"
    assert len(faults.met) == 6, "every kind of fault was met"
    assert kills.kills
    assert not list(tmp_path.glob("failed/*"))


def backfill(cloud: Cloud) -> None:
    """As whoever calls it would: again with the last cursor where a call failed."""
    for table in ("links", "milestones", "actuals", "readings"):
        cursor, done = None, False
        while not done:
            try:
                said = cloud.functions["Backfill"].invoke(
                    {"table": table, "segment": 0, "total_segments": 1, "cursor": cursor}
                )
            except FunctionFailed as problem:
                assert "Unavailable" in str(problem), problem
                continue
            cursor, done = said["cursor"], said["done"]
