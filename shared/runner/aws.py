"""A deployed stack as a verb's world: found by its name, its functions invoked, its event source mappings looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from local_cloud.emulator import ROOT
from local_cloud.template import Template
from measures import MODEL
from remodel.adapters.clock import SystemClock
from remodel.adapters.dynamodb import CONFIG, DynamoStore
from remodel.flow.engine import Engine
from remodel.settings import settings
from runner.errors import CallFailed, NoSuchStack
from runner.journal import Journal, myself
from runner.world import Reader, World

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient

LONGEST = 900
"""Seconds that a call of a function may last."""


def world(stage: str, stack: str, endpoint: str | None) -> World:
    """Raises NoSuchStack."""
    names = _resources(stack, endpoint)
    functions = boto3.client(
        "lambda", endpoint_url=endpoint, config=Config(read_timeout=LONGEST + 10, retries={"total_max_attempts": 1})
    )
    environment = _environment(functions, names["Backfill"])
    found = settings(environment, MODEL)
    tables = {**found.tables, "migration": environment["MIGRATION_TABLE"]}
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint, config=CONFIG)
    clock = SystemClock()
    return World(
        stage,
        Engine(MODEL, DynamoStore(dynamodb, found.tables), clock, found.live),
        dynamodb,
        tables,
        Deployed(functions, names),
        Mappings(functions, boto3.client("cloudwatch", endpoint_url=endpoint), names),
        Journal(dynamodb, tables["migration"], clock, myself()),
        _declared(tables),
    )


class Deployed:
    """Functions by their logical ids in the template."""

    def __init__(self, client: LambdaClient, names: Mapping[str, str]) -> None:
        self._client, self._names = client, names

    def invoke(self, name: str, payload: Mapping[str, Any]) -> Any:
        try:
            answer = self._client.invoke(FunctionName=self._names[name], Payload=json.dumps(payload))
            said = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError) as problem:
            raise CallFailed(f"expected {name} to answer, but: {problem}: see its logs, then try again") from problem
        if "FunctionError" in answer:
            raise CallFailed(f"{name}: {said.get('errorType')}: {said.get('errorMessage')}")
        return said


class Mappings:
    """Event source mappings, one a stream; a mapping says whether it is on, CloudWatch how far behind it is."""

    def __init__(self, client: LambdaClient, cloudwatch: CloudWatchClient, names: Mapping[str, str]) -> None:
        self._client, self._cloudwatch, self._names = client, cloudwatch, names

    def look(self) -> list[Reader]:
        readers = []
        for source in MODEL.every:
            name = self._names.get(f"Replicate{source.title()}")
            if name is None:
                continue
            mappings = self._client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            state = mappings[0].get("State", "") if mappings else "missing"
            readers.append(Reader(source, state == "Enabled", self._lag(name), f"event source mapping {state.lower()}"))
        return readers

    def _lag(self, function: str) -> float | None:
        """The iterator's age at its worst in the last minutes; None where nothing was published."""
        now = datetime.now(UTC)
        points = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        latest = max(points, key=lambda point: point["Timestamp"], default=None)
        return latest["Maximum"] / 1000 if latest else None


def _resources(stack: str, endpoint: str | None) -> dict[str, str]:
    config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 2})
    try:
        client = boto3.client("cloudformation", endpoint_url=endpoint, config=config)
        pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [each for page in pages for each in page["StackResourceSummaries"]]
    except (ClientError, BotoCoreError, ResponseParserError) as problem:
        raise NoSuchStack(
            f"expected a stack {stack!r}, but: {problem}: deploy the stage, or name it with --stack"
        ) from problem
    return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in found}


def _declared(tables: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """The tables of this checkout's template, under the stage's own names."""
    names = {f"{name.title().replace('_', '')}Table": table for name, table in tables.items()}
    return tuple(Template(ROOT / "template.yaml", {"Stage": "sandbox", **names}).tables())


def _environment(client: LambdaClient, function: str) -> dict[str, str]:
    return dict(client.get_function_configuration(FunctionName=function)["Environment"]["Variables"])
