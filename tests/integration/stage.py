"""A stage whose verbs can be cut off at any request: real tables, the real handlers in this process, readers under control."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from types import MappingProxyType
from typing import Any

from local_cloud.cloud import Cloud, client
from remodel.call import Place as EnginePlace
from remodel.dynamodb import DynamoStore
from remodel.items import Item
from remodel.runtime import tables_of
from remodel.settings import table_names
from runner import cutover
from runner.check import Check
from runner.errors import UnreadableBatch
from runner.failed import Batch
from runner.journal import Journal
from runner.tips import Tips
from runner.world import Reader, Stack, World
from tests.places import Handlers
from tests.records import Application
from tests.still import StillClock


class Killed(BaseException):
    """What SIGKILL looks like from within: nothing that runs after it reaches the database any more."""


class Assassin:
    """Kills at one request of the runner, counted from the last `after`, and at every later one."""

    def __init__(self, dynamodb: Any) -> None:
        self.left: int | None = None
        self.requests = 0
        dynamodb.meta.events.register("before-send.dynamodb", self._strike)

    def after(self, requests: int | None) -> None:
        self.left, self.requests = requests, 0

    def _strike(self, **_request: Any) -> None:
        self.requests += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


class Switched:
    """Readers that are on or off, polled and without lag unless a test says otherwise."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._sources = list(sources)
        self.on = True
        self.deployed = True
        self.lag: float | None = 0.0
        self.polled: float | None = 0.0
        self.switched: list[bool] = []

    def look(self) -> list[Reader]:
        if not self.deployed:
            return [Reader(source, False, None, "not deployed", idle=True, deployed=False) for source in self._sources]
        told = "on" if self.on else "off"
        return [Reader(source, self.on, self.lag, told, self.polled, not self.on) for source in self._sources]

    def switch(self, enabled: bool) -> None:
        self.on = enabled
        self.switched.append(enabled)

    def consumers(self, stream: str) -> list[str]:
        return []


class Flag:
    name = "the flag"

    def __init__(self) -> None:
        self.value: str | None = None

    def read(self) -> str | None:
        return self.value

    def write(self, value: str) -> None:
        self.value = value


class Batches:
    """A failure destination: names of batches, with their records."""

    def __init__(self) -> None:
        self.batches: dict[str, tuple[str, list[Any]]] = {}

    def look(self) -> list[str]:
        return list(self.batches)

    def batch(self, name: str) -> Batch:
        source, records = self.batches[name]
        if not records:
            raise UnreadableBatch("expected a batch with its records")
        return Batch(source, records)

    def discard(self, name: str) -> None:
        self.batches.pop(name, None)

    def empty(self) -> None:
        self.batches.clear()


class Stage:
    """`application`: writes to the old tables, and delivers what their streams carry when a test says so."""

    def __init__(self, cloud: Cloud, handlers: Handlers) -> None:
        self.cloud, self.handlers, self.model = cloud, handlers, handlers.place.model
        self.clock, self.flag, self.batches = StillClock(), Flag(), Batches()
        self.readers = Switched(self.model.order)
        self.application = Application(handlers)
        dynamodb = client(cloud.endpoint)
        self.assassin = Assassin(dynamodb)
        names = {name: cloud.tables[name] for name in table_names(self.model)}
        store = DynamoStore(dynamodb, tables_of(self.model, names))
        self.world = World(
            stage="sandbox",
            place=EnginePlace(self.model, store, self.clock, frozenset(self.model.old_tables)),
            dynamodb=dynamodb,
            tables=cloud.tables,
            invoke=lambda name, payload: self.invoke(name, payload),  # noqa: PLW0108 (a test may replace it)
            readers=self.readers,
            journal=Journal(dynamodb, cloud.tables["migration"], self.clock, "me@here (process 1)"),
            flag=self.flag,
            failures=self.batches,
            stack=Stack("sam build && sam deploy --config-env sandbox"),
            tips=self.tips,
            declared=tuple(cloud.template.tables()),
            where="--stage sandbox",
        )
        self.one_at_a_time = Lock()
        self.called: list[tuple[str, dict[str, Any]]] = []
        self._timed: set[str] = set()

    def invoke(self, name: str, payload: Mapping[str, Any]) -> Any:
        """In this process, through JSON as on the wire, at the stage's time and with no waiting between two looks."""
        if self.assassin.left is not None and self.assassin.left < 0:
            raise Killed
        self.called.append((name, dict(payload)))
        with self.one_at_a_time:
            self.load(name)
            return json.loads(json.dumps(self.handlers(name, json.loads(json.dumps(payload)))))

    def load(self, name: str) -> Any:
        """A function of the template, wired, at the stage's time."""
        if name not in self._timed:
            self.handlers.load(name)
            clock: Any = self.handlers.runtime(name).place.clock
            clock.now, clock.sleep = self.clock.now, lambda seconds: None
            self._timed.add(name)
        return self.handlers.app(name).wired()

    def tips(self) -> Tips:
        old = {name: self.cloud.tables[name] for name in self.model.old_tables}
        return Tips(self.cloud.dynamodb, self.cloud.streams, self.model, old)

    def put(self, source: str, *rows: Item) -> None:
        self.handlers.place.put(source, *rows)

    def remove(self, table: str, *rows: Item) -> None:
        self.handlers.place.remove(table, *rows)

    def rows(self, table: str) -> dict[str, Item]:
        return self.handlers.place.by_key(table)

    def cut_off(self, verb: Callable[[], Any], step: int = 1) -> int:
        """Runs a verb again and again, killed at its first request, its second, and so on, each time from where the one
        before left it; until one run comes to its end. How often it was killed."""
        kills = 0
        while True:
            self.assassin.after(kills * step)
            try:
                verb()
            except Killed:
                kills += 1
                continue
            finally:
                self.assassin.after(None)
            return kills


def stops(stage: Stage, accepted: Mapping[str, int] = MappingProxyType({})) -> list[Check]:
    """What shuts the gate of the cutover."""
    return [each for each in cutover.gate(stage.world, accepted).checks if each.stops]


def quietly(told: str) -> None: ...
