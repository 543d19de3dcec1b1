"""Tables for a contender of its own, on the endpoint that all share, and the deployed handlers in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from local_cloud.cloud import Cloud
from local_cloud.emulator import CACHE, credentials
from local_cloud.worker import Context
from remodel.adapters.dynamodb import CONFIG
from remodel.core.wire import Item
from remodel.flow.deliver import chunks

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FOLDER = CACHE / "bench"

OLD = ("LinksTable", "MilestonesTable", "ActualsTable", "ReadingsTable", "MeasuresTable", "PeopleTable")

Handler = Callable[[Any], Any]


def stage(endpoint: str, prefix: str, old: Cloud | None = None) -> Cloud:
    """A stack's tables under a prefix; with the old tables of another one, where that is given."""
    shared = {name: old.template.table_parameters()[name] for name in OLD} if old else {}
    cloud = Cloud(endpoint, FOLDER, prefix, shared)
    for table in cloud.template.tables():
        with contextlib.suppress(cloud.dynamodb.exceptions.ResourceInUseException):
            cloud.dynamodb.create_table(**table)
    return cloud


def client(endpoint: str) -> DynamoDBClient:
    """boto3's own, with the product's settings: the least that the SDK can be had for as it comes."""
    made: DynamoDBClient = boto3.client("dynamodb", endpoint_url=endpoint, config=CONFIG)
    return made


def fill(cloud: Cloud, table: str, items: Iterable[Item]) -> None:
    for chunk in chunks(items, 25):
        puts: Any = [{"PutRequest": {"Item": item}} for item in chunk]
        cloud.dynamodb.batch_write_item(RequestItems={cloud.tables[table]: puts})


def environment(cloud: Cloud, function: str) -> dict[str, str]:
    """What a function finds around itself."""
    return {
        **credentials(),
        "AWS_ENDPOINT_URL_DYNAMODB": cloud.endpoint,
        "POWERTOOLS_SERVICE_NAME": function,
        **cloud.functions[function].function.environment,
    }


def handler(cloud: Cloud, function: str) -> Handler:
    """The deployed handler, wired to these tables, with what it logs thrown away."""
    return loaded(cloud.functions[function].function.code, environment(cloud, function))


def loaded(code: Path, names: Mapping[str, str]) -> Handler:
    os.environ.update(names)
    spec = importlib.util.spec_from_file_location(f"app_{len(sys.modules)}", code / "app.py")
    assert spec is not None and spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    nowhere = open(os.devnull, "w")  # noqa: SIM115, PTH123 (as long as the handler lives)
    with contextlib.redirect_stdout(nowhere):
        spec.loader.exec_module(app)
        app.wired()

    def handle(event: Any) -> Any:
        with contextlib.redirect_stdout(nowhere):
            return app.handler(event, Context("bench", time.time() + 900))

    return handle
