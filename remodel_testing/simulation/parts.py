"""What the engine meets in a simulation: a store that reports what lands, a clock that steps advance, and a queue."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from remodel.errors import Unanswered, Unavailable
from remodel.fanout import PENDING
from remodel.fence import FENCES
from remodel.items import Item, Wire
from remodel.keys import Key
from remodel.model import Model
from remodel.notes import OPEN
from remodel.store import GROUP, INDEX, INDEX_KEY, NAME, QUARANTINE, QUARANTINE_KEY, READS, Change, Page, Stream, Update
from remodel_testing.memory import Fault, MemoryStore, MemoryTable, never

T = TypeVar("T")


class Killed(BaseException):
    """What a call feels of SIGKILL."""


class Watcher(Protocol):
    """The run, as the store sees it."""

    def step(self, operation: str, key: Key | None) -> Fault | None: ...
    def is_stale(self, key: Key) -> bool: ...
    def begins(self, is_write: bool) -> None: ...
    def ends(self) -> None: ...
    def goes_astray(self, lands: Callable[[], object]) -> bool: ...
    def landed(self, key: Key, item: Item | None) -> None: ...
    def hides(self, note: str) -> bool: ...
    def in_any_order(self, things: Sequence[T]) -> Sequence[T]: ...


def tables_of(model: Model) -> dict[str, MemoryTable]:
    made = {name: MemoryTable(old.schema, view="NEW_AND_OLD_IMAGES") for name, old in model.old_tables.items()}
    for name, new in model.new_tables.items():
        attributes = tuple(each for index in new.indexes for each in index.attributes)
        ranges = frozenset(index.range for index in new.indexes if index.range)
        made[name] = MemoryTable(new.schema, attributes, ranges)
    return made | {INDEX: MemoryTable(INDEX_KEY), QUARANTINE: MemoryTable(QUARANTINE_KEY)}


class WatchedStore(MemoryStore):
    """Items of one request are read and written in any order, as DynamoDB does. `old_indexes`: a global secondary index says
    for ever what it said at the start."""

    def __init__(self, model: Model, run: Watcher, stale: bool, old_indexes: bool) -> None:
        super().__init__(tables_of(model), run.step, run.is_stale if stale else never)
        self._run, self._old_indexes = run, old_indexes
        self._then: dict[str, list[Item]] = {}

    def remember(self) -> None:
        self._then = {name: list(table.items.values()) for name, table in self.tables.items()}

    def get(self, keys: Sequence[Key], consistent: bool = True) -> tuple[dict[Key, Item], list[Key]]:
        """As the store's own, without a look at sizes and keys: every key was written once, or is checked when it is."""
        self._run.begins(False)
        assert 0 < len(keys) <= READS and len(set(keys)) == len(keys)
        found: dict[Key, Item] = {}
        left: list[Key] = []
        for key in sorted(keys):
            if self._unprocessed("get", key):
                left.append(key)
            elif (item := self._version(key, consistent)) is not None:
                found[key] = dict(item)
        return found, left

    def write(self, changes: Sequence[Change]) -> list[Change]:
        self._run.begins(True)
        ordered = self._run.in_any_order(sorted(changes, key=_key))
        if self._run.goes_astray(lambda: self._land(ordered)):
            raise Unanswered("no answer came")
        left = super().write(ordered)
        self._run.ends()
        return left

    def update(self, update: Update) -> Item | None:
        self._run.begins(True)
        if self._run.goes_astray(lambda: super(WatchedStore, self).update(update)):
            raise Unanswered("no answer came")
        made = super().update(update)
        self._run.ends()
        return made

    def _land(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._apply(change.key, self._kept(change))

    def query(self, group: str, prefix: str, start: str | None, limit: int) -> Page:
        self._run.begins(False)
        page = super().query(group, prefix, start, limit)
        if group != OPEN:
            return page
        return Page([item for item in page.items if not self._run.hides(item[NAME]["S"])], page.next)

    def find(self, table: str, index: str, attribute: str, value: Wire) -> list[Item]:
        self._run.begins(False)
        if not self._old_indexes:
            return super().find(table, index, attribute, value)
        self._begin("find", 1)
        return [item for item in self._then[table] if item.get(attribute) == value]

    def scan(self, table: str, segment: tuple[int, int], start: str | None, limit: int) -> Page:
        self._run.begins(False)
        return super().scan(table, segment, start, limit)

    def stream(self, table: str) -> Stream | None:
        self._run.begins(False)
        return super().stream(table)

    def together(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        if len(jobs) == 1:
            return super().together(jobs)
        order = self._run.in_any_order(range(len(jobs)))
        results = super().together([jobs[n] for n in order])
        return [results[order.index(n)] for n in range(len(jobs))]

    def _count_read(self, table: str, items: object, consistent: bool) -> None:
        """Nothing is metered here."""

    def _count_write(self, table: str, *items: object) -> None: ...

    def _apply(self, key: Key, item: Item | None) -> None:
        super()._apply(key, item)
        self._run.landed(key, item)


def _key(change: Change) -> Key:
    return change.key


def place_in_index(key: Key) -> tuple[str, str]:
    """The partition and the name of an item of the index."""
    item = INDEX_KEY.decode(key.text)
    return item[GROUP]["S"], item[NAME]["S"]


class StepClock:
    """`now` is what steps and waits have advanced. `wait`: what a sleeping call does."""

    START = 1_800_000_000.0

    def __init__(self, seed: object, wait: Callable[[float], None]) -> None:
        self.time = self.START
        self.jitter = random.Random(f"jitter {seed}").random
        self._wait = wait

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._wait(seconds)


class Messages:
    """A queue that delivers at least once: what is sent is there, also where the sender was told otherwise."""

    def __init__(self, step: Callable[[str, Key | None], Fault | None]) -> None:
        self.waiting: list[str] = []
        self._step = step

    def send(self, text: str) -> None:
        fault = self._step("send", None)
        if fault is None or fault is Fault.LOST:
            self.waiting.append(text)
        if fault is not None:
            raise Unavailable("a fault in send")


def is_fence(key: Key) -> bool:
    return key.table == INDEX and key.text.startswith(f"{len(FENCES)}:{FENCES}")


def is_note(key: Key) -> bool:
    return key.table == INDEX and key.text.startswith(f"{len(OPEN)}:{OPEN}")


def is_pending(key: Key) -> bool:
    return key.table == INDEX and key.text.startswith(f"{len(PENDING)}:{PENDING}")
