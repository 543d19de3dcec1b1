"""What calls meet in a run: switches, faults, answers that do not come, deaths, and what a sweeper may see.

The store, the clock, and the queue ask here before each step; the run that continues this class says who goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from remodel.call import Place
from remodel.fence import REQUEST
from remodel.items import Item
from remodel.keys import Key
from remodel_testing.memory import Fault
from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.parts import (
    Killed,
    Messages,
    StepClock,
    WatchedStore,
    is_fence,
    is_note,
    is_pending,
    place_in_index,
)
from remodel_testing.simulation.tasks import FOREVER, End, Task
from remodel_testing.simulation.world import World

T = TypeVar("T")

TROUBLED = 600
"""Choices after which no request fails by chance any more."""


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


class Scene:
    """`trace`: its story. `problems`: what is wrong; empty where it ended well. `owners`: of open notes, the call that wrote
    each. `pending`: fan-outs that are not served. `owned`: whether the application owns the new tables."""

    LATEST = REQUEST

    def __init__(self, world: World, chance: Chance, trace: bool) -> None:
        self.world, self.chance = world, chance
        self.trace: list[str] | None = [] if trace else None
        self.model = world.model
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
        self.steps = 0
        self.fences: set[Key] = set()
        self.owned = self.sweeping = False
        self._rewinds, self._twins = world.rewinds, world.twins
        self._outages, self._outage, self._astray = world.outages, 0, world.astray
        self._hit: Running | None = None
        self._late: Running | None = None
        for table, _, item in world.before:
            assert item is not None
            self.store.tables[table].put(item)
        self._forget_versions()
        self.store.remember()

    current: Running | None
    tasks: Sequence[Task]

    def _forget_versions(self) -> None:
        """An eventually consistent read is late by seconds, not by the time that a gap takes."""
        for table in self.store.tables.values():
            table.previous.clear()

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
        elif is_fence(key):
            self._fence(key, item is not None)
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

    def _fence(self, key: Key, is_set: bool) -> None:
        (self.fences.add if is_set else self.fences.discard)(key)
        self.tell(f"the fence is {'set' if is_set else 'lifted'}")
        for task in () if self.fences else self.tasks:
            task.held = False

    @property
    def fenced(self) -> bool:
        return bool(self.fences)

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
