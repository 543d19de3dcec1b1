"""One run of a world under one scheduler: workers as greenlets, a switch before every read or write of an item.

Workers: the application; one consumer a stream; a backfill a segment; repairs and replays. A killed worker is started
again from its checkpoint or an earlier record. At the end, when all is drained, the new tables must equal what the old ones
alone make expect, and quarantine must hold exactly the rows that are refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from greenlet import getcurrent, greenlet

from measures import MODEL
from measures.lookups import user_group
from remodel.adapters.memory import Handle, MemoryStore
from remodel.core.compare import differing
from remodel.core.errors import Unavailable
from remodel.core.expect import expect
from remodel.core.model import NewKey
from remodel.core.record import KEY, Bad, side
from remodel.core.wire import Item
from remodel.flow.backfill import Segment, backfill
from remodel.flow.engine import Engine, Patience
from remodel.flow.fanout import work
from remodel.flow.recheck import last_good
from remodel.flow.reconcile import reconcile
from remodel.flow.replay import quarantined, replay
from remodel.flow.replicate import replicate
from remodel.flow.sync import sync
from remodel.ports import QUARANTINE, Fanout, Outcome, Page
from tests.records import Stream
from tests.rows import guid
from tests.simulation.world import MEASURES, USERS, Change, World, row_id
from tests.worlds import NAMES, StillClock, tables

STEPS = 400_000
"""A run that takes longer does not end: livelock. The longest of a million, one of bad luck with faults, took 108,550."""


FANOUT = "worker of large fan-outs"


class OldIndexes(MemoryStore):
    """A GSI may be late by any time: here it says for ever what it said at the start."""

    def remember(self) -> None:
        self._then = {name: dict(table.items) for name, table in self.tables.items()}

    def find(self, table: str, index: str, attribute: str, value: str, start: Item | None) -> Page:
        self.hook("find", table, ())
        return Page([item for item in self._then[table].values() if item.get(attribute) == {"S": value}], None)


@dataclass
class Messages:
    """A queue: what is sent is there, once whoever sends it lives to see it."""

    beyond: int
    pause: Callable[[], None]
    waiting: list[Fanout] = field(default_factory=list)

    def send(self, fanout: Fanout) -> None:
        self.pause()
        self.waiting.append(fanout)


class Killed(BaseException):
    """What a worker feels of SIGKILL."""


class Scheduler(Protocol):
    """Decides whatever is open: who goes on, who is killed, which request fails."""

    def choose(self, workers: list[str]) -> str: ...
    def strikes(self, worker: str) -> bool: ...
    def fault(self, operation: str) -> Outcome | None: ...
    def again(self) -> bool: ...
    def number(self, most: int) -> int: ...


class RandomScheduler:
    def __init__(self, seed: object, world: World) -> None:
        self._random, self._world = random.Random(f"schedule {seed}"), world
        self._kills, self._duplicates = world.kills, world.duplicates
        self._outages, self._outage = world.outages, 0

    def choose(self, workers: list[str]) -> str:
        return workers[int(self._random.random() * len(workers))]

    def strikes(self, worker: str) -> bool:
        if self._kills and worker != "application" and self._random.random() < 0.02:
            self._kills -= 1
            return True
        return False

    def fault(self, operation: str) -> Outcome | None:
        if self._outage:
            self._outage -= 1
            return Outcome.AGAIN if operation in ("write", "guard") else None
        if self._outages and self._random.random() < 0.01:
            self._outages -= 1
            self._outage = 40
        if not self._world.faults or self._random.random() > self._world.faults:
            return None
        if operation in ("get", "write", "guard") and self._random.random() < 0.7:
            return Outcome.AGAIN
        raise Unavailable("a fault")

    def again(self) -> bool:
        if self._duplicates and self._random.random() < 0.3:
            self._duplicates -= 1
            return True
        return False

    def number(self, most: int) -> int:
        return int(self._random.random() * (most + 1))


def fresh() -> Any:
    return hashlib.blake2b(digest_size=8)


@dataclass
class Worker:
    """`seen` fingerprints all that it has read: with deterministic code, that is all of its state."""

    name: str
    start: Callable[[], None]
    thread: greenlet | None = None
    seen: Any = field(default_factory=fresh)
    asks: str = "start"


class Run:
    """A world on its way. `trace` tells its story; `problems` is empty where it ended well."""

    def __init__(self, world: World, scheduler: Scheduler, trace: bool = False) -> None:
        self.world, self.scheduler = world, scheduler
        self.trace: list[str] | None = [] if trace else None
        self.steps = 0
        self.store = OldIndexes(tables(), self._hook, world.page)
        self.queue = Messages(world.beyond, self._pause) if world.beyond is not None else None
        self.engine = Engine(MODEL, self.store, StillClock(), frozenset(MODEL.lookups), queue=self.queue)
        self.stream = Stream(NAMES)
        self.records: dict[str, list[Any]] = {source: [] for source in MODEL.every}
        self.application_done = False
        self.read = dict.fromkeys(MODEL.every, 0)
        self.again: dict[str, list[Any]] = {source: [] for source in MODEL.every}
        self.changed = 0
        self.cursors: dict[str, Any] = {}
        self.main = getcurrent()
        self.workers = {worker.name: worker for worker in self._workers()}

    def _workers(self) -> Iterator[Worker]:
        for source, name, row in self.world.before:
            assert row is not None
            self.store.tables[source].items[row_id(source, name),] = row
        self.store.remember()
        yield Worker("application", self._application)
        for source in sorted({change[0] for change in self.world.changes}):
            yield Worker(f"stream of {source}", lambda source=source: self._consume(source))
        for source in sorted(
            {change[0] for change in (*self.world.before, *self.world.changes) if self._is_filled(change)}
        ):
            for n in range(self.world.segments):
                name = f"backfill of {source} {n}"
                yield Worker(name, lambda name=name, source=source, n=n: self._backfill(name, source, n))
        for n, (source, name) in enumerate(self.world.syncs):
            yield Worker(f"repair {n}", lambda source=source, name=name: self._repair(source, name))
        for n in range(self.world.replays):
            yield Worker(f"replay {n}", lambda: self._until_done(self._replay))
        if self.queue is not None:
            yield Worker(FANOUT, self._fan_out)
        for n in range(self.world.reconciles):
            yield Worker(f"reconciliation {n}", lambda: self._until_done(self._reconcile))

    def _is_filled(self, change: Change) -> bool:
        """Lookups are backfilled where they are empty, too: so that they are known to be complete."""
        return change in self.world.before or change[0] in MODEL.lookups

    def go(self) -> list[str]:
        """To the end; what is wrong then."""
        while self.workers:
            self.step(self.scheduler.choose(list(self.workers)))
            if self.steps > STEPS:
                return [f"it does not end: {', '.join(self.workers)}"]
        return self.finish()

    def finish(self) -> list[str]:
        """What a person would still do, once all is drained; then, what is wrong."""
        if self.world.before and not self.world.segments:
            self._final_backfill()
        return self.problems()

    def step(self, name: str) -> None:
        """Lets one worker do one read or write, or die of it."""
        self.steps += 1
        worker = self.workers[name]
        if worker.thread is None:
            worker.thread = greenlet(_mortal(worker.start))
            worker.asks = "start"
        elif self.scheduler.strikes(name):
            self._tell(f"{name} is killed")
            worker.thread.throw(Killed())
            worker.thread = None
            return
        worker.thread.switch()
        if worker.thread.dead:
            del self.workers[name]

    def _hook(self, operation: str, table: str, handle: Handle) -> Outcome | None:
        thread = getcurrent()
        if thread is self.main:
            return None
        self.main.switch()
        fault = self.scheduler.fault(operation)
        if self.trace is not None:
            self._tell(
                f"{self._name(thread)}: {operation} {table} {' '.join(map(_short, handle))}{' FAILS' if fault else ''}"
            )
        return fault

    def _name(self, thread: greenlet) -> str:
        return next(name for name, worker in self.workers.items() if worker.thread is thread)

    def _tell(self, line: str) -> None:
        if self.trace is not None:
            self.trace.append(line)

    def _pause(self) -> None:
        self.main.switch()

    def _idle(self, name: str) -> None:
        self.workers[name].asks = "idle"
        self.workers[name].seen = fresh()
        self._pause()

    def _application(self) -> None:
        for source, name, row in self.world.changes:
            self._pause()
            self.changed += 1
            items = self.store.tables[source].items
            old = items.get((row_id(source, name),))
            if old == row:
                continue
            if row is None:
                items.pop((row_id(source, name),), None)
            else:
                items[row_id(source, name),] = row
            self.records[source].append(self.stream.record(source, old, row))
            self._tell(f"application: {source} {name} {_brief(old)} -> {_brief(row)}")
        self.application_done = True

    def _consume(self, source: str) -> None:
        """`read`: the checkpoint, which survives a kill. Records before it may come once more, and out of order."""
        while True:
            self._idle(f"stream of {source}")
            self._deliver_again(source)
            at = self.read[source]
            records = self.records[source][at : at + 1 + self.scheduler.number(self.world.batch - 1)]
            if not records:
                if self.application_done and at == len(self.records[source]) and not self.again[source]:
                    return
                continue
            left = self._deliver(source, records)
            done = len(records) if left is None else left
            if done and self.scheduler.again():
                first = max(0, at - self.scheduler.number(2))
                self.again[source] = self.records[source][first : first + 1 + self.scheduler.number(1)]
            self.read[source] = at + done

    def _deliver_again(self, source: str) -> None:
        """A second delivery of earlier records. It too is only over when it is answered as done."""
        while records := self.again[source]:
            left = self._deliver(source, records)
            self.again[source] = [] if left is None else records[left:]

    def _deliver(self, source: str, records: list[Any]) -> int | None:
        """The place in the batch of the first record that is not done; None where all is done."""
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        self._tell(f"stream of {source}: receives {', '.join(number[-3:] for number in numbers)}")
        failed = replicate(self.engine, source, source, {"Records": records}, self._patience()).failed
        return None if failed is None else numbers.index(failed)

    def _backfill(self, name: str, source: str, n: int) -> None:
        while True:
            segment = Segment(source, n, self.world.segments, self.cursors.get(name))
            try:
                progress = backfill(self.engine, segment, 0, self._patience())
            except Unavailable:
                continue
            self.cursors[name] = progress.cursor
            if progress.done:
                return

    def _repair(self, source: str, name: str) -> None:
        groups = {user_group(user) for user in USERS} if source == "people" else set(MEASURES)
        self._until_done(lambda: sync(self.engine, source, row_id(source, name), groups, self._patience()))

    def _replay(self) -> None:
        replay(self.engine, quarantined(self.engine, self._patience()), self._patience())

    def _reconcile(self) -> None:
        """With more time than others have, since it waits between its looks."""
        reconcile(self.engine, "full", True, 0, Patience(self.engine.clock, self.engine.clock.now() + 60.0))

    def _fan_out(self) -> None:
        """A page a call, since the clock stands still; a message goes when it is done, and what is left comes before it."""
        assert self.queue is not None
        while True:
            self._idle(FANOUT)
            if not self.queue.waiting:
                if set(self.workers) == {FANOUT}:
                    return
                continue
            message = self.queue.waiting[0]
            try:
                left = work(self.engine, message, 0, self._patience())
            except Unavailable:
                continue
            if left is not None:
                self.queue.send(left)
            self.queue.waiting.remove(message)

    def _until_done(self, work: Callable[[], object]) -> None:
        """As whoever asked for it would: once more where it failed in passing."""
        self._pause()
        while True:
            try:
                work()
                return
            except Unavailable:
                continue

    def _patience(self) -> Patience:
        """Short: what fails a few times running is given up and answered, so that this happens too."""
        return Patience(self.engine.clock, self.engine.clock.now() + 1.0)

    def _final_backfill(self) -> None:
        self.engine = replace(self.engine, queue=None)
        for source in MODEL.every:
            assert backfill(self.engine, Segment(source, 0, 1), 9e9, self._patience()).done

    def problems(self) -> list[str]:
        old = {name: list(table.items.values()) for name, table in self.store.tables.items()}
        expectation = expect(MODEL, old, self._held(old))
        rows = expectation.rows
        found = {NewKey(t, id): row for t in MODEL.new_tables for (id,), row in self.store.tables[t].items.items()}
        problems = [f"missing {key}" for key in sorted(rows.keys() - found.keys())]
        problems += [f"orphaned {key}" for key in sorted(found.keys() - rows.keys())]
        for key in sorted(rows.keys() & found.keys()):
            problems += [f"different {key} {fields}" for fields in [differing(rows[key], found[key])] if fields]
        kept = {(source, row) for source, row in self.store.tables[QUARANTINE].items}
        problems += [f"misfiled {row}" for row in sorted(kept ^ expectation.refused.keys())]
        return problems

    def _held(self, old: dict[str, list[Any]]) -> dict[str, list[Any]]:
        held = {}
        for name, source in MODEL.sources.items():
            sides = {row[KEY]["S"]: side(row, row[KEY]["S"], source) for row in old[name]}
            refused = {id: row.group for id, row in sides.items() if isinstance(row, Bad)}
            held[name] = [row.item for row in last_good(self.engine, source, refused, self._patience()).values()]
        return held


def _mortal(start: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(Killed):
            start()

    return run


def _short(text: str) -> str:
    for source in ("links", "readings", "milestones", "people"):
        for n in range(3):
            text = text.replace(guid(f"{source}-{n}"), f"{source}-{n}")
    return text if len(text) < 30 else text[:8] + "…"


def _brief(row: Any) -> str:
    if row is None:
        return "nothing"
    named = {
        name: next(iter(row[name].values()))
        for name in ("measure_id", "tenant_id", "linked_at", "value", "created_by", "owner_id", "linked_user_id")
        if name in row
    }
    return " ".join(map(str, named.values())) + (" REFUSED" if row.get("created_at") == {"S": "bad"} else "")
