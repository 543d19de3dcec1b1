"""Everything that the functions do, done once for real and watched: which requests they send, which metrics they emit.

The handlers of the template run on DynamoDB Local through their whole range: rows that come, change, move, are removed, rejected
and corrected; late and double deliveries; owners and people; claims; fan-outs of every size; what a backfill, a comparison with
repair, a resync, a replay and a sweep meet. What is seen is what the roles must allow, and what alarms and dashboard may speak of.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import cycle, product
from typing import Any

import pytest

from measures.ids import derived_id
from remodel import backfill, claims, compare, fanout, resync
from remodel.call import Call
from remodel.errors import RemodelError
from remodel.hints import of_row
from remodel.items import Item
from remodel.keys import Key
from remodel.notes import Note
from remodel.sources import Source
from tests.places import Handlers, listen, replicate
from tests.records import Application, Record
from tests.rows import actual, guid, link, measure, milestone, number, person, reading, text

Asked = dict[str, set[tuple[str, str]]]
"""By function: actions of IAM on `table` or `table/index/name`, tables by their logical names."""

Emitted = set[tuple[str, tuple[tuple[str, str], ...]]]
"""Metrics by name and dimensions."""

SENT = ("sqs:SendMessage", "Fanouts")
PART = {"segment": 0, "total_segments": 1, "cursor": None}
DATA = {"milestones": milestone, "actuals": actual, "readings": reading}


@dataclass
class Watched:
    asked: Asked = field(default_factory=lambda: defaultdict(set))
    emitted: Emitted = field(default_factory=set)


class Messages:
    """A queue that is seen to be sent to."""

    def __init__(self, function: str, watcher: Watcher) -> None:
        self._function, self._watcher = function, watcher

    def send(self, text: str) -> None:
        self._watcher.seen.asked[self._function].add(SENT)
        self._watcher.messages.append(text)


class Watcher:
    """Calls handlers, and listens to their clients and to their standard output."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers, self.seen = handlers, Watched()
        self.messages: list[str] = []
        self._names = {physical: name for name, physical in handlers.place.tables.items()}
        self._heard: set[str] = set()

    def call(self, function: str, event: Any, fails: bool = False) -> Any:
        self.listen(function)
        output = io.StringIO()
        try:
            with redirect_stdout(output):
                return self.handlers(function, event)
        except RemodelError:
            if not fails:
                raise
            return None
        finally:
            self._read(output.getvalue())

    def listen(self, function: str) -> None:
        if function in self._heard:
            return
        self._heard.add(function)
        self.handlers.load(function)
        place = self.handlers.runtime(function).place
        object.__setattr__(place, "queue", Messages(function, self))

        def see(operation: str, params: Any) -> None:
            self.seen.asked[function] |= {(action, self._name(on)) for action, on in actions(operation, params)}

        listen(place.store, see)

    def know(self, names: dict[str, str]) -> None:
        """Further physical names."""
        self._names |= names

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
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return {(operation, table) for table in params["RequestItems"]}
    index = params.get("IndexName")
    return {(operation, params["TableName"] + (f"/index/{index}" if index else ""))}


class Range:
    """The whole range of the functions' work."""

    def __init__(self, handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
        self.watcher, self.application = Watcher(handlers), Application(handlers)
        self.place, self.monkeypatch = handlers.place, monkeypatch
        monkeypatch.setattr(compare, "CONFIRM", 0.0)
        for module in (backfill, claims, compare, resync):
            monkeypatch.setattr(module, "PAGE", 5)

    def run(self) -> Watched:
        self.before_lookups_are_complete()
        for source in self.place.model.old_tables:
            self.one_row(source)
        self.claims()
        for part in (self.large_fan_outs, self.late_calls, self.unseen, self.dead_calls):
            self.whole()
            part()
        self.comparisons()
        self.replays()
        self.watching()
        self.failures()
        return self.watcher.seen

    def whole(self) -> None:
        """Rows of every table, right and wrong, joined with each other; the index does not know yet that it has all of them."""
        second = link("second", linked_at=text("2025-02-02T00:00:00Z"))
        self.place.put("links", link(), second, link("odd", weight=number(2)))
        self.place.put("measures", measure("user"))
        self.place.put("people", person("5b5c", "user"))
        for source, made in DATA.items():
            odd = made("odd", created_by=number(1), recorded_by=text(""))
            contested = made(id=text(derived_id("any row", source)))
            self.place.put(source, *(made(f"{source} {n}") for n in range(3)), odd, contested)
        for source in self.place.model.order:
            self.backfill(source)
        markers = [item for item in self.place.rows("index") if item["group_key"]["S"] == "complete"]
        self.place.remove("index", *markers)

    def before_lookups_are_complete(self) -> None:
        """What the index has not heard of is found in the tables, by whoever computes a link."""
        self.put("links", link())
        self.put("measures", measure("user"))
        self.put("people", person("5b5c", "user"))
        self.put("measures", measure())
        for source in self.place.model.order:
            self.backfill(source)

    def one_row(self, source: str) -> None:
        """What a single row can meet, whatever table it is of."""
        rows: dict[str, list[Item]] = {
            "links": [link(), link(measure_id=text("elsewhere")), link(created_at=text("soon")), link()],
            "measures": [measure("user"), measure("another"), measure()],
            "people": [person("5b5c", "user"), person("5b5c", "another"), person("5b5c", "user")],
        }
        if source in DATA:
            made = DATA[source]
            contested = made(id=text(derived_id("any row", source)))
            rows[source] = [made(), made(measure_id=text("elsewhere")), made(measure_id=text(" ")), contested, made()]
        records = [record for row in rows[source] for record in self.put(source, row)]
        self.deliver(source, *records[:2])
        records += self.remove(source, rows[source][-1])
        self.deliver(source, {"eventName": "?", "dynamodb": {}})
        self.watcher.call(replicate(source), {"no": "records"}, fails=True)
        self.put(source, rows[source][0])

    def claims(self) -> None:
        """One new id claimed by rows of all three tables, and ids that are derived: each function lets go of one."""
        self.put("links", link("first"), link("second", linked_at=text("2025-02-02T00:00:00Z")))
        claimed = derived_id(guid("origin"), guid("second"))
        for one, other in product(DATA, DATA):
            self.put(one, DATA[one]("origin"))
            self.put(other, {**DATA[other](), "id": text(claimed)})
            self.remove(other, {"id": text(claimed)})
            self.put(one, {**DATA[one]("same")})
            self.put(other, {**DATA[other]("same")})
            self.remove(one, DATA[one]("same"))
            self.remove(other, DATA[other]("same"))
            self.remove(one, DATA[one]("origin"))
        contested = {**actual(), "id": text(claimed)}
        self.put("actuals", contested)
        links = self.place.rows("links")
        self.remove("links", *links)
        self.put("links", *links)
        self.remove("actuals", contested)

    def large_fan_outs(self) -> None:
        """Every fan-out that is read page by page is too large, whoever asks for it, and then served a page a call."""
        with self.monkeypatch.context() as patch:
            patch.setattr(fanout, "PAGE", 1)
            self.put("people", person("5b5c", "another"))
            self.work(hurried=True)
            self.put("people", person("5b5c", "user"))
            with self.silent("links"), self.silent("actuals"):
                self.put(
                    "links", link(linked_at=text("2025-03-03T00:00:00Z")), link("second", tenant_id=text("another"))
                )
                self.work(hurried=False)
            self.place.put("links", link(), link("second"))
            self.backfill("links")
            self.watcher.call("Replay", {"source": "links", "ids": [guid("link")]})
            self.place.put("links", link(weight=number("0.5")))
            self.watcher.call("Reconcile", {"mode": "counts", "repair": True})
            self.note("links", guid("link"))
            self.watcher.call("Sweep", {"older_than": 0})
            self.let_pending_fan_outs_grow_old()
            self.watcher.call("Sweep", {"older_than": 0})
            self.work(hurried=False)
            links = self.place.rows("links")
            for change in (self.remove, self.put):
                change("links", *links)
                self.work(hurried=False)
        self.watcher.call("Fanout", message("{}"))

    def late_calls(self) -> None:
        """A call with little time left hands its fan-outs over, however few rows they touch."""
        with self.monkeypatch.context() as patch:
            patch.setattr(Call, "is_late", lambda _: True)
            self.put("links", link(linked_at=text("2025-04-04T00:00:00Z")))
            self.put("measures", measure("another"))
            self.put("people", person("5b5c", "another"))
        self.work(hurried=False)

    def unseen(self) -> None:
        """Changes of which no stream has told, before the other side changes: it is the first to see them."""
        for source, row in (
            ("measures", measure("another")),
            ("people", person("5b5c", "user", tenant_id=text("another"))),
        ):
            with self.silent("links"):
                self.put(source, row)
            self.watcher.call("Reconcile", {**PART, "mode": "resync", "table": "quarantine"})
        with self.silent("actuals"), self.silent("milestones"), self.silent("readings"):
            self.put("links", link(tenant_id=text("another")))

    def work(self, hurried: bool) -> None:
        """Serves every message until none is sent any more."""
        runtime = type(self.watcher.handlers.runtime("Fanout"))
        for n in range(1_000):
            waiting, self.watcher.messages = sorted(set(self.watcher.messages)), []
            if not waiting or (hurried and n > 3):
                return
            with self.monkeypatch.context() as patch:
                if hurried:
                    patch.setattr(runtime, "stop_at", lambda *_: 0.0)
                for name in waiting:
                    self.watcher.call("Fanout", message(json.dumps({"fanout": name})))
        raise AssertionError("the fan-outs do not end")

    def let_pending_fan_outs_grow_old(self) -> None:
        for item in self.place.rows("index"):
            if item["group_key"]["S"] == fanout.PENDING:
                self.place.put("index", {**item, "at": number(0)})

    def dead_calls(self) -> None:
        """Notes of calls that died, for rows of each table: gone, moved, rejected, corrected, claimed; and back."""
        for source in self.place.model.old_tables:
            with self.silent(source) as rows:
                self.sweep(source, rows)
            self.sweep(source, rows)

    def sweep(self, source: str, rows: Iterable[Item]) -> None:
        for row in rows:
            self.note(source, row["id"]["S"])
        self.watcher.call("Sweep", {"older_than": 0})

    @contextmanager
    def silent(self, source: str) -> Iterator[list[Item]]:
        """Changes of an old table of which no stream tells; its rows are whole again afterwards."""
        rows = {key: row for key, row in self.place.by_key(source).items() if key != guid("odd")}
        before = [rows[key] for key in sorted(rows)]
        for row, change in zip(before, cycle((text("elsewhere"), text(" "), None)), strict=False):
            if change is not None:
                self.place.put(source, {**row, "measure_id": change})
            elif len(before) > 2:
                self.place.remove(source, row)
        yield before
        self.place.put(source, *before)

    def note(self, source: str, key: str) -> None:
        """As a call leaves it that died before its first write."""
        call = self.watcher.handlers.runtime("Sweep").place.call(60.0)
        row = self.place.get(source, {"id": text(key)}) or {"id": text(key)}
        note = Note(call, [of_row(call.model, Key(source, key), row)])
        note.cover([])

    def comparisons(self) -> None:
        """Differences of each kind, in each mode, and in parts; then resync, of which no stream has told either."""
        for mode in ("counts", "sample", "full"):
            for table in (*self.place.model.new_tables, "quarantine"):
                self.place.remove(table, *self.place.rows(table)[::2])
            for table in self.place.model.new_tables:
                self.place.put(table, {"id": text(guid(f"stray {mode}")), "measure_link_id": text(guid("link"))})
            self.watcher.call("Reconcile", {"mode": mode, "repair": True})
        for table in (*self.place.model.old_tables, *self.place.model.new_tables, "quarantine"):
            self.watcher.call("Reconcile", {**PART, "mode": "diff", "table": table, "repair": True})
        for source in self.place.model.old_tables:
            with self.silent(source):
                for table in ("index", "quarantine"):
                    self.watcher.call("Reconcile", {**PART, "mode": "resync", "table": table})
                self.backfill(source)
            self.backfill(source)

    def replays(self) -> None:
        for source in self.place.model.old_tables:
            with self.silent(source) as rows:
                ids = [row["id"]["S"] for row in rows]
                self.watcher.call("Replay", {"source": source, "ids": ids})
                self.watcher.call("Replay", {"source": source, "ids": ids})
            records = self.application.remove(source, *rows[:1])
            self.watcher.call("Replay", {"source": source, "records": records})
        self.watcher.call("Replay", {"all": True})

    def watching(self) -> None:
        """Streams that are seen to be read, not for long, and again, and then other streams of the tables; one that nobody is
        seen to read, and one without a mapping."""
        self.watcher.listen("Watch")
        watching = self.watcher.handlers.app("Watch").wired()
        sources = {}
        for table in self.place.model.old_tables:
            latest = watching.runtime.place.store.stream(table)
            assert latest is not None
            sources[table] = Source(table, f"arn:aws:dynamodb:::table/{table}/stream/{latest.label}", "Enabled")
        watching.functions.clear()
        watching.functions.update({name: name for name in (*sources, "unmapped")})
        watching.sources.find = lambda function: sources.get(function)  # noqa: PLW0108 (it is another one later)
        watching.sources.dropped = lambda source: None if source.id == "links" else datetime.now(UTC)
        for polled in (0.0, 100_000.0, 0.0, None):
            watching.sources.polled = lambda source, polled=polled: polled
            self.watcher.call("Watch", {})
        sources = {name: replace(each, stream=f"{each.stream}0") for name, each in sources.items()}
        watching.sources.polled = lambda source: 0.0
        self.watcher.call("Watch", {})

    def failures(self) -> None:
        """Every function, for every table, while a table is not there."""
        with self.a_table_missing():
            for source in self.place.model.old_tables:
                changed = self.application.put(source, *self.place.rows(source)[:1])
                self.watcher.call(replicate(source), {"Records": changed}, fails=True)
                self.watcher.call("Backfill", {**PART, "table": source}, fails=True)
                self.watcher.call("Replay", {"source": source, "ids": ["any"]}, fails=True)
            self.watcher.call("Replay", {"all": True}, fails=True)
            for mode in ("counts", "sample", "full"):
                self.watcher.call("Reconcile", {"mode": mode}, fails=True)
            for mode in ("diff", "resync"):
                self.watcher.call("Reconcile", {**PART, "mode": mode, "table": "quarantine"}, fails=True)
            self.watcher.call("Sweep", {}, fails=True)
            self.watcher.call("Watch", {}, fails=True)

    @contextmanager
    def a_table_missing(self) -> Iterator[None]:
        self.watcher.know({f"no {table}": table for table in ("index", "quarantine")})
        with self.monkeypatch.context() as patch:
            for function in self.place.functions:
                store: Any = self.watcher.handlers.runtime(function).place.store
                for table in ("index", "quarantine"):
                    patch.setitem(store._tables, table, replace(store._tables[table], physical=f"no {table}"))
            yield

    def backfill(self, source: str) -> None:
        for n in range(2):
            event = {"table": source, "segment": n, "total_segments": 2, "cursor": None}
            assert self.watcher.call("Backfill", event)["done"]

    def put(self, source: str, *rows: Item) -> list[Record]:
        records = self.application.put(source, *unique(rows))
        self.deliver(source, *records)
        return records

    def remove(self, source: str, *rows: Item) -> list[Record]:
        records = self.application.remove(source, *unique(rows))
        self.deliver(source, *records)
        return records

    def deliver(self, source: str, *records: Record) -> None:
        assert self.watcher.call(replicate(source), {"Records": list(records)}) == {"batchItemFailures": []}


def unique(rows: Iterable[Item]) -> list[Item]:
    return list({row["id"]["S"]: row for row in rows}.values())


def message(body: str) -> Any:
    return {"Records": [{"messageId": "1", "body": body}]}
