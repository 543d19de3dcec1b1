"""The stack of `template.yaml` at stage sandbox, standing on one DynamoDB endpoint: tables, functions, pollers, schedules.

There is no queue. A fan-out that is too large for its batch stays pending in the index, and the next sweep serves it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.session import get_session

from local_cloud.emulator import ROOT, credentials
from local_cloud.function import Forks, RunningFunction
from local_cloud.heartbeat import Heartbeats
from local_cloud.poller import Faults, Poller
from local_cloud.schedule import Schedule
from local_cloud.template import Template
from remodel.settings import load_model, table_names, variable
from runner.model import DEFAULT
from stack.template import stem, template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


def client(endpoint: str) -> DynamoDBClient:
    return cast("DynamoDBClient", get_session().create_client("dynamodb", **_connection(endpoint)))


def streams_client(endpoint: str) -> DynamoDBStreamsClient:
    return cast("DynamoDBStreamsClient", get_session().create_client("dynamodbstreams", **_connection(endpoint)))


def _connection(endpoint: str) -> dict[str, Any]:
    keys = credentials()
    return {
        "endpoint_url": endpoint,
        "region_name": keys["AWS_REGION"],
        "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
        "config": Config(max_pool_connections=50, retries={"mode": "standard", "max_attempts": 5}),
    }


class Cloud:
    """`prefix` stands before every table's name, so that several clouds can share one endpoint. `named`: the model whose
    template it is; without it, that of `template.yaml`."""

    def __init__(
        self,
        endpoint: str,
        folder: Path,
        prefix: str = "",
        parameters: Mapping[str, str] | None = None,
        named: str = DEFAULT,
    ) -> None:
        self.endpoint, self.folder, self.prefix = endpoint, folder, prefix
        folder.mkdir(parents=True, exist_ok=True)
        text, self.migration = template(named), f"{prefix}{stem(named)}-sandbox"
        names = {**_default_names(text, prefix), **(parameters or {}), "Stage": "sandbox"}
        self.template = Template(ROOT / "template.yaml", names, prefix, text)
        self.dynamodb = client(endpoint)
        self.forks, self.functions = Forks(), {}
        for function in self.template.functions():
            function.environment.pop("FANOUT_QUEUE")
            self.functions[function.name] = RunningFunction(function, self.forks, endpoint, folder)
        self.pollers: dict[str, Poller] = {}
        self.schedules: dict[str, Schedule] = {}
        self._heartbeats: Heartbeats | None = None

    @cached_property
    def streams(self) -> DynamoDBStreamsClient:
        return streams_client(self.endpoint)

    @property
    def tables(self) -> dict[str, str]:
        """Physical names by logical ones, as the functions' environment has them; and that of the migration's table."""
        environment = next(iter(self.functions.values())).function.environment
        named = {name: environment[variable(name)] for name in table_names(load_model(environment))}
        return {**named, "migration": self.migration}

    def create_tables(self, streams: bool = True, but: Iterable[str] = ()) -> None:
        """The tables of the template that do not exist yet; without `streams`, as an application has them before a migration.

        `but`: logical names of tables to leave out.
        """
        left_out = {self.tables[name] for name in but}
        for table in self.template.tables():
            if not streams:
                table.pop("StreamSpecification", None)
            if table["TableName"] not in left_out:
                with contextlib.suppress(self.dynamodb.exceptions.ResourceInUseException):
                    self.dynamodb.create_table(**table)

    def delete_tables(self) -> None:
        """Those of the template, and the migration's own."""
        for name in self.tables.values():
            with contextlib.suppress(self.dynamodb.exceptions.ResourceNotFoundException):
                self.dynamodb.delete_table(TableName=name)

    def switch_streams_on(self) -> None:
        for table in self.template.tables():
            if "StreamSpecification" in table:
                self.dynamodb.update_table(
                    TableName=table["TableName"], StreamSpecification=table["StreamSpecification"]
                )

    def without_stream(self) -> list[str]:
        """The tables whose streams the functions read, as far as they have none. Raises ResourceNotFoundException."""
        tables = [each.function.mapping.table for each in self.functions.values() if each.function.mapping]
        return [name for name in tables if not self._stream(name)]

    def start_pollers(self, faults: Faults | None = None) -> None:
        for name, function in self.functions.items():
            mapping = function.function.mapping
            if mapping is not None:
                arn = self._stream(mapping.table)
                self.pollers[name] = Poller(self.streams, arn, function, self.folder / "failed", faults)
                self.pollers[name].start()
        sources = {self.functions[name].function.environment["SOURCE"]: each for name, each in self.pollers.items()}
        self._heartbeats = Heartbeats(self.dynamodb, self.tables["migration"], sources)

    def _stream(self, table: str) -> str:
        """The ARN; empty without a stream."""
        described = self.dynamodb.describe_table(TableName=table)["Table"]
        enabled = described.get("StreamSpecification", {}).get("StreamEnabled")
        return described.get("LatestStreamArn", "") if enabled else ""

    def start_schedule(self, function: str, event: Any, every: float) -> Schedule:
        """Calls the function every so many seconds, whatever its schedule in the template says."""
        self.schedules[function] = Schedule(self.functions[function], event, every)
        return self.schedules[function]

    def drain(self, seconds: float) -> bool:
        """Whether every stream was read to its end, from now on, within the time."""
        began = time.time()
        while time.time() < began + seconds:
            if all([poller.drained(began) for poller in self.pollers.values()]):  # noqa: C419 (each may raise)
                return True
            time.sleep(0.1)
        return False

    def stop(self) -> None:
        if self._heartbeats is not None:
            self._heartbeats.stop()
        threads: list[Poller | Schedule] = [*self.pollers.values(), *self.schedules.values()]
        stops = [threading.Thread(target=each.stop) for each in threads]
        for each in stops:
            each.start()
        for each in stops:
            each.join()
        for function in self.functions.values():
            function.stop()
        self.forks.stop()


@contextlib.contextmanager
def standing(endpoint: str, folder: Path, prefix: str = "", named: str = DEFAULT) -> Iterator[Cloud]:
    """A cloud whose processes and threads end with the block."""
    cloud = Cloud(endpoint, folder, prefix, named=named)
    try:
        yield cloud
    finally:
        cloud.stop()


def _default_names(text: str, prefix: str) -> dict[str, str]:
    if not prefix:
        return {}
    plain = Template(ROOT / "template.yaml", {"Stage": "sandbox"}, text=text)
    return {name: f"{prefix}{value}" for name, value in plain.table_parameters().items()}
