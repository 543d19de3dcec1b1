"""Batches of a stream: the deployed handler beside the textbook one, and beside the very same writes without a thought.

Every contender has tables of its own on one emulator, in the same state: the links, and the rows that the batch modifies
and removes. The old tables hold what the batch left, as they do when its records arrive. The floor's
requests are recorded from a run of the product on a further set of tables, and sent again with the names of the floor's own;
so it writes what the product writes, in batches of 25, and reads nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from benchmarks.expected import groups_of, key_of, new_rows
from benchmarks.measure import FLOOR, OURS, Figure, in_turns, spent
from benchmarks.rows import Changes, Stream, changes
from benchmarks.stage import change, chunks, client, fill, handler, place, stage
from benchmarks.textbook import Idempotent, Textbook, Transactional
from benchmarks.wire import Wire, listen
from local_cloud.cloud import Cloud
from measures.model import MODEL
from measures.old import Actual
from remodel.call import Place
from remodel.client import make_client
from remodel.index import member_key
from remodel.items import Item
from remodel.replicate import replicate
from remodel.store import INDEX_KEY

Request = tuple[str, dict[str, Any]]

TEXTBOOK, TRANSACTIONS, IDEMPOTENCY, FIRST = "textbook", "transactions", "textbook + idempotency", "first time"

_WRITES = {"UpdateItem": "update_item", "BatchWriteItem": "batch_write_item"}

AGAIN, NOTES = 0.5, 0.03
"""Of its CPU, what the same batch may take once more; write units a change that notes may take."""

# Prefixes are of one length, so that the requests that are sent again are as long as they were.
_OURS, _PLAN, _FLOOR, _BOOK, _ONCE, _ONES = "ours-", "plan-", "lows-", "book-", "once-", "ones-"


@dataclass(slots=True)
class Recorded:
    """What a client was asked to write."""

    requests: list[Request]

    def __init__(self, client: Any) -> None:
        self.requests = []
        listen(client, self._keep)

    def _keep(self, operation: str, request: Any) -> None:
        if operation in _WRITES:
            plain = {name: value for name, value in request.items() if name != "ReturnConsumedCapacity"}
            self.requests.append((_WRITES[operation], plain))


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
    yield from _apart(endpoint, size)


def _figures(endpoint: str, rounds: int, size: int, links: int) -> list[Figure]:
    what = f"replicate, {links} link{'s' if links > 1 else ''}"
    cpu = Figure(f"{what}: CPU per change", "µs")
    calls = Figure(f"{what}: SDK calls per change", "calls")
    units = Figure(f"{what}: write units per change", "units", note=f"{links}, and 1 more an insert, at the wire")
    reads = Figure(f"{what}: read units per change", "units")
    old = Figure(f"{what}: reads of the old tables per change", "reads", note="rows by key, and queries")
    again = Figure(f"{what}, the same batch again: CPU per change", "µs")
    written = Figure(f"{what}, the same batch again: write units per change", "units")
    ring = Ring(endpoint, links)
    for number in range(rounds):
        asked = changes(number + 1 + 100 * links, size, max(1, size // 10), links)
        done = ring.round(number, asked)
        for name, it in done.items():
            cpu.add(name, it.cpu / size * 1e6)
            calls.add(name, it.wire.calls.total() / size)
            units.add(name, it.wire.units / size)
            if name != FLOOR:
                reads.add(name, it.read_units / size)
                old.add(name, it.wire.reads_of(ring.old_tables) / size)
        again.add(OURS, ring.again(asked) / size * 1e6)
        again.add(FIRST, done[OURS].cpu / size * 1e6)
        written.add(OURS, ring.plan_again(asked).units / size)
    cpu.at_most(0.11, of=TEXTBOOK)
    cpu.at_most(1.4, of=FLOOR)
    if links == 1:
        calls.is_at_most(0.11)
        reads.is_at_most(4.0)
    units.is_at_most(links + 0.6 + NOTES)
    again.at_most(AGAIN, of=FIRST)
    written.is_at_most(0.01)
    return [cpu, calls, units, reads, old, again, written]


def _apart(endpoint: str, size: int) -> Iterator[Figure]:
    """Every change in a measure of its own: what a batch reads is at its most."""
    what = "replicate, 1 link, each change in a measure of its own"
    calls, reads = Figure(f"{what}: SDK calls per change", "calls"), Figure(f"{what}: read units per change", "units")
    plan = Ring(endpoint, 1).plan(changes(900, size, size, 1))
    calls.add(OURS, plan.wire.calls.total() / size)
    reads.add(OURS, plan.read_units / size)
    calls.is_at_most(0.15)
    reads.is_at_most(8.0)
    yield from (calls, reads)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the product sends for a batch."""

    requests: list[Request]
    wire: Wire
    read_units: float


@dataclass(frozen=True, slots=True)
class Run:
    """What a batch took: CPU seconds, what was sent, and read units."""

    cpu: float
    wire: Wire
    read_units: float


class Ring:
    """The contenders, each with its tables."""

    def __init__(self, endpoint: str, links: int) -> None:
        self._endpoint, self._links = endpoint, links
        self._stages = {prefix: stage(endpoint, prefix) for prefix in (_OURS, _PLAN, _FLOOR, _BOOK, _ONCE, _ONES)}
        self._handlers = {
            prefix: {name: handler(self._stages[prefix], f"Replicate{name}") for name in ("Links", "Actuals")}
            for prefix in (_OURS, _PLAN, _FLOOR)
        }

    @property
    def old_tables(self) -> set[str]:
        """The physical names of every contender's."""
        return {each.tables[name] for each in self._stages.values() for name in MODEL.old_tables}

    def round(self, number: int, asked: Changes) -> dict[str, Run]:
        """What each contender takes for one batch."""
        for prefix in (_OURS, _FLOOR):
            self._seed(prefix, asked)
        plan, floor = self.plan(asked), client(self._endpoint)
        runs: dict[str, tuple[Callable[[], object], Wire]] = {
            OURS: (self._ours(asked), plan.wire),
            FLOOR: (partial(send, floor, renamed(plan.requests, _PLAN, _FLOOR)), Wire(floor)),
            **self._rivals(asked),
        }
        done = in_turns(number, {name: partial(spent, work) for name, (work, _wire) in runs.items()})
        reads = {name: wire.least_read_units for name, (_work, wire) in runs.items()} | {OURS: plan.read_units}
        return {name: Run(done[name].cpu, runs[name][1], reads[name]) for name in runs}

    def again(self, asked: Changes) -> float:
        """The CPU seconds for a batch that is done already."""
        return spent(self._ours(asked)).cpu

    def _ours(self, asked: Changes) -> Callable[[], object]:
        return partial(self._handlers[_OURS]["Actuals"], _event(self._stages[_OURS], asked))

    def plan(self, asked: Changes) -> Plan:
        """What the product sends for this batch, from a run that is not timed."""
        self._seed(_PLAN, asked)
        spied = make_client(self._endpoint)
        recorded, wire = Recorded(spied), Wire(spied)
        made = place(self._stages[_PLAN], spied)
        self._replicate(made, asked)
        return Plan(recorded.requests, wire, made.store.spent().read_units)

    def plan_again(self, asked: Changes) -> Wire:
        """What it sends for a batch that is done already."""
        spied = make_client(self._endpoint)
        wire = Wire(spied)
        self._replicate(place(self._stages[_PLAN], spied), asked)
        return wire

    def _replicate(self, made: Place, asked: Changes) -> None:
        cloud = self._stages[_PLAN]
        done = replicate(made.call(600), "actuals", cloud.tables["actuals"], _event(cloud, asked))
        assert (done.failed, done.unreadable, done.rows) == (None, 0, len(asked.batch)), done

    def rows(self, prefix: str) -> dict[str, Item]:
        """The new rows that a contender has, by id."""
        cloud = self._stages[prefix]
        pages = cloud.dynamodb.get_paginator("scan").paginate(TableName=cloud.tables["measure_data"])
        return {str(item["id"]["S"]): cast(Item, item) for page in pages for item in page["Items"]}

    def _seed(self, prefix: str, asked: Changes) -> None:
        """What was there before, taken in by the product itself; then the batch happens to the old table."""
        cloud, stream = self._stages[prefix], Stream()
        for source, rows in (("links", asked.links), ("actuals", asked.before)):
            fill(cloud, source, rows)
            for some in chunks(rows, 1_000):
                records = [stream.record(cloud.tables[source], None, row) for row in some]
                answer = self._handlers[prefix][source.title()]({"Records": records})
                assert answer == {"batchItemFailures": []}, answer
        change(cloud, "actuals", asked.batch)

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
    links: dict[str, list[Item]] = {}
    for each in asked.links:
        links.setdefault(each["measure_id"]["S"], []).append(each)
    prepared = []
    for number, (old, new) in enumerate(asked.batch):
        row = new or old
        assert row is not None
        wanted = new_rows("actuals", row, links[row["measure_id"]["S"]])
        (group,) = groups_of("actuals", row)
        entry = INDEX_KEY.decode(member_key(group, Actual, key_of("actuals", row)).text)
        rows, gone = (list(wanted.values()), []) if new else ([], [key.text for key in wanted])
        prepared.append(ones.prepared({**entry, "version": {"S": f"{number:066}"}}, rows, gone))
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
