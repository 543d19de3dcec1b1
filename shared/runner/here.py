"""A DynamoDB Local as a verb's world: the template's tables at stage sandbox, its functions as processes of this program.

Who reads the streams there is the local cloud's poller, in a process of its own; it leaves a sign of life in the migration's
table at every turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local_cloud.cloud import Cloud
from local_cloud.function import FunctionFailed
from local_cloud.signs import signs_of_life
from measures import MODEL
from remodel.adapters.clock import SystemClock
from remodel.adapters.dynamodb import DynamoStore
from remodel.flow.engine import Engine
from runner.errors import CallFailed, NoSuchStack
from runner.journal import Journal, myself
from runner.world import Reader, World

SILENT = 5.0
"""Seconds without a sign of life after which a stream counts as unread."""


@contextmanager
def world(endpoint: str, prefix: str) -> Iterator[World]:
    """Raises NoSuchStack."""
    with TemporaryDirectory() as folder:
        cloud = Cloud(endpoint, Path(folder), prefix)
        if cloud.tables["migration"] not in cloud.dynamodb.list_tables()["TableNames"]:
            raise NoSuchStack(
                f"expected a stack or the tables of the template on {endpoint}, found neither: deploy the stage, or start "
                "`make demo` and name its --prefix"
            )
        clock = SystemClock()
        engine = Engine(MODEL, DynamoStore(cloud.dynamodb, cloud.tables), clock, frozenset(MODEL.lookups))
        journal = Journal(cloud.dynamodb, cloud.tables["migration"], clock, myself())
        try:
            yield World(
                "sandbox",
                engine,
                cloud.dynamodb,
                cloud.tables,
                Processes(cloud),
                Pollers(cloud, clock),
                journal,
                tuple(cloud.template.tables()),
            )
        finally:
            cloud.stop()


class Processes:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def invoke(self, name: str, payload: Mapping[str, Any]) -> Any:
        try:
            return self._cloud.functions[name].invoke(dict(payload))
        except FunctionFailed as problem:
            raise CallFailed(str(problem)) from problem


class Pollers:
    def __init__(self, cloud: Cloud, clock: SystemClock) -> None:
        self._cloud, self._clock = cloud, clock

    def look(self) -> list[Reader]:
        signs = signs_of_life(self._cloud.dynamodb, self._cloud.tables["migration"])
        return [self._reader(source, signs.get(source)) for source in MODEL.every]

    def _reader(self, source: str, sign: tuple[float, float] | None) -> Reader:
        """A sign of life: when, and since when the poller has had changes that are not settled (0: none)."""
        now = self._clock.now()
        if sign is None or now - sign[0] > SILENT:
            return Reader(source, False, None, "no poller")
        return Reader(source, True, now - sign[1] if sign[1] else 0.0, "poller")
