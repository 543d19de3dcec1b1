"""Where tests run the functions: tables on DynamoDB Local, and handlers loaded as Lambda loads them, but in this process."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from local_cloud.cloud import Cloud, client
from local_cloud.template import Function
from local_cloud.worker import Context
from remodel.keys import KeySchema
from remodel.runtime import Runtime, tables_of
from remodel.settings import load_model, table_names
from runner.names import replicator

if TYPE_CHECKING:
    import pytest

    from remodel.items import Item

DONE: dict[str, list[Any]] = {"batchItemFailures": []}


class Place:
    """`tables`: physical names by logical ones. `functions`: of the template, by their logical ids. `apps`: their modules, for
    as long as the place lives: as in a function's process, what is wired once stays."""

    def __init__(self, endpoint: str, tables: Mapping[str, str], functions: Mapping[str, Function]) -> None:
        self.endpoint, self.dynamodb = endpoint, client(endpoint)
        self.tables, self.functions = dict(tables), dict(functions)
        self.model = load_model(functions["Backfill"].environment)
        self._declared = tables_of(self.model, self.tables)
        self.apps: dict[str, Any] = {}

    def schema(self, table: str) -> KeySchema:
        return self._declared[table].schema

    def emptied(self) -> Self:
        for table in table_names(self.model):
            self.remove(table, *self.rows(table))
        return self

    def rows(self, table: str) -> list[Item]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.tables[table], ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def by_key(self, table: str) -> dict[str, Item]:
        """The rows of a table by the texts of their keys."""
        return {self.schema(table).encode(item): item for item in self.rows(table)}

    def get(self, table: str, item: Item) -> Item | None:
        """The stored item with the key of this one."""
        key = {name: item[name] for name in self.schema(table).names}
        found: Item | None = self.dynamodb.get_item(TableName=self.tables[table], Key=key, ConsistentRead=True).get(
            "Item"
        )
        return found

    def put(self, table: str, *items: Item) -> None:
        self._write(table, [{"PutRequest": {"Item": item}} for item in items])

    def remove(self, table: str, *items: Item) -> None:
        names = self.schema(table).names
        self._write(table, [{"DeleteRequest": {"Key": {name: item[name] for name in names}}} for item in items])

    def _write(self, table: str, requests: list[Any]) -> None:
        for n in range(0, len(requests), 25):
            self.dynamodb.batch_write_item(RequestItems={self.tables[table]: requests[n : n + 25]})


def template_place(cloud: Cloud) -> Place:
    """The tables and functions of a model's template, as the local cloud has them."""
    return Place(cloud.endpoint, cloud.tables, {name: each.function for name, each in cloud.functions.items()})


def replicate(source: str) -> str:
    """The function on the stream of an old table."""
    return replicator(source)


class Handlers:
    """The functions of a place, loaded from their code under their own environment, in this process."""

    def __init__(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self._monkeypatch = place, monkeypatch
        self._own: dict[str, Any] = {}

    def __call__(self, function: str, event: Any, seconds: float = 300.0) -> Any:
        app = self.app(function)
        return app.handler(event, Context(function, time.time() + seconds))

    def app(self, function: str) -> Any:
        """The module, wired."""
        if function in self._own:
            return self._own[function]
        if function not in self.place.apps:
            app = self.place.apps[function] = self.load(function)
            app.wired()
        return self.place.apps[function]

    def load(self, function: str, **environment: str | None) -> Any:
        """The module anew, not wired, for this test alone, with these variables instead of the template's; None removes one."""
        declared = self.place.functions[function]
        here = {"AWS_ENDPOINT_URL_DYNAMODB": self.place.endpoint}
        for name, value in {**declared.environment, **here, **environment}.items():
            if value is None:
                self._monkeypatch.delenv(name, raising=False)
            else:
                self._monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location(f"app_{function}", declared.code / "app.py")
        assert spec is not None and spec.loader is not None
        app = self._own[function] = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(app)
        return app

    def runtime(self, function: str) -> Runtime:
        """What the function has wired."""
        wired = self.app(function).wired()
        found: Runtime = wired[0] if isinstance(wired, tuple) else getattr(wired, "runtime", wired)
        return found


def listen(store: Any, see: Callable[[str, Any], None]) -> Callable[[], None]:
    """Shows each request of a store on DynamoDB, as operation and parameters, before it is sent. Answers what ends that."""
    client = store._client
    send = client._make_api_call

    def heard(operation: str, parameters: Any) -> Any:
        see(operation, parameters)
        return send(operation, parameters)

    def stop() -> None:
        client._make_api_call = send

    client._make_api_call = heard
    return stop
