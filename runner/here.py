"""A DynamoDB Local as a verb's world: the template's tables at stage sandbox, its functions as processes of this program.

Who reads the streams there is the local cloud's poller, in a process of its own; it writes heartbeats to the migration's
table, and reads there whether it is switched off. The read flag is a note in that table, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.cloud import Cloud
from local_cloud.function import FunctionFailed
from local_cloud.heartbeat import Heartbeat, heartbeats, switch
from remodel.call import Place
from remodel.clock import SystemClock
from remodel.dynamodb import DynamoStore
from remodel.runtime import tables_of
from remodel.settings import table_names
from runner.errors import CallFailed, NoSuchStack
from runner.failed import Batch, Batches
from runner.journal import Journal
from runner.lease import myself
from runner.model import chosen, named
from runner.tips import Tips
from runner.world import Invoke, Reader, Stack, World

SILENT = 5.0
"""Seconds without a heartbeat after which a stream counts as unread."""


@contextmanager
def world(endpoint: str, prefix: str) -> Iterator[World]:
    """Raises NoSuchStack."""
    model = chosen()
    with TemporaryDirectory() as folder:
        cloud = Cloud(endpoint, Path(folder), prefix, named=named())
        there = _tables(cloud)
        if there.isdisjoint(cloud.tables[name] for name in ("migration", *model.old_tables)):
            raise NoSuchStack(
                f"expected a stack or the tables of the template on {endpoint}, found neither: deploy the stage, or start "
                "`make demo` and name its --prefix"
            )
        clock = SystemClock()
        tables = tables_of(model, {name: cloud.tables[name] for name in table_names(model)})
        try:
            yield World(
                stage="sandbox",
                place=Place(model, DynamoStore(cloud.dynamodb, tables), clock, frozenset(model.old_tables)),
                dynamodb=cloud.dynamodb,
                tables=cloud.tables,
                invoke=_processes(cloud),
                readers=Pollers(cloud, clock, model.order),
                journal=(journal := Journal(cloud.dynamodb, cloud.tables["migration"], clock, myself())),
                flag=Note(journal),
                failures=Folder(cloud, model.old_tables),
                stack=Stack(_command(cloud)),
                tips=lambda: Tips(cloud.dynamodb, cloud.streams, model, {n: cloud.tables[n] for n in model.old_tables}),
                declared=tuple(cloud.template.tables()),
            )
        finally:
            cloud.stop()


def _tables(cloud: Cloud) -> set[str]:
    pages = cloud.dynamodb.get_paginator("list_tables").paginate()
    try:
        return {name for page in pages for name in page["TableNames"]}
    except ClientError as problem:
        raise NoSuchStack(f"expected a stack or a DynamoDB on {cloud.endpoint}, but: {problem}") from problem


def _processes(cloud: Cloud) -> Invoke:
    def invoke(name: str, payload: Mapping[str, Any]) -> Any:
        try:
            return cloud.functions[name].invoke(dict(payload))
        except FunctionFailed as problem:
            raise CallFailed(str(problem)) from problem

    return invoke


class Pollers:
    def __init__(self, cloud: Cloud, clock: SystemClock, sources: Iterable[str]) -> None:
        self._cloud, self._clock, self._sources = cloud, clock, list(sources)

    def look(self) -> list[Reader]:
        beats = _heartbeats(self._cloud)
        return [self._reader(source, beats.get(source)) for source in self._sources]

    def switch(self, enabled: bool) -> None:
        for source in self._sources:
            switch(self._cloud.dynamodb, self._cloud.tables["migration"], source, enabled)

    def consumers(self, stream: str) -> list[str]:
        return []

    def _reader(self, source: str, beat: Heartbeat | None) -> Reader:
        now = self._clock.now()
        if beat is None or now - beat.at > SILENT:
            return Reader(source, False, None, "no poller", idle=True, deployed=False)
        if not beat.enabled:
            return Reader(source, False, None, "poller switched off", idle=beat.idle)
        lag = now - beat.busy_since if beat.busy_since else 0.0
        return Reader(source, True, lag, "poller", now - beat.polled if beat.polled else None)


class Note:
    """The read flag, where there is no parameter store."""

    name = "read (a note in the migration's table)"

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def read(self) -> str | None:
        found: str | None = self._journal.recall("flag").get("read")
        return found

    def write(self, value: str) -> None:
        self._journal.remember("flag", "read", value)


class Folder:
    """The failure destination of the pollers: a file a batch."""

    def __init__(self, cloud: Cloud, sources: Iterable[str]) -> None:
        self._cloud = cloud
        self._batches = Batches({cloud.tables[each]: each for each in sources}, cloud.streams)

    def look(self) -> list[str]:
        folders = {beat.failed for beat in _heartbeats(self._cloud).values()}
        return sorted(str(path) for folder in folders for path in folder.glob("*.json"))

    def batch(self, name: str) -> Batch:
        return self._batches.read(Path(name).read_text())

    def discard(self, name: str) -> None:
        Path(name).unlink(missing_ok=True)

    def empty(self) -> None:
        for name in self.look():
            self.discard(name)


def _command(cloud: Cloud) -> str:
    """What runs the functions there."""
    prefix = f" --prefix {cloud.prefix}" if cloud.prefix else ""
    return f"remodel local --endpoint-url {cloud.endpoint}{prefix}"


def _heartbeats(cloud: Cloud) -> dict[str, Heartbeat]:
    try:
        return heartbeats(cloud.dynamodb, cloud.tables["migration"])
    except cloud.dynamodb.exceptions.ResourceNotFoundException:
        return {}
