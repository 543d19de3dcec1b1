"""One run of a world under one schedule: calls as greenlets, a possible switch before every read or write of an item.

At the end, when all is drained, the new tables must equal what the old ones alone make expect, quarantine must hold exactly the
rows that are refused, and no note or fan-out may be open.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any, TypeVar

from greenlet import greenlet

from remodel.errors import Fenced, Unavailable
from remodel.fence import REQUEST
from remodel.items import Item
from remodel.store import QUARANTINE
from remodel_testing.simulation import verdict
from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.cutover import Cutover
from remodel_testing.simulation.parts import (
    Killed,
)
from remodel_testing.simulation.scene import Running, Scene, brief
from remodel_testing.simulation.tasks import (
    WALKED,
    BackfillTask,
    Body,
    End,
    RepairTask,
    ReplayTask,
    StalledTask,
    StreamTask,
    SweepTask,
    Task,
    WalkTask,
    WorkerTask,
)
from remodel_testing.simulation.world import World, small

T = TypeVar("T")

STEPS = 60_000
"""A run with more choices does not end: livelock."""

DIES, DIES_AFTER_A_WRITE = 0.04, 0.3
"""Chances that a call that is to go on is killed, or taken for lost, instead."""


class Run(Scene):
    """`tasks`: all that may call the engine. `problems`: what is wrong; empty where it ended well."""

    def __init__(self, world: World, chance: Chance, trace: bool = False) -> None:
        super().__init__(world, chance, trace)
        self._gaps, self._blind = world.gaps, world.blind
        self.changed, self.calls, self.records = 0, 0, 0
        self.needs_resync = self.rolled_back = False
        self.tasks = list(self._tasks())
        self.cutover = Cutover(self)

    def _tasks(self) -> Iterator[Task]:
        world = self.world
        used = {table for table, *_ in (*world.before, *world.changes, *world.late)} | world.filled
        live = [table for table in self.model.order if table in world.live & used]
        self.streams = [StreamTask(self, table, lane) for table in live for lane in range(world.lanes)]
        self.fills: list[BackfillTask] = []
        self.resyncs: list[BackfillTask] = []
        for table in live:
            before = list(self.fills) if world.ordered else []
            self.fills += [BackfillTask(self, table, n, before) for n in range(world.segments)]
        before = self.fills if world.ordered else []
        self.resyncs += [WalkTask(self, table, before) for table in WALKED]
        # The product compares everything in the end. Here only what neither a backfill nor the index can know: after a gap,
        # rows in no group; after a rollback, every row that the application itself has written.
        after = (*self.fills, *self.resyncs)
        self.resyncs += [RepairTask(self, table, f"resync {table}") for table in self._without_groups()]
        every = (*live, *self.model.new_tables, QUARANTINE) if world.cutovers else ()
        self.comparisons = [RepairTask(self, table, f"compare {table}", after) for table in every]
        for task in (*self.resyncs, *self.comparisons):
            task.done = True
        yield from self.streams
        yield from self.fills
        yield from self.resyncs
        yield from self.comparisons
        yield SweepTask(self, "sweep")
        if world.queue:
            yield WorkerTask(self)
        yield StalledTask(self, "stalled")
        for n in range(world.repairs):
            for table in (*live, *self.model.new_tables, QUARANTINE):
                yield RepairTask(self, table, f"repair {n} {table}")
        for n in range(world.replays):
            yield ReplayTask(self, f"replay {n}")

    def _without_groups(self) -> list[str]:
        """New tables with rows of old rows that are in no group: a deletion in a gap leaves no trace of them."""
        plans = self.model.plans
        rules = [rule for rule in self.model.mappings if not rule.keyed_by and not plans[rule.kind].receives]
        rules = [rule for rule in rules if all(join.by_key for join in plans[rule.kind].provides)]
        return list(dict.fromkeys(rule.table.name for rule in rules))

    # Choices

    def go(self) -> list[str]:
        """To the end; what is wrong then."""
        with small(self.world.small):
            while not self.problems:
                names = self.choices()
                if not names:
                    if self._wait():
                        continue
                    break
                self.take(self.chance.choose(names))
                if self.steps > STEPS:
                    self.problems.append(f"it does not end: {', '.join(names)}")
            self._end_all()
            return self.problems or verdict.problems(self)

    def choices(self) -> list[str]:
        now = self.clock.time
        self.astray = [each for each in self.astray if now - each.began <= REQUEST]
        names = [each.name for each in self.running if each.until <= now]
        names += [task.name for task in self.tasks if len(task.calls) < task.most and not task.held and task.has_work()]
        waits = self.cutover.is_set or self.cutover.pauses() or (self.world.patient and names)
        if self.changed < len(self.world.changes) and not waits:
            names.append("application")
        if self._gaps and not self.cutover.is_set and any(self._skippable()):
            names.append("gap")
        if self.needs_resync and not self.cutover.is_set:
            names.append("resync")
        if self.cutover.is_ready():
            names.append("cutover")
        if self.cutover.waits() and self.cutover.until > now:
            names.append("patience")
        if self.astray:
            names.append("landing")
        return names

    def _wait(self) -> bool:
        """Nothing can go on: the clock runs to the next moment at which something can. False where there is none."""
        moments = [each.until for each in self.running]
        moments += [self.cutover.until] if self.cutover.waits() else []
        if self.owners and self.world.life is not None:
            moments.append(self.clock.time + self.world.life + self.LATEST + 1)
        later = [moment for moment in moments if moment > self.clock.time]
        if later:
            self.clock.time = min(later)
        return bool(later)

    def take(self, name: str) -> None:
        self.steps += 1
        match name:
            case "application":
                self._change()
            case "gap":
                self._skip()
            case "resync":
                self._resync()
            case "cutover":
                self.cutover.go_on()
            case "patience":
                self.clock.time = self.cutover.until
            case "landing":
                self._land()
            case _:
                self._go_on(name)

    def _go_on(self, name: str) -> None:
        for each in self.running:
            if each.name == name:
                if not self._strikes(each):
                    self._switch(each)
                return
        task = next(each for each in self.tasks if each.name == name)
        self._switch(self._begin(task))

    def _begin(self, task: Task) -> Running:
        self.calls += 1
        body, seconds = task.begin(), self.world.seconds * 2 ** min(task.failures, 20)
        made = Running(f"{task.name} #{self.calls}", task, greenlet(lambda: None), self.clock.time)
        made.thread = greenlet(lambda: self._body(made, body, seconds))
        task.calls.append(made)
        self.running.append(made)
        return made

    def _body(self, running: Running, body: Body, seconds: float) -> None:
        try:
            running.value = body(self.place.call(seconds))
            running.end = End.DONE
        except Unavailable:
            running.end = End.FAILED
        except Fenced:
            running.end = End.FENCED
        except Killed:
            running.end = End.KILLED
        except Exception as problem:
            running.end = End.FAILED
            where = traceback.extract_tb(problem.__traceback__)[-1]
            self.problems.append(f"{running.name} raised {problem!r} at {where.filename}:{where.lineno}")

    def _switch(self, running: Running) -> None:
        self.current = running
        running.thread.switch()
        self.current = None
        if running.thread.dead:
            self._ended(running)

    def _ended(self, running: Running) -> None:
        assert running.end is not None
        self.running.remove(running)
        if running.end is not End.DONE:
            self.tell(f"{running.name} ends: {running.end.value}")
        if running.lost:
            return
        task = running.task
        task.calls.remove(running)
        if running.end is End.FENCED:
            task.held = True
        task.failures = task.failures + 1 if running.end is End.FAILED else task.failures
        task.ended(running, running.end)

    def _strikes(self, running: Running) -> bool:
        """Whether the call is killed here. One that is taken for lost goes on beside the call that replaces it."""
        chance, is_hit = self.chance, self._hit is running
        self._hit = None
        if self.world.life is not None and self.clock.time > running.began + self.world.life:
            self._kill(running)
            return True
        if not (self._kills or (self._overlaps and not running.lost)):
            return False
        if not chance.happens(DIES_AFTER_A_WRITE if is_hit else DIES):
            return False
        if self._kills and (running.lost or not self._overlaps or chance.happens(0.6)):
            self._kills -= 1
            if running.writing and chance.happens(0.5):
                self.tell(f"{running.name} is killed, its request lands")
                running.lands = True
                return False
            self._kill(running)
            return True
        if self._overlaps and not running.lost:
            self._overlaps -= 1
            self.tell(f"{running.name} is taken for lost")
            if self.world.cutovers:
                running.until = self.clock.time + self.chance.one_of((0.0, 4.0, 8.0, 12.0))
            running.lost = True
            running.task.calls.remove(running)
            running.task.ended(running, End.KILLED)
        return False

    def _kill(self, running: Running) -> None:
        self.tell(f"{running.name} is killed")
        running.thread.throw(Killed())
        running.end = End.KILLED
        self._ended(running)

    def _end_all(self) -> None:
        for each in list(self.running):
            each.thread.throw(Killed())
        self.running.clear()

    # What happens to the old tables and their streams

    def _change(self) -> None:
        table, text, item = self.world.changes[self.changed]
        self.changed += 1
        self.change(table, text, item)

    def change(self, table: str, text: str, item: Item | None) -> None:
        held = self.store.tables[table]
        old = held.items.get(text)
        if item is None:
            if old is not None:
                held.delete(text)
        else:
            held.put(item)
        new = held.items.get(text)
        if old == new:
            return
        record = self._record(table, old, new)
        self.tell(
            f"application {record['dynamodb']['SequenceNumber'][-3:]}: {table} {text} {brief(old)} -> {brief(new)}"
        )
        for stream in self.streams:
            if stream.takes(table, text):
                stream.records.append(record)

    def _record(self, table: str, old: Item | None, new: Item | None) -> Any:
        self.records += 1
        row = new or old
        assert row is not None
        body: dict[str, Any] = {
            "Keys": {name: row[name] for name in self.store.schema(table).names},
            "SequenceNumber": str(10**20 + self.records),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        body |= ({"OldImage": old} if old else {}) | ({"NewImage": new} if new else {})
        if self._blind and self.chance.happens(0.4):
            self._blind, self.needs_resync = self._blind - 1, True
            body.pop("OldImage", None)
            body.pop("NewImage", None)
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        arn = f"arn:aws:dynamodb:eu-central-1:1:table/{table}/stream/one"
        return {"eventName": name, "eventSourceARN": arn, "dynamodb": body}

    def _skippable(self) -> Iterator[StreamTask]:
        return (each for each in self.streams if each.has_work() and not each.calls)

    def _skip(self) -> None:
        """Records that the stream no longer has when its reader comes."""
        self._gaps -= 1
        stream = self.chance.one_of(list(self._skippable()))
        self.lose(stream, self.chance.number(1, 3))

    def lose(self, stream: StreamTask, count: int) -> None:
        stream.at = min(len(stream.records), stream.at + count)
        self.tell(f"{stream.name} has lost the records before its {stream.at}th")
        self.needs_resync = True

    def _resync(self) -> None:
        self.tell("resync begins")
        self.needs_resync = False
        self._forget_versions()
        for task in (*self.fills, *self.resyncs, *(self.comparisons if self.rolled_back else ())):
            task.start_again()
        self.rolled_back = False

    @property
    def drained(self) -> bool:
        tasks = (*self.streams, *self.fills, *self.resyncs, *self.comparisons)
        return not self.needs_resync and not any(each.calls or each.has_work() for each in tasks)
