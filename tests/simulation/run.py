"""One run of a world under one schedule: calls as greenlets, a possible switch before every read or write of an item.

At the end, when all is drained, the new tables must equal what the old ones alone make expect, quarantine must hold exactly the
rows that are refused, and no note or fan-out may be open.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from remodel import converge, fence
from remodel.call import Place
from remodel.errors import Fenced, Unavailable
from remodel.fence import REQUEST
from remodel.hints import Hint, read_record
from remodel.items import Item
from remodel.keys import Key
from remodel.store import QUARANTINE
from runner.cutover import Flipped
from runner.world import NEW
from tests.memory import Fault
from tests.simulation import verdict
from tests.simulation.chance import Chance
from tests.simulation.cutover import Desk, played, resynced
from tests.simulation.parts import (
    Killed,
    Messages,
    StepClock,
    WatchedStore,
    is_note,
    is_pending,
    place_in_index,
)
from tests.simulation.tasks import (
    FOREVER,
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
from tests.simulation.world import World, model_of, small

T = TypeVar("T")

STEPS = 60_000
"""A run with more choices does not end: livelock."""

TROUBLED = 600
"""Choices after which no request fails by chance any more."""

DIES, DIES_AFTER_A_WRITE = 0.04, 0.3
"""Chances that a call that is to go on is killed, or taken for lost, instead."""


@dataclass(eq=False)
class Astray:
    """A request without an answer, which may be carried out later."""

    owner: Running
    began: float
    lands: Callable[[], object]


@dataclass(eq=False)
class Running:
    """A call. `until`: asleep. `lands`: it is killed, but its request is under way. `lost`: somebody else does its work."""

    name: str
    task: Task
    thread: greenlet
    began: float
    until: float = 0.0
    request: float = 0.0
    writing: bool = False
    lands: bool = False
    lost: bool = False
    operator: Any = None
    value: Any = None
    end: End | None = None


class Run:
    """`trace`: its story. `problems`: what is wrong; empty where it ended well."""

    LATEST = REQUEST

    def __init__(self, world: World, chance: Chance, trace: bool = False) -> None:
        self.world, self.chance = world, chance
        self.trace: list[str] | None = [] if trace else None
        self.model = model_of(world)
        self.problems: list[str] = []
        self.store = WatchedStore(self.model, self, world.stale > 0, world.old_indexes)
        self.clock = StepClock(0, self._sleep)
        self.queue = Messages(self.step)
        queue = self.queue if world.queue else None
        self.place = Place(self.model, self.store, self.clock, world.live, queue)
        self.main, self.current = getcurrent(), None
        self.running: list[Running] = []
        self.owners: dict[str, Running | None] = {}
        self.astray: list[Astray] = []
        self.pending: dict[str, tuple[int, int]] = {}
        self.changed, self.steps, self.calls, self.records = 0, 0, 0, 0
        self.needs_resync = self.rolled_back = self.fenced = self.owned = self.sweeping = False
        self.written: list[Hint] = []
        self.unnamed: list[str] = []
        self._kills, self._overlaps, self._rewinds, self._twins = (
            world.kills,
            world.overlaps,
            world.rewinds,
            world.twins,
        )
        self._outages, self._outage, self._gaps, self._blind = world.outages, 0, world.gaps, world.blind
        self._astray = world.astray
        self._rogues = world.rogues
        self._hit: Running | None = None
        self._late: Running | None = None
        for table, _, item in world.before:
            assert item is not None
            self.store.tables[table].put(item)
        self._forget_versions()
        self.store.remember()
        self.desk = Desk(self)
        self.tasks = list(self._tasks())

    current: Running | None

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
        # The product compares everything in the end. Here only what neither a backfill nor the index can know: after a gap, rows
        # in no group; after a rollback, every row that the application itself has written.
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
        if self.changed < len(self.world.changes) and (not self.pauses() or self._rogues):
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

    # What calls meet

    def step(self, operation: str, key: Key | None) -> Fault | None:
        running = self.current
        if running is None:
            return None
        self.clock.time += self.world.tick
        if self._is_interrupted(running, operation, key):
            self.main.switch()
        if self.clock.time - running.request > REQUEST and operation != "send":
            self._tell_step(running, operation, key, Fault.FAIL)
            return Fault.FAIL
        fault = None if running.lands else self._fault(operation)
        self._tell_step(running, operation, key, fault)
        return fault

    def _is_interrupted(self, running: Running, operation: str, key: Key | None) -> bool:
        if self._hit is running:
            return True
        if operation == "write" and key is not None and key.table in self.model.new_tables:
            return self.chance.falls_asleep(running.name) or self.chance.stops()
        return self.chance.stops()

    def _fault(self, operation: str) -> Fault | None:
        if self._outage:
            self._outage -= 1
            return Fault.UNPROCESSED if operation in ("write", "update") else None
        if not self.world.faults or self.steps > TROUBLED or not self.chance.happens(self.world.faults):
            return None
        if self._outages and self.chance.happens(0.5):
            self._outages, self._outage = self._outages - 1, 30
        if operation in ("get", "write") and self.chance.happens(0.6):
            return Fault.UNPROCESSED
        return self.chance.one_of((Fault.FAIL, Fault.LOST)) if operation != "get" else Fault.FAIL

    def _sleep(self, seconds: float) -> None:
        running = self.current
        if running is None:
            self.clock.time += seconds
            return
        running.until = self.clock.time + seconds
        self.main.switch()

    def begins(self, is_write: bool) -> None:
        running = self.current
        if running is not None:
            running.request, running.writing = self.clock.time, is_write

    def ends(self) -> None:
        running = self.current
        if running is not None:
            running.writing = False
            if running.lands:
                raise Killed

    def goes_astray(self, lands: Callable[[], object]) -> bool:
        """Whether no answer comes to this request, which may be carried out at any time within the limit of a request."""
        running = self.current
        if running is None or not self._astray or not self.chance.happens(0.1):
            return False
        self._astray -= 1
        self.tell(f"{running.name} gets no answer to its request")
        if self.chance.happens(0.8):
            self.astray.append(Astray(running, self.clock.time, lands))
        return True

    def _land(self) -> None:
        found = self.astray.pop(self.chance.number(0, len(self.astray) - 1))
        self.tell(f"a request of {found.owner.name} lands that had no answer")
        self._late = found.owner
        found.lands()
        self._late = None

    def _lives(self, owner: Running | None) -> bool:
        """Whether anything of a call may still be written."""
        return owner is not None and (owner.end is None or any(each.owner is owner for each in self.astray))

    def landed(self, key: Key, item: Item | None) -> None:
        running, owner = self.current, self.current or self._late
        if key.table in self.model.new_tables:
            if self.owned and owner is not None:
                self.problems.append(f"{owner.name} wrote {key}, which is the application's")
            if running is not None and self.chance.happens(0.4):
                self._hit = running
        elif key == fence.FENCE:
            self._fence(item is not None)
        elif is_note(key):
            name = place_in_index(key)[1]
            if item is None:
                self.owners.pop(name, None)
            else:
                self.owners.setdefault(name, owner)
        elif is_pending(key) and item is not None:
            name = place_in_index(key)[1]
            counters = int(item["requested"]["N"]), int(item.get("served", {"N": "0"})["N"])
            self.pending.pop(name, None)
            if counters[1] < counters[0]:
                self.pending[name] = counters

    def is_stale(self, key: Key) -> bool:
        return self.chance.happens(self.world.stale)

    def hides(self, note: str) -> bool:
        """The note of a call that lives: to a sweeper it is young."""
        looks = self.current is not None and (self.current.operator is None or self.sweeping)
        return self.world.life is None and looks and self._lives(self.owners.get(note))

    def in_any_order(self, things: Sequence[T]) -> Sequence[T]:
        return self.chance.shuffled(things) if len(things) > 1 and self.current is not None else things

    # What tasks ask

    def has_dead_notes(self) -> bool:
        if self.world.life is None:
            return any(not self._lives(owner) for owner in self.owners.values())
        oldest = self.clock.time - self.world.life - self.LATEST
        return any(int(name[:15]) // 1000 <= oldest for name in self.owners)

    def is_working(self, task: str) -> bool:
        return any(each.task.name == task for each in self.running)

    def may_rewind(self) -> bool:
        if self._rewinds and self.chance.happens(0.3):
            self._rewinds -= 1
            return True
        return False

    def may_twin(self, name: str) -> bool:
        return bool(self._twins)

    def stop_at(self) -> float:
        return self.clock.time if self.chance.happens(0.6) else FOREVER

    # What happens to the old tables and their streams

    def _change(self) -> None:
        table, text, item = self.world.changes[self.changed]
        self.changed += 1
        self._rogues -= self.pauses()
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
        hint = read_record(self.model, table, record).hint
        assert hint is not None
        self.written.append(hint)
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
        return (each for each in self.streams if each.is_behind() and not each.calls)

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

    def _forget_versions(self) -> None:
        """An eventually consistent read is late by seconds, not by the time that a gap takes."""
        for table in self.store.tables.values():
            table.previous.clear()

    # The cutover

    def operating(self) -> list[Running]:
        return [each for each in self.running if each.operator is not None]

    def pauses(self) -> bool:
        """Whether the application is to write nothing to the old tables."""
        return self.owned or any(each.operator.asks for each in self.operating())

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

    def _fence(self, is_set: bool) -> None:
        self.fenced = is_set
        self.tell(f"the fence is {'set' if is_set else 'lifted'}")
        for task in () if is_set else self.tasks:
            task.held = False

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
        verdict.carry_back(self)
        self.owned, self.desk.on = False, True
        for stream in self.streams:
            if stream.is_behind() and not stream.calls and self.chance.happens(0.5):
                self.lose(stream, len(stream.records))
        self.needs_resync = self.rolled_back = self.desk.must_resync

    # The story

    def tell(self, line: str) -> None:
        if self.trace is not None:
            self.trace.append(line)

    def _tell_step(self, running: Running, operation: str, key: Key | None, fault: Fault | None) -> None:
        if self.trace is not None:
            failing = f" {fault.value.upper()}" if fault else ""
            self.trace.append(f"{running.name}: {operation} {key.table if key else ''} {short(key)}{failing}")


def short(key: Key | None) -> str:
    return "" if key is None else key.text if len(key.text) < 90 else f"{key.text[:90]}…"


def brief(item: Item | None) -> str:
    if item is None:
        return "nothing"
    return " ".join(f"{name}={next(iter(value.values()))}" for name, value in item.items())


Factory = Callable[[World, Chance], Run]
