"""Calls, write units and memory, counted where requests leave the SDK: one call more, and this fails."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from benchmarks.endless import World, answer
from benchmarks.rows import Stream, changes
from benchmarks.wire import Wire, size, units
from botocore.awsrequest import AWSResponse

from local_cloud.emulator import credentials
from measures import MODEL
from remodel.adapters.client import make_client
from remodel.adapters.clock import SystemClock
from remodel.adapters.disk import DiskLedger
from remodel.adapters.dynamodb import DynamoStore
from remodel.flow.backfill import Segment, backfill
from remodel.flow.engine import Engine, Patience
from remodel.flow.reconcile import reconcile
from remodel.flow.replicate import replicate
from remodel.settings import table_names


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class Counted:
    """The engine on its own client, which is answered before it opens a connection."""

    def __init__(self, world: World) -> None:
        client = make_client("http://localhost:1")
        self.wire, self._world = Wire(client), world
        client.meta.events.register("before-send.dynamodb", self._answer)
        store = DynamoStore(client, {name: name for name in table_names(MODEL)})
        self.engine = Engine(MODEL, store, SystemClock(), frozenset(MODEL.lookups))
        self.patience = Patience(self.engine.clock, self.engine.clock.now() + 60)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation, body = self.wire.sent[-1]
        said = json.dumps(answer(self._world, operation, json.loads(body))).encode()
        return AWSResponse(request.url, 200, {}, Body(said))


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in credentials().items():
        monkeypatch.setenv(name, value)


def batch(links: int) -> Any:
    """1,000 changes of one measure: 600 inserts, 300 modifies, 100 removals."""
    stream = Stream()
    return {"Records": [stream.record("actuals", old, new) for old, new in changes(0, 1_000, 1, links).batch]}


@pytest.mark.parametrize("links", [1, 4])
def test_a_batch_of_a_stream(links: int) -> None:
    counted = Counted(World(1_000, 1, links))

    done = replicate(counted.engine, "actuals", "actuals", batch(links), counted.patience)

    assert (done.failed, done.changes, done.written) == (None, 1_000, 1_000 * links)
    # The roster before and after, and where the removed rows may live now.
    assert Counter(BatchExecuteStatement=40, BatchWriteItem=40 * links, BatchGetItem=3) == counted.wire.calls
    assert 1_000 * (1 + links) == counted.wire.units


def test_a_backfill() -> None:
    counted = Counted(World(2_000, 200, 1))

    done = backfill(counted.engine, Segment("actuals", 0, 1), counted.patience.until, counted.patience)

    assert (done.done, done.scanned, done.written) == (True, 2_000, 2_000)
    # Two pages: each notes its keys in four items, reads 200 rosters, and after it has written these and 1,000 entries.
    statements, reads = 2 * (40 + 4), 2 * (2 + 12)
    calls = Counter(BatchExecuteStatement=statements, BatchWriteItem=80, BatchGetItem=reads, Scan=2, Query=2)
    assert calls + Counter(DescribeTable=1) == counted.wire.calls
    assert counted.wire.units == 4_000 + 2 * NOTES


NOTES = 7
"""Write units of the note of a page of 1,000 keys."""


def test_a_full_comparison() -> None:
    counted = Counted(World(2_000, 200, 1))

    report = reconcile(counted.engine, "full", False, 0, counted.patience)

    assert (report.drift, report.looked_twice, report.found["measure_data"]) == (0, 0, 2_000)
    assert {"Scan", "BatchGetItem", "Query"} == counted.wire.calls.keys()
    # Two pages a side of data, one of each other table; the links' measures; each of 20 users once.
    assert tuple(counted.wire.calls[name] for name in ("Scan", "BatchGetItem", "Query")) == (9, 2, 20)
    assert counted.wire.units == 0


def test_memory_of_a_batch() -> None:
    """8.5 KB a change, with all that was sent, which is kept here. What makes it half as much again has to explain itself."""
    counted, event = Counted(World(1_000, 1, 1)), batch(1)
    replicate(counted.engine, "actuals", "actuals", batch(1), counted.patience)  # what is made once
    counted.wire.sent.clear()
    tracemalloc.start()

    replicate(counted.engine, "actuals", "actuals", event, counted.patience)

    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000 * MOST


def test_memory_of_a_full_comparison() -> None:
    """It is that of a page, and of the links: three times the rows take no more."""
    small, large = (_peak(World(rows, 200, 1)) for rows in (3_000, 9_000))

    assert large < small * 1.1


def _peak(world: World) -> int:
    counted = Counted(world)
    counted.wire.sent = deque(maxlen=1)  # type: ignore[assignment]
    tracemalloc.start()

    report = reconcile(replace(counted.engine, ledger=DiskLedger), "full", False, 0, counted.patience)

    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.drift, report.found["measure_data"]) == (0, world.rows)
    return peak


MOST = 12_500
"""Bytes a change."""


def test_units_are_what_dynamodb_takes() -> None:
    small, large = {"id": {"S": "x" * 1_022}}, {"id": {"S": "x" * 1_023}}
    assert (size(small), size(large)) == (1_024, 1_025)
    put = {"RequestItems": {"t": [{"PutRequest": {"Item": small}}, {"PutRequest": {"Item": large}}]}}
    assert units("BatchWriteItem", put) == 3
    assert units("TransactWriteItems", {"TransactItems": [{"Put": {"Item": small}}, {"Delete": {"Key": {}}}]}) == 4
    update = {
        "Statement": 'UPDATE "t" SET "a"=? REMOVE "b" WHERE "id"=? AND "version" < ?',
        "Parameters": [{"S": "x" * 2_000}, {"S": "1"}, {"S": "2"}],
    }
    insert = {"Statement": "INSERT INTO \"t\" VALUE {'id': ?, 'a': ?}", "Parameters": [{"S": "1"}, {"N": "2"}]}
    assert units("BatchExecuteStatement", {"Statements": [update, insert]}) == 3
