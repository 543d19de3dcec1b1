"""Tables for a contender of its own, on the endpoint that all share, and the deployed handlers in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3

from local_cloud.cloud import Cloud
from local_cloud.emulator import CACHE, credentials
from local_cloud.worker import Context
from measures.model import MODEL
from remodel.call import Place
from remodel.client import CONFIG
from remodel.clock import SystemClock
from remodel.dynamodb import DynamoStore
from remodel.items import Item
from remodel.runtime import tables_of
from remodel.settings import table_names

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FOLDER = CACHE / "bench"

OLD = ("LinksTable", "MilestonesTable", "ActualsTable", "ReadingsTable", "MeasuresTable", "PeopleTable")

Handler = Callable[[Any], Any]

T = TypeVar("T")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    every = list(items)
    return (every[n : n + size] for n in range(0, len(every), size))


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


def place(cloud: Cloud, client: Any) -> Place:
    """The engine on these tables, in this process, with a client that somebody looks at; it meters what it reads."""
    tables = tables_of(MODEL, {name: cloud.tables[name] for name in table_names(MODEL)})
    return Place(MODEL, DynamoStore(client, tables, metered=True), SystemClock(), frozenset(MODEL.old_tables))


def fill(cloud: Cloud, table: str, items: Iterable[Item]) -> None:
    for chunk in chunks(items, 25):
        puts: Any = [{"PutRequest": {"Item": item}} for item in chunk]
        cloud.dynamodb.batch_write_item(RequestItems={cloud.tables[table]: puts})


def change(cloud: Cloud, table: str, batch: Iterable[tuple[Item | None, Item | None]]) -> None:
    """Changes as (before, after) happen to a table."""
    requests: list[Any] = [
        {"DeleteRequest": {"Key": {"id": old["id"]}}} if new is None and old else {"PutRequest": {"Item": new}}
        for old, new in batch
    ]
    for chunk in chunks(requests, 25):
        cloud.dynamodb.batch_write_item(RequestItems={cloud.tables[table]: chunk})


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
