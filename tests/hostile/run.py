"""Batches with hostile rows and neighbours, one after the other; after each the oracle says whether everybody's rows are there.

Where the batches go is a target: the engine over a store in memory, or the deployed functions' handlers over DynamoDB Local.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from measures.model import MODEL as MEASURES
from remodel.backfill import backfill
from remodel.converge import sweep
from remodel.errors import Rejected
from remodel.hints import Hint
from remodel.items import Item, same
from remodel.model import Model
from remodel.quarantine import held, replay
from remodel.reconcile import reconcile
from remodel.replicate import replicate
from remodel.resync import clear, resync
from remodel.segments import Segment
from remodel.store import INDEX, QUARANTINE
from shop.model import MODEL as SHOP
from tests.hostile.mischief import Measures, Mischief, Shop
from tests.hostile.values import Values
from tests.records import Record, Stream
from tests.still import memory_place

MODELS: Mapping[str, Model] = {"measures": MEASURES, "shop": SHOP}
MISCHIEF: Mapping[str, Callable[[Values], Mischief]] = {"measures": Measures, "shop": Shop}

COUNTED = {"ambiguous": "ambiguous_lookups"}
"""What an oracle and a report name differently."""

TOGETHER = 12
"""Hostile records of a batch; each has a neighbour in it."""

BATCHES = 8
"""Of a world, which begins empty."""


class Target(Protocol):
    def put(self, source: str, row: Item) -> Record | None:
        """The record of the change; None where DynamoDB refuses the row."""

    def remove(self, source: str, row: Item) -> Record | None: ...
    def unmade(self, source: str, row: Item) -> Record:
        """The record of a row that is not there."""

    def deliver(self, source: str, records: list[Any]) -> Any:
        """What the function answers."""

    def rows(self, table: str) -> dict[str, Item]:
        """By key text."""

    def again(self) -> Any:
        """What a comparison counts, after a backfill, a resync, a sweep and a replay of everything: they change nothing."""


class InMemory:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._place, self._store = memory_place(model)
        self._stream = Stream(model, {name: name for name in model.old_tables})

    def put(self, source: str, row: Item) -> Record | None:
        table = self._store.tables[source]
        before = dict(table.items)
        try:
            text = table.put(row)
        except Rejected:
            return None
        return self._stream.record(source, before.get(text), row)

    def remove(self, source: str, row: Item) -> Record | None:
        text = self._model.old_tables[source].schema.encode(row)
        old = self._store.tables[source].items.get(text)
        self._store.tables[source].delete(text)
        return self._stream.record(source, old, None) if old else None

    def unmade(self, source: str, row: Item) -> Record:
        return self._stream.record(source, None, row)

    def deliver(self, source: str, records: list[Any]) -> Any:
        return replicate(self._place.call(300.0), source, source, {"Records": records}).answer

    def rows(self, table: str) -> dict[str, Item]:
        return self._store.tables[table].items

    def again(self) -> Any:
        call = self._place.call(3_000.0)
        for source in self._model.order:
            backfill(call, Segment(source, 0, 1), float("inf"))
        for table in (INDEX, QUARANTINE):
            resync(call, Segment(table, 0, 1), float("inf"))
        sweep(call, 0.0)
        replay(call, [Hint(each.row) for each in held(call)])
        clear(call, self._model.order, Segment(INDEX, 0, 1), float("inf"), dry=True)
        report = reconcile(call, "full", repair=False)
        return {**report.counts, "drift": report.drift}


@dataclass
class Outcome:
    """`records`: hostile ones that were delivered. `blocked`: batches that were not done, with why. `late`: rows that were not
    as the oracle says when their batch was done. `neighbours`: rows that had to arrive."""

    records: int = 0
    neighbours: int = 0
    blocked: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.records += other.records
        self.neighbours += other.neighbours
        self.blocked += other.blocked
        self.late += other.late


class World:
    def __init__(self, target: Target, mischief: Mischief) -> None:
        self._target, self._mischief, self._values = target, mischief, mischief.values  # type: ignore[attr-defined]
        self._schemas = {name: table.schema for name, table in MODELS[mischief.model].old_tables.items()}
        self._hostile: dict[str, list[Item]] = defaultdict(list)
        self._neighbours: set[tuple[str, str]] = set()
        self.outcome = Outcome()

    def play(self, batches: int = BATCHES) -> Outcome:
        start = self._mischief.start()
        for source in self._mischief.sources:
            self._deliver(source, [self._settled(source, row) for its_source, row in start if its_source == source])
        for _ in range(batches):
            source = self._values.random.choice(self._mischief.sources)
            self._deliver(source, self._batch(source))
        try:
            self._look(self._target.again())
        except Exception as problem:
            self.outcome.blocked.append(f"afterwards: {type(problem).__name__}: {str(problem)[:200]}")
        return self.outcome

    def _look(self, counts: Any) -> None:
        """Whether nothing has changed, and a comparison counts as the oracle does."""
        late = wrong(self._target, self._mischief, self._neighbours)
        told = expected(self._target, self._mischief).counts | {"drift": 0}
        found = {name: counts.get(COUNTED.get(name, name), 0) for name in told}
        self.outcome.late += late if found == told else [*late, f"counted {found}, expected {told}"]

    def _batch(self, source: str) -> list[Any]:
        r, records = self._values.random, list[Any]()
        for _ in range(TOGETHER):
            group = r.choice(self._mischief.groups)
            records += [
                self._hostile_record(source, group),
                self._settled(source, self._mischief.neighbour(source, group)),
            ]
            self.outcome.records += 1
        r.shuffle(records)
        return records

    def _settled(self, source: str, row: Item) -> Record:
        record = self._target.put(source, row)
        assert record is not None, f"expected a row that DynamoDB takes for a neighbour, found {row}"
        self._neighbours.add((source, self._schemas[source].encode(row)))
        self.outcome.neighbours += 1
        return record

    def _hostile_record(self, source: str, group: str) -> Any:
        """A row that is made, changed or removed; or a record that tells of what is not there, or is none at all."""
        r, mine = self._values.random, self._hostile[source]
        if mine and self._values.chance(0.15):
            return self._target.remove(source, mine.pop(r.randrange(len(mine)))) or {}
        row = self._mischief.hostile(source, group)
        if mine and self._values.chance(0.15):  # the attacker changes a row that is there
            row |= {name: value for name, value in r.choice(mine).items() if name in self._schemas[source].names}
        if self._is_taken(source, row):
            return {}
        if self._values.chance(0.2):
            return self._values.damaged(self._target.unmade(source, self._mischief.neighbour(source, group)))
        record = self._target.put(source, row)
        if record is None:
            return self._target.unmade(source, row)
        mine.append(row)
        return record

    def _is_taken(self, source: str, row: Item) -> bool:
        """What a neighbour has in an old table is not the attacker's to change."""
        try:
            return (source, self._schemas[source].encode(row)) in self._neighbours
        except ValueError:
            return False

    def _deliver(self, source: str, records: list[Any]) -> None:
        try:
            answer = self._target.deliver(source, records)
        except Exception as problem:
            self.outcome.blocked.append(f"{source}: {type(problem).__name__}: {str(problem)[:200]}")
            return
        if answer != {"batchItemFailures": []}:
            self.outcome.blocked.append(f"{source}: {answer}")
        self.outcome.late += wrong(self._target, self._mischief, self._neighbours)


def expected(target: Target, mischief: Mischief) -> Any:
    return mischief.expected({name: list(target.rows(name).values()) for name in MODELS[mischief.model].old_tables})


def wrong(target: Target, mischief: Mischief, neighbours: set[tuple[str, str]]) -> list[str]:
    told = expected(target, mischief)
    found = [f"{key} is no row that has to arrive" for key in neighbours & told.quarantine]
    for table, rows in told.rows.items():
        stored = target.rows(table)
        found += [f"missing in {table}: {key!r:.300}" for key in rows.keys() - stored.keys()]
        found += [f"left in {table}: {key!r:.300}" for key in stored.keys() - rows.keys()]
        found += [
            f"different in {table}: {key!r:.300}"
            for key in rows.keys() & stored.keys()
            if not any(same(row, stored[key]) for row in rows[key])
        ]
    held = {(item["source"]["S"], item["row_id"]["S"]) for item in target.rows(QUARANTINE).values()}
    return found + [f"misfiled: {each!r:.300}" for each in held ^ told.quarantine]


def run(
    records: int,
    seed: str,
    target: Callable[[str], Target] | None = None,
    models: tuple[str, ...] = ("measures", "measures", "shop"),
) -> Outcome:
    """So many hostile records, in worlds of the models in turn."""
    total, n = Outcome(), 0
    while total.records < records:
        model = models[n % len(models)]
        mischief = MISCHIEF[model](Values(f"{seed}-{n}"))
        one = World(target(model) if target else InMemory(MODELS[model]), mischief).play()
        for problems in (one.blocked, one.late):
            problems[:] = [f"{model} {seed}-{n}: {each}" for each in problems]
        total.add(one)
        n += 1
    return total
