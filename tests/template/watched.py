"""Everything that the functions do, done once for real and watched: which requests they send, which metrics they emit.

The handlers of the template run on DynamoDB Local through their whole range: rows that come, change, move, go, are refused and
mended; late and double deliveries; owners and people, live and not; what a backfill, a reconciliation with repair and a replay
meet. What is seen is what the roles must allow, and what alarms and dashboard may speak of.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from local_cloud.cloud import Cloud
from measures import MODEL
from measures.values import measure_group
from remodel.core.errors import Rejected
from remodel.core.wire import Item
from remodel.flow import backfill, reconcile
from remodel.ports import Fanout
from runner.world import Reader
from tests.conftest import Handlers
from tests.records import Stream
from tests.rows import guid, link, number, text
from tests.simulation.world import draw, row_id

Asked = dict[str, set[tuple[str, str]]]
"""By function: actions of IAM on `table` or `table/index/name`, tables by the names that the model has for them."""

Emitted = set[tuple[str, tuple[tuple[str, str], ...]]]
"""Metrics by name and dimensions."""


@dataclass
class Watched:
    asked: Asked = field(default_factory=lambda: defaultdict(set))
    emitted: Emitted = field(default_factory=set)


class Messages:
    """A queue that is seen to be sent to, once groups are large enough for it."""

    def __init__(self, function: str, watcher: Watcher) -> None:
        self._function, self._watcher = function, watcher

    @property
    def beyond(self) -> int:
        return self._watcher.beyond

    def send(self, fanout: Fanout) -> None:
        self._watcher.seen.asked[self._function].add(SENT)
        self._watcher.fanouts.append(fanout)


class Watcher:
    """Calls handlers, and listens to their clients and to their standard output."""

    def __init__(self, cloud: Cloud, handlers: Handlers) -> None:
        self.seen = Watched()
        self.cloud, self._handlers = cloud, handlers
        self._names = {physical: name for name, physical in cloud.tables.items()}
        self._known: set[int] = set()
        self.fanouts: list[Fanout] = []
        self.beyond = 5_000

    def app(self, function: str) -> Any:
        return self._handlers.app(function)

    def call(self, function: str, event: Any, refused: bool = False, seconds: float = 300.0) -> Any:
        app = self._handlers.app(function)
        wired = app.wired()
        self._listen(function, wired[0] if isinstance(wired, tuple) else wired)
        output = io.StringIO()
        try:
            with redirect_stdout(output):
                return self._handlers(function, event, seconds)
        except Exception:
            assert refused
            return None
        finally:
            self._read(output.getvalue())

    def failing(self, function: str, events: Iterable[Any]) -> None:
        """While a table is not there."""
        tables = self._handlers.app(function).wired().engine.store._tables
        name, tables["measure_data"] = tables["measure_data"], "nowhere"
        self._names["nowhere"] = "measure_data"
        for event in events:
            self.call(function, event, refused=True)
        tables["measure_data"] = name

    def _listen(self, function: str, wired: Any) -> None:
        wired = getattr(wired, "it", wired)
        client = wired.engine.store._client
        if id(wired) not in self._known:
            self._known.add(id(wired))
            self._kept = [*getattr(self, "_kept", []), wired]
            object.__setattr__(wired.engine, "queue", Messages(function, self))

            def see(params: Any, model: Any, **_: Any) -> None:
                if function == "Fanout" and model.name == "Query":
                    params["Limit"] = 2  # so that a small group has several pages
                self.seen.asked[function] |= {(action, self._name(on)) for action, on in actions(model.name, params)}

            client.meta.events.register("provide-client-params.dynamodb.*", see)

    def _name(self, on: str) -> str:
        table, _, rest = on.partition("/")
        return self._names[table] + (f"/{rest}" if rest else "")

    def _read(self, output: str) -> None:
        for line in output.splitlines():
            said = json.loads(line) if line.startswith("{") else {}
            for directive in said.get("_aws", {}).get("CloudWatchMetrics", []):
                for names in directive["Dimensions"]:
                    dimensions = tuple(sorted((name, said[name]) for name in names))
                    self.seen.emitted |= {(metric["Name"], dimensions) for metric in directive["Metrics"]}


def actions(operation: str, params: Any) -> set[tuple[str, str]]:
    """The actions that IAM asks for, each with the table (or `table/index/name`) that it asks for it on."""
    match operation:
        case "BatchExecuteStatement":
            told = [
                re.match(r'(INSERT|UPDATE|DELETE)[^"]*"([^"]+)"', each["Statement"]) for each in params["Statements"]
            ]
            return {(f"PartiQL{each[1].title()}", each[2]) for each in told if each}
        case "BatchGetItem" | "BatchWriteItem":
            return {(operation, table) for table in params["RequestItems"]}
        case _:
            index = params.get("IndexName")
            return {(operation, params["TableName"] + (f"/index/{index}" if index else ""))}


class Range:
    """The whole range of the functions' work."""

    def __init__(self, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
        self.watcher, self.cloud = watcher, watcher.cloud
        self.stream = Stream(self.cloud.tables)
        monkeypatch.setattr(reconcile, "LOOKS", (0.0, 0.0, 0.0))
        monkeypatch.setattr(backfill, "PAGE", 5)

    def run(self) -> Watched:
        self.before_lookups_are_complete()
        for source in MODEL.every:
            self.one_row(source)
        self.refused_and_mended()
        self.old_pages()
        self.world(seed=2)
        self.differences()
        return self.watcher.seen

    def before_lookups_are_complete(self) -> None:
        """What the index has not heard of is read from the tables, by whoever computes a link."""
        here, there = link("early"), link("early", measure_id=text("not heard of"))
        for old, new in (None, here), (here, there):
            self.store("links", old, new)
            self.deliver("links", self.stream.record("links", old, new))
        for source in ("people", "measures"):
            self.deliver(source, self.stream.record(source, None, ROWS[source]()))
        self.backfill("links")
        self.watcher.call("Replay", {"source": "links", "ids": [guid("early")]})

    def one_row(self, source: str) -> None:
        """What a single row can meet, whatever table it is of."""
        row, moved, bad = ROWS[source](), ROWS[source](**ELSEWHERE), ROWS[source](**BAD)
        size = 399_000 if source == "actuals" else 100
        large = {**bad, "reason": text(os.urandom(size).hex()[:size])}
        states = [None, row, moved, row, bad, large, bad, row, bad, None]
        records = [self.stream.record(source, old, new) for old, new in pairwise(states)]
        for record in (*records, records[0], records[4]):
            self.deliver(source, record)
        for _ in range(2):
            self.deliver(source, {"eventName": "?", "dynamodb": {}})
        self.watcher.call(f"Replicate{source.title()}", {"no": "records"}, refused=True)

    def refused_and_mended(self) -> None:
        """Rows that are refused when they are scanned, or looked at again; late ones; mended ones."""
        row, bad = ROWS["actuals"](), ROWS["actuals"](**BAD)
        self.deliver("links", self.stream.record("links", None, link(measure_id=row["measure_id"])))
        self.store("links", None, link(measure_id=row["measure_id"]))
        self.store("actuals", None, {**bad, "id": text(guid("never seen"))})
        self.store("actuals", None, bad)
        self.backfill("actuals")
        self.backfill("actuals")
        self.deliver("actuals", self.stream.record("actuals", None, row))
        self.backfill("actuals")
        for function, event in ("Replay", {"source": "actuals", "ids": [guid("one")]}), ("Reconcile", FULL):
            for now in (bad, bad, row):
                self.store("actuals", None, now)
                self.lose("measure_data")
                self.watcher.call(function, event)

    def world(self, seed: int) -> None:
        """What nobody thought of: a world of the simulation: each stream in its own order, with one delivery twice."""
        world, r = draw(f"watched {seed}"), random.Random(seed)
        state: dict[tuple[str, str], Item] = {}
        waiting: dict[str, list[Any]] = defaultdict(list)
        for source, name, row in (*world.before, *world.changes):
            old = state.get((source, name))
            whole = {**row, "id": text(row_id(source, name))} if row is not None else None
            waiting[source].append(self.stream.record(source, old, whole))
            self.store(source, old, whole)
            if whole is None:
                state.pop((source, name), None)
            else:
                state[source, name] = whole
        while waiting:
            source = r.choice(sorted(waiting))
            self.deliver(source, waiting[source][0])
            if r.random() < 0.9:
                waiting[source].pop(0)
            if not waiting[source]:
                del waiting[source]

    def old_pages(self) -> None:
        """A backfill that scans rows of which the index knows that they are gone; segments that are none."""
        for source in MODEL.every:
            self.store(source, None, ROWS[source]())
            self.backfill(source)
            self.watcher.call("Backfill", {"table": source, "segment": 2, "total_segments": 1}, refused=True)

    def differences(self) -> None:
        """One of each kind, in each mode; then replays of all that there is."""
        for mode in ("counts", "sample", "full"):
            for table in MODEL.new_tables:
                self.lose(table)
                self.cloud.dynamodb.put_item(TableName=self.cloud.tables[table], Item={"id": text(guid("stray"))})
            self.watcher.call("Reconcile", {"mode": mode, "repair": True})
        for table in (*MODEL.sources, *MODEL.new_tables):
            self.lose("measure_data")
            self.watcher.call("Reconcile", {**PART, "table": table})
        self.watcher.call("Replay", {"all": True})
        for table in (*MODEL.every, "index"):
            self.watcher.call("Reconcile", {**PART, "mode": "resync", "table": table})
        self.watcher.call("Reconcile", {**PART, "mode": "resync", "table": "nowhere"}, refused=True)
        self.large_groups()
        self.watching()
        for source in MODEL.every:
            records = [self.stream.record(source, ROWS[source](), None)]
            self.watcher.call("Replay", {"source": source, "records": records})
        self.watcher.call("Reconcile", {"mode": "counts", "repair": False})
        for name in (None, *MODEL.every):
            self.watcher.call("Replay", {"source": name}, refused=True)
        self.watcher.failing("Reconcile", [{"mode": mode} for mode in ("counts", "sample", "full")])
        self.watcher.failing("Reconcile", [{**PART, "table": "measure_data"}])

    def large_groups(self) -> None:
        """Every group is too large; what is handed to the queue is done a page a call."""
        self.watcher.beyond = 0
        self.one_row("links")
        self.world(seed=3)
        self.backfill("links")
        self.lose("measure_links")
        self.watcher.call("Reconcile", FULL)
        self.watcher.call("Replay", {"source": "links", "ids": [item["id"]["S"] for item in self.rows("links")]})
        for _ in range(30):
            waiting, self.watcher.fanouts = list({each.group: each for each in self.watcher.fanouts}.values()), []
            for n, each in enumerate(waiting):
                body = json.dumps({"group": each.group, "cursor": each.cursor, "epoch": each.epoch})
                self.fan_out(body, 0.001 if n % 2 else 300.0)
        self.fan_out("{}")
        self.watcher.beyond = 5_000
        self.rejected()

    def rejected(self) -> None:
        """DynamoDB takes no new row of a group, and a change of it comes before that is kept."""
        row = ROWS["actuals"]()
        group = {"group": measure_group(row["measure_id"]["S"])}
        self.deliver("links", self.stream.record("links", None, link(measure_id=row["measure_id"])))
        self.deliver("actuals", self.stream.record("actuals", None, row))
        store = self.watcher.app("Fanout").wired().engine.store
        real = store.write

        def write(writes: Any) -> Any:
            raise Rejected("too large")

        def changed_meanwhile(writes: Any) -> Any:
            if len(writes) == 1 and writes[0].item and writes[0].key.id == guid("one"):
                store.write = real
            self.deliver("actuals", self.stream.record("actuals", row, {**row, "actual_value": number(5)}))
            raise Rejected("too large")

        for each in (write, write, changed_meanwhile):
            store.write = each
            self.fan_out(json.dumps(group))
        del store.write

    def fan_out(self, body: str, seconds: float = 300.0) -> None:
        self.watcher.call("Fanout", {"Records": [{"messageId": "1", "body": body}]}, seconds=seconds)

    def watching(self) -> None:
        """One reader that is seen now, one that was not seen for long, and CloudWatch out of reach."""
        app = self.watcher.app("Watch")
        readers = app.wired().mappings
        for polled in (0.0, 100_000.0, 0.0):
            readers.look = lambda polled=polled: [
                Reader("links", True, 0.0, "on", polled),
                Reader("people", True, 0.0, "on"),
            ]
            self.watcher.call("Watch", {})
        readers.look = lambda: 1 / 0
        self.watcher.call("Watch", {}, refused=True)

    def backfill(self, source: str) -> None:
        for n in range(2):
            event = {"table": source, "segment": n, "total_segments": 2, "cursor": None}
            assert self.watcher.call("Backfill", event)["done"]

    def lose(self, table: str) -> None:
        for item in self.rows(table):
            self.cloud.dynamodb.delete_item(TableName=self.cloud.tables[table], Key={"id": item["id"]})

    def rows(self, table: str) -> list[Item]:
        return self.cloud.dynamodb.scan(TableName=self.cloud.tables[table])["Items"]

    def store(self, source: str, old: Item | None, new: Item | None) -> None:
        table = self.cloud.tables[source]
        if new is not None:
            self.cloud.dynamodb.put_item(TableName=table, Item=new)
        elif old is not None:
            self.cloud.dynamodb.delete_item(TableName=table, Key={"id": old["id"]})

    def deliver(self, source: str, *records: Any) -> None:
        assert self.watcher.call(f"Replicate{source.title()}", {"Records": list(records)}) == {"batchItemFailures": []}


SENT = ("sqs:SendMessage", "Fanouts")
FULL = {"mode": "full", "repair": True}
PART = {"mode": "diff", "segment": 0, "total_segments": 1, "cursor": None, "repair": True, "astray": []}
ELSEWHERE = {"measure_id": text("elsewhere"), "linked_user_id": text("another")}
BAD = {name: text("\ud800") for name in ("created_at", "recorded_at", "owner_id", "linked_user_id")}


def _row(**more: Any) -> Any:
    """A row, and with what it is to be changed; attributes that it does not have stay away."""
    row: Item = {"id": text(guid("one")), "measure_id": text("here"), "tenant_id": text("t")}
    row |= {"created_by": text("user"), "created_at": text("2025-01-01"), **more}
    return lambda **changes: {**row, **{name: value for name, value in changes.items() if name in row}}


ROWS: dict[str, Any] = {
    "links": lambda **changes: {**link(), **{name: value for name, value in changes.items() if name in link()}},
    "milestones": _row(milestone_date=text("2025-03-31"), target_value=number(1)),
    "actuals": _row(
        measurement_date=text("2025-03-31"),
        actual_value=number(1),
        recorded_by=text("u"),
        recorded_at=text("2025-01-01"),
    ),
    "readings": _row(period=text("2025-03"), value=number(1)),
    "measures": lambda **changes: {"id": text("measure-a"), "owner_id": changes.get("owner_id", text("user"))},
    "people": lambda **changes: {"id": text(guid("p")), "linked_user_id": changes.get("linked_user_id", text("user"))},
}
