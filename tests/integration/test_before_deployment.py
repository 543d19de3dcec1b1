"""A stage on AWS from the first minute to its deployment, on moto: it has the backups that DynamoDB Local lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local_cloud.template import Template
from measures.model import MODEL
from runner import aws, backup, plan, prepare, samconfig, status
from runner.address import Flags, address
from runner.check import State
from runner.world import World
from tests.unit.test_stack import CloudFormation

moto = pytest.importorskip("moto")

CONFIG = 'version = 0.1\n[dev.deploy.parameters]\nstack_name = "remodel-dev"\nregion = "eu-west-1"\n'


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The application's tables, measures and people without streams, and nothing else."""
    config = tmp_path / "samconfig.toml"
    config.write_text(CONFIG)
    monkeypatch.setattr(aws, "clients", lambda place: _client)
    with moto.mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        for table in Template(aws.TEMPLATE, {"Stage": "sandbox"}).tables():
            name = table["TableName"]
            if any(name == f"purposepath-{old}" for old in _names()):
                dynamodb.create_table(**{key: value for key, value in table.items() if key != "StreamSpecification"})
        yield aws.world(address(config, "dev", Flags()))


def _client(service: Any, config: Any = None) -> Any:
    """moto's CloudFormation needs more than is installed; no stack is there."""
    return CloudFormation({}) if service == "cloudformation" else boto3.client(service, region_name="eu-west-1")


def _names() -> list[str]:
    environment = Template(aws.TEMPLATE, {"Stage": "sandbox"}).functions()[0].environment
    return [environment[f"{name.upper()}_TABLE"].removeprefix("purposepath-") for name in MODEL.old_tables]


def quietly(told: str) -> None: ...


def test_status_leads_from_nothing_to_the_deployment(stage: World, tmp_path: Path) -> None:
    assert not any(status.status(stage).milestones.values())
    assert status.status(stage).next.step == "`remodel backup --execute`"

    backup.back_up(stage)
    assert status.status(stage).next.step == "`remodel prepare --execute`"

    prepare.prepare(stage, quietly)
    found = status.status(stage)
    assert found.next.step == "`sam build && sam deploy --config-env dev`"
    assert [name for name, done in found.milestones.items() if done] == ["backed up", "prepared"]
    written = samconfig.settings(tmp_path / "samconfig.toml", "dev").parameters
    assert written["CreateNewTables"] == "false"
    assert {f"{name.title()}StreamArn" for name in stage.migrated} <= written.keys()


def test_a_plan_before_anything_is_prepared_blocks_nothing(stage: World) -> None:
    stage.dynamodb.update_time_to_live(
        TableName=stage.tables["readings"], TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )

    checks = {each.name: each for each in plan.plan(stage, None, None).checks}

    assert not any(each.stops for each in checks.values())
    assert checks["expiry of readings"].found == "rows expire by ttl"
    assert checks["point-in-time recovery of links"].state == State.TODO
    assert checks["backup"].state == State.TODO
    assert checks["lookups"].state == State.TODO


def test_a_wrong_view_names_the_functions_that_read_the_stream(stage: World) -> None:
    table = stage.tables["links"]
    keys: Any = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    stage.dynamodb.update_table(TableName=table, StreamSpecification=keys)

    (stops,) = [each for each in plan.plan(stage, None, None).checks if each.stops]

    assert (stops.name, stops.found) == ("stream of links", "expected NEW_AND_OLD_IMAGES, found KEYS_ONLY")
    assert "event source mappings: none" in stops.remedy
