"""What all tests share: dummy credentials everywhere, and one DynamoDB Local for those that need a real one."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud import emulator
from local_cloud.cloud import Cloud
from local_cloud.worker import Context

ROOT = Path(__file__).resolve().parents[1]

os.environ.update(emulator.credentials())


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """A DynamoDB Local of this test process's own."""
    with emulator.running() as url:
        yield url


@pytest.fixture(scope="session")
def shared_cloud(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud(endpoint, tmp_path_factory.mktemp("cloud"))
    cloud.create_tables()
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(shared_cloud: Cloud) -> Cloud:
    """The stack's tables, empty, with streams on."""
    return emptied(shared_cloud)


def emptied(shared_cloud: Cloud) -> Cloud:
    for table in shared_cloud.template.tables():
        names = [key["AttributeName"] for key in table["KeySchema"]]
        empty(shared_cloud, table["TableName"], names)
    return shared_cloud


def empty(cloud: Cloud, table: str, keys: list[str]) -> None:
    pages = cloud.dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ProjectionExpression=", ".join(f"#{n}" for n in range(len(keys))),
        ExpressionAttributeNames={f"#{n}": key for n, key in enumerate(keys)},
    )
    items = [item for page in pages for item in page["Items"]]
    for n in range(0, len(items), 25):
        deletes = [{"DeleteRequest": {"Key": {key: item[key] for key in keys}}} for item in items[n : n + 25]]
        cloud.dynamodb.batch_write_item(RequestItems={table: deletes})


class Handlers:
    """The functions of the template, loaded from their CodeUri under their own environment, in this process."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self._cloud, self._monkeypatch = cloud, monkeypatch
        self._apps: dict[str, Any] = {}

    def __call__(self, function: str, event: Any, seconds: float = 300.0) -> Any:
        import time

        app = self.app(function)
        return app.handler(event, Context(function, time.time() + seconds))

    def app(self, function: str) -> Any:
        declared = self._cloud.functions[function].function
        for name, value in declared.environment.items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", self._cloud.endpoint)
        if function not in self._apps:
            spec = importlib.util.spec_from_file_location(f"app_{function}", declared.code / "app.py")
            assert spec is not None and spec.loader is not None
            app = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = app
            spec.loader.exec_module(app)
            app.wired()
            self._apps[function] = app
        return self._apps[function]


@pytest.fixture
def handlers(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Handlers:
    return Handlers(cloud, monkeypatch)
