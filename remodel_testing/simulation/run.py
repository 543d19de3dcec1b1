"""One run of a world under one schedule: calls as greenlets, a possible switch before every read or write of an item.

At the end, when all is drained, the new tables must equal what the old ones alone make expect, quarantine must hold exactly the
rows that are refused, and no note or fan-out may be open.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from greenlet import greenlet

from remodel import converge
from remodel.errors import Fenced, Unavailable
from remodel.fence import REQUEST
from remodel.hints import Hint
from remodel.store import QUARANTINE
from remodel_testing.simulation import verdict
from remodel_testing.simulation.application import Application
from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.cutover import Desk, played, resynced
from remodel_testing.simulation.parts import (
    Killed,
)
from remodel_testing.simulation.scene import Running
from remodel_testing.simulation.tasks import (
    WALKED,
    BackfillTask,
    Body,
    End,
    OperatorTask,
    RepairTask,
    ReplayTask,
    RollbackTask,
    StalledTask,
    StreamTask,
    SweepTask,
    Task,
    WalkTask,
    WorkerTask,
)
from remodel_testing.simulation.world import World, small
from runner.cutover import Flipped
from runner.world import NEW

STEPS = 60_000
"""A run with more choices does not end: livelock."""

DIES, DIES_AFTER_A_WRITE = 0.04, 0.3
"""Chances that a call that is to go on is killed, or taken for lost, instead."""


class Run(Application):
    """`go` takes it to its end, choice by choice."""

    def __init__(self, world: World, chance: Chance, trace: bool = False) -> None:
        super().__init__(world, chance, trace)
        self.calls = 0
        self.unnamed: list[str] = []
        self._kills, self._overlaps = world.kills, world.overlaps
        self.desk = Desk(self)
        self.tasks = list(self._tasks())

    def _tasks(self) -> Iterator[Task]:
        world = self.world
        used = {table for table, *_ in (*world.before, *world.changes, *world.late)} | world.filled
        live = [table for table in self.model.order if table in world.live & used]
        self.streams = [StreamTask(self, table, lane) for table in live for lane in range(world.lanes)]
        self.fills, self.resyncs = [], []
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
        if world.cutovers:
            self.operators = [OperatorTask(self, "operator"), OperatorTask(self, "second operator")]
            self.operators.append(RollbackTask(self, "rollback"))
            yield from self.operators

    def _without_groups(self) -> list[str]:
        """New tables with rows of old rows that are in no group: a deletion in a gap leaves no trace of them."""
        plans = self.model.plans
        rules = [rule for rule in self.model.mappings if not rule.keyed_by and not plans[rule.kind].receives]
        rules = [rule for rule in rules if all(join.by_key for join in plans[rule.kind].provides)]
        return list(dict.fromkeys(rule.table.name for rule in rules))

    # Choices

    def go(self) -> list[str]:
        """To the end; what is wrong then."""
        with small(self.world.small), played():
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
        waits = self.world.patient and names
        if self.changed < len(self.world.changes) and not waits and (not self.pauses() or self._rogues):
            names.append("application")
        if self._gaps and not self.fenced and any(self._skippable()):
            names.append("gap")
        if self.needs_resync and not self.fenced and not self.owned:
            names.append("resync")
        if self.fenced and any(each.until > now for each in self.operating()):
            names.append("patience")
        if self.astray:
            names.append("landing")
        return names

    def _wait(self) -> bool:
        """Nothing can go on: the clock runs to the next moment at which something can. False where there is none."""
        moments = [each.until for each in self.running]
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
            case "patience":
                self.clock.time = max(each.until for each in self.operating())
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
        made.operator = getattr(task, "operator", None)
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
            if running.operator is not None:
                running.operator.lost = True
            running.task.calls.remove(running)
            running.task.ended(running, End.KILLED)
        return False

    def _kill(self, running: Running) -> None:
        self.tell(f"{running.name} is killed")
        if running.operator is not None:
            running.operator.gone = True
        running.thread.throw(Killed())
        running.end = End.KILLED
        self._ended(running)

    def _end_all(self) -> None:
        for each in list(self.running):
            if each.operator is not None:
                each.operator.gone = True
            each.thread.throw(Killed())
        self.running.clear()

    # The cutover

    def is_open(self) -> bool:
        """The gate: all was copied, and compared after a rollback."""
        tasks = (*self.fills, *self.resyncs, *self.comparisons)
        if self.owned or self.needs_resync or any(each.calls or each.has_work() for each in tasks):
            return False
        resynced(self.desk)
        return True

    def is_behind(self) -> bool:
        return any(each.is_behind() for each in self.streams)

    def is_read(self) -> bool:
        return any(each.calls for each in self.streams)

    def sweep(self) -> None:
        life, self.sweeping = self.world.life, True
        try:
            converge.sweep(self.place.call(self.world.seconds), 0.0 if life is None else life + self.LATEST)
        finally:
            self.sweeping = False

    def told(self, told: str) -> None:
        if self.current is not None:
            self.tell(f"{self.current.name}: {told}")

    def flag_was_set(self, value: str, unread: list[Hint]) -> None:
        self.tell(f"the flag says {value}")
        if value != NEW:
            return
        self.owned = True
        self.unnamed = [f"{each.key.table} {each.key.text}" for each in unread]
        if not unread:
            wrong = verdict.problems(self, final=False)
            self.problems += [f"flipped over a difference: {each}" for each in wrong]

    def cut_over(self, done: Flipped) -> None:
        self.problems += [f"flipped, and did not name {each}" for each in self.unnamed if each not in done.late]
        self.unnamed = []

    def returned(self) -> None:
        """The application is back, what it has written was brought over, and replication is switched on again."""
        if self.owned:
            verdict.carry_back(self)
        self.owned, self.desk.on = False, True
        for stream in self.streams:
            if stream.is_behind() and not stream.calls and self.chance.happens(0.5):
                self.lose(stream, len(stream.records))
        self.needs_resync = self.rolled_back = self.desk.must_resync
