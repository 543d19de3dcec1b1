"""Batches of a stream: the deployed handler beside the textbook one, and beside the very same writes without a thought.

Every contender has tables of its own on one emulator, in the same state: the links, and the rows that the batch modifies
and removes. The floor's requests are recorded from a run of the product on a further set of tables, and sent again with
the names of the floor's own; so it writes what the product writes, in batches of 25, and reads nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from benchmarks.measure import FLOOR, OURS, Figure, in_turns, spent
from benchmarks.rows import Changes, Stream, changes
from benchmarks.stage import client, fill, handler, stage
from benchmarks.textbook import Idempotent, Textbook, Transactional
from benchmarks.wire import Wire
from local_cloud.cloud import Cloud
from measures import MODEL
from remodel.adapters.client import make_client
from remodel.adapters.clock import SystemClock
from remodel.adapters.dynamodb import DynamoStore
from remodel.core.change import Key
from remodel.core.entry import entry_attributes, entry_key
from remodel.core.wire import Item
from remodel.flow.deliver import chunks
from remodel.flow.engine import Engine, Patience
from remodel.flow.replicate import replicate

Request = tuple[str, dict[str, Any]]

TEXTBOOK, TRANSACTIONS, IDEMPOTENCY = "textbook", "transactions", "textbook + idempotency"

_WRITES = {"BatchExecuteStatement": "batch_execute_statement", "BatchWriteItem": "batch_write_item"}

# Prefixes are of one length, so that the requests that are sent again are as long as they were.
_OURS, _PLAN, _FLOOR, _BOOK, _ONCE, _ONES = "ours-", "plan-", "lows-", "book-", "once-", "ones-"


@dataclass(slots=True)
class Recorded:
    """What a client was asked to write."""

    requests: list[Request]

    def __init__(self, client: Any) -> None:
        self.requests = []
        client.meta.events.register("provide-client-params.dynamodb", self._keep)

    def _keep(self, params: Any, model: Any, **_: Any) -> None:
        if model.name in _WRITES:
            self.requests.append((_WRITES[model.name], dict(params)))


def renamed(value: Any, old: str, new: str) -> Any:
    """The same with another prefix before table names, wherever they stand."""
    match value:
        case str():
            return value.replace(old, new)
        case dict():
            return {renamed(name, old, new): renamed(each, old, new) for name, each in value.items()}
        case list() | tuple():
            return [renamed(each, old, new) for each in value]
        case _:
            return value


def send(client: Any, requests: list[Request]) -> None:
    for operation, params in requests:
        getattr(client, operation)(**params)


def figures(endpoint: str, rounds: int, size: int) -> Iterator[Figure]:
    """`size`: changes in a batch."""
    for links in (1, 4):
        yield from _figures(endpoint, rounds, size, links)
    yield _apart(endpoint, size)


def _figures(endpoint: str, rounds: int, size: int, links: int) -> list[Figure]:
    what = f"replicate, {links} link{'s' if links > 1 else ''}"
    cpu = Figure(f"{what}: CPU per change", "µs")
    calls = Figure(f"{what}: SDK calls per change", "calls")
    units = Figure(f"{what}: write units per change", "units", note=f"1 + {links}, at the wire")
    ring = Ring(endpoint, links)
    for number in range(rounds):
        asked = changes(number + 1 + 100 * links, size, max(1, size // 10), links)
        for name, (seconds, wire) in ring.round(number, asked).items():
            cpu.add(name, seconds / size * 1e6)
            calls.add(name, wire.calls.total() / size)
            units.add(name, wire.units / size)
    cpu.at_most(1 / 6, of=TEXTBOOK)
    cpu.at_most(1.6, of=FLOOR)
    if links == 1:
        calls.is_at_most(0.15)
    units.is_at_most(1 + links)
    return [cpu, calls, units]


def _apart(endpoint: str, size: int) -> Figure:
    """Every change in a measure of its own: what a batch reads is at its most."""
    figure = Figure("replicate, 1 link, each change in a measure of its own: SDK calls per change", "calls")
    asked = changes(900, size, size, 1)
    plan = Ring(endpoint, 1).plan(asked)
    figure.add(OURS, plan.wire.calls.total() / size)
    figure.is_at_most(0.15)
    return figure


@dataclass(frozen=True, slots=True)
class Plan:
    """What the product sends for a batch."""

    requests: list[Request]
    wire: Wire


class Ring:
    """The contenders, each with its tables."""

    def __init__(self, endpoint: str, links: int) -> None:
        self._endpoint, self._links = endpoint, links
        self._stages = {prefix: stage(endpoint, prefix) for prefix in (_OURS, _PLAN, _FLOOR, _BOOK, _ONCE, _ONES)}
        self._handlers = {
            prefix: {name: handler(self._stages[prefix], f"Replicate{name}") for name in ("Links", "Actuals")}
            for prefix in (_OURS, _PLAN, _FLOOR)
        }

    def round(self, number: int, asked: Changes) -> dict[str, tuple[float, Wire]]:
        """The CPU seconds of each contender for one batch, and what it sent."""
        for prefix in (_OURS, _FLOOR):
            self._seed(prefix, asked)
        plan, floor = self.plan(asked), client(self._endpoint)
        ours = partial(self._handlers[_OURS]["Actuals"], _event(self._stages[_OURS], asked))
        runs: dict[str, tuple[Callable[[], object], Wire]] = {
            OURS: (ours, plan.wire),
            FLOOR: (partial(send, floor, renamed(plan.requests, _PLAN, _FLOOR)), Wire(floor)),
            **self._rivals(asked),
        }
        done = in_turns(number, {name: partial(spent, work) for name, (work, _wire) in runs.items()})
        return {name: (done[name].cpu, runs[name][1]) for name in runs}

    def plan(self, asked: Changes) -> Plan:
        """What the product sends for this batch, from a run that is not timed."""
        self._seed(_PLAN, asked)
        cloud, spied = self._stages[_PLAN], make_client(self._endpoint)
        recorded, wire = Recorded(spied), Wire(spied)
        made = Engine(MODEL, DynamoStore(spied, cloud.tables), SystemClock(), frozenset(MODEL.lookups))
        patience = Patience(made.clock, made.clock.now() + 600)
        done = replicate(made, "actuals", cloud.tables["actuals"], _event(cloud, asked), patience)
        assert (done.failed, done.stale, done.changes) == (None, 0, len(asked.batch)), done
        return Plan(recorded.requests, wire)

    def rows(self, prefix: str) -> dict[str, Item]:
        """The new rows that a contender has, by id."""
        cloud = self._stages[prefix]
        pages = cloud.dynamodb.get_paginator("scan").paginate(TableName=cloud.tables["measure_data"])
        return {str(item["id"]["S"]): cast(Item, item) for page in pages for item in page["Items"]}

    def _seed(self, prefix: str, asked: Changes) -> None:
        """What was there before: taken in by the product itself."""
        cloud, stream = self._stages[prefix], Stream()
        for source, rows in (("links", asked.links), ("actuals", asked.before)):
            for some in chunks(rows, 1_000):
                records = [stream.record(cloud.tables[source], None, row) for row in some]
                answer = self._handlers[prefix][source.title()]({"Records": records})
                assert answer == {"batchItemFailures": []}, answer

    def _rivals(self, asked: Changes) -> dict[str, tuple[Callable[[], object], Wire]]:
        book, once, ones = (self._stages[prefix] for prefix in (_BOOK, _ONCE, _ONES))
        fill(book, "links", asked.links)
        textbook = Textbook(book.endpoint, book.tables["links"], book.tables["measure_data"])
        textbook.handler(_before(book, asked))
        rivals: dict[str, tuple[Callable[[], object], Wire]] = {
            TEXTBOOK: (partial(textbook.handler, _event(book, asked)), Wire(textbook.resource.meta.client))
        }
        if self._links > 1:
            return rivals
        fill(once, "links", asked.links)
        idempotent = Idempotent(once.endpoint, once.tables["links"], once.tables["measure_data"], _seen(once))
        wire = Wire(idempotent.resource.meta.client)
        wire.also(idempotent.client)
        rivals[IDEMPOTENCY] = (partial(idempotent.handler, _event(once, asked)), wire)
        ones_ = Transactional(ones.endpoint, ones.tables["index"], ones.tables["measure_data"])
        rivals[TRANSACTIONS] = (partial(ones_.handler, _transactions(ones_, asked)), Wire(ones_.client))
        return rivals


def _event(cloud: Cloud, asked: Changes) -> Any:
    stream = Stream(later=True)
    return {"Records": [stream.record(cloud.tables["actuals"], old, new) for old, new in asked.batch]}


def _before(cloud: Cloud, asked: Changes) -> Any:
    stream = Stream()
    return {"Records": [stream.record(cloud.tables["actuals"], None, row) for row in asked.before]}


def _transactions(ones: Transactional, asked: Changes) -> list[Any]:
    """Each change of the batch, worked out with the product's own mapping."""
    source, link = MODEL.sources["actuals"], MODEL.sources["links"]
    facts = {row["measure_id"]["S"]: {row["id"]["S"]: link.facts(link.read(row))} for row in asked.links}
    prepared = []
    for number, (old, new) in enumerate(asked.batch):
        row = new or old
        assert row is not None
        group = row["measure_id"]["S"]
        wanted = source.wanted(source.read(row), facts[group], None)
        entry = entry_key(Key(group, "actuals", row["id"]["S"])) | entry_attributes(f"{number:066}", new, 0)
        rows, gone = (list(wanted.values()), []) if new else ([], [key.id for key in wanted])
        prepared.append(ones.prepared(entry, rows, gone))
    return prepared


def _seen(cloud: Cloud) -> str:
    """The table of Powertools' idempotency."""
    name = f"{cloud.prefix}idempotency"
    with contextlib.suppress(cloud.dynamodb.exceptions.ResourceInUseException):
        cloud.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return name
