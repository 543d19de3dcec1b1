"""One call of a function: the model, the store, a clock, a deadline and a note, which travel together.

Everything that the engine reads or writes goes through here, and here alone requests are repeated. Independent requests run in
parallel. The one way to write new rows is `write_rows`; it checks the fence.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from remodel import fence
from remodel.errors import OutOfTime, Rejected, Unanswered, Unavailable
from remodel.items import Item, Wire
from remodel.joins import Group
from remodel.keys import Key
from remodel.model import Model
from remodel.store import INDEX, INDEX_KEY, NAME, READS, WRITES, Change, Page, Store, Update

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two attempts: the first pause, which doubles up to the longest."""

AT_ONCE = 8
"""Requests that are made in parallel."""

NOWHERE: frozenset[Key] = frozenset()


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None: ...

    def jitter(self) -> float:
        """A random number from 0 to 1."""


class Queue(Protocol):
    def send(self, text: str) -> None:
        """Wakes a worker up. Raises Unavailable and NotAllowed."""


@dataclass(frozen=True)
class Place:
    """What a process keeps from call to call. `live`: old tables whose streams are connected. `queue`: of pending fan-outs."""

    model: Model
    store: Store
    clock: Clock
    live: frozenset[str]
    queue: Queue | None = None

    def call(self, seconds: float) -> Call:
        """A call that ends within so many seconds."""
        now = self.clock.now()
        return Call(self, now + seconds, now + seconds / 2)


class _Written(NamedTuple):
    """What is left of a batch, and what DynamoDB refuses of it, with its reason."""

    left: list[Change]
    refused: list[tuple[Change, str]]


@dataclass
class Call:
    """`deadline`: seconds since the epoch, after which nothing is begun. `late`: when half of the time is over.
    `acknowledged`: memberships known to be stored. `complete`: old tables of which the index has every row.
    `may_land`: whether a request without an answer may still be carried out, after the call has ended."""

    place: Place
    deadline: float
    late: float = float("inf")
    acknowledged: set[tuple[Group, Key]] = field(default_factory=set)
    complete: dict[str, bool] = field(default_factory=dict)
    rows_written: int = 0
    may_land: bool = False
    _fence_read: float = float("-inf")

    @property
    def model(self) -> Model:
        return self.place.model

    @property
    def store(self) -> Store:
        return self.place.store

    def now(self) -> float:
        return self.place.clock.now()

    def is_late(self) -> bool:
        """Whether what can be handed over should be."""
        return self.now() >= self.late

    def check_time(self) -> None:
        """Raises OutOfTime."""
        if self.now() >= self.deadline:
            raise OutOfTime("expected to finish within the time of the call, found none left: call again")

    def read(self, keys: Iterable[Key], consistent: bool = True) -> dict[Key, Item]:
        """The items that exist. Raises Unavailable."""
        return self.read_as(lambda _, item: item, keys, consistent)

    def read_as(self, keep: Callable[[Key, Item], T], keys: Iterable[Key], consistent: bool = True) -> dict[Key, T]:
        """Of the items that exist, what is to be kept of each: there may be many, of 400 KB each. Raises Unavailable."""
        left, found = list(dict.fromkeys(keys)), dict[Key, T]()

        def attempt(chunk: list[Key]) -> tuple[dict[Key, T], list[Key]]:
            items, again = self.store.get(chunk, consistent)
            return {key: keep(key, item) for key, item in items.items()}, again

        for _ in self._attempts() if left else ():
            chunks = [left[n : n + READS] for n in range(0, len(left), READS)]
            answers = self._together(attempt, chunks)
            before, left = len(left), []
            for chunk, answer in zip(chunks, answers, strict=True):
                items, again = answer or ({}, chunk)
                found.update(items)
                left.extend(again)
            if not left:
                return found
            self._progress = len(left) < before
        return found

    def write_index(self, changes: Iterable[Change]) -> None:
        """Items of the index: keys only, never a new row. Raises Unavailable."""
        refused = self._write(list(changes), fenced=False)
        if refused:
            raise Rejected(f"expected the index to take every key, found one refused: {refused[0][1]}")

    def write_rows(
        self, changes: Mapping[Key, Item | None], unless_there: frozenset[Key] = NOWHERE
    ) -> list[tuple[Key, str]]:
        """The one port that writes new rows and rows of quarantine. Answers the keys that DynamoDB refuses, with its reason.
        `unless_there`: of these, the puts that must not overwrite a row.

        Raises Fenced where the application owns the new tables, and Unavailable; also where such a row is there.
        """
        refused = self._write(
            [Change(key, item) for key, item in changes.items() if key not in unless_there], fenced=True
        )
        first = [Change(key, changes[key]) for key in sorted(unless_there)]
        refused += itertools.chain(*self.all([partial(self._write_first, change) for change in first]))
        self.rows_written += len(changes) - len(refused)
        return [(change.key, reason) for change, reason in refused]

    def check_fence(self) -> None:
        """Raises Fenced where no new row may be written. What was read less than CHECK seconds ago is not read again."""
        now = self.now()
        if now - self._fence_read < fence.CHECK:
            return
        if since := self.fenced_since():
            fence.raise_fenced(since)
        # The moment before the reading counts: the fence may have been set right after it was read.
        self._fence_read = now

    def update(self, update: Update) -> Item | None:
        """The item after the update; None where its condition did not hold. Raises Unavailable."""
        return self._until(lambda: self.store.update(update))

    def query(self, group: str, prefix: str, start: str | None = None, limit: int = 1_000) -> Page:
        return self._until(lambda: self.store.query(group, prefix, start, limit))

    def items(self, group: str, prefix: str = "") -> Iterator[Item]:
        """All items of one partition of the index, page by page."""
        start: str | None = None
        while True:
            page = self.query(group, prefix, start)
            yield from page.items
            if page.next is None:
                return
            start = page.next

    def scan(self, table: str, segment: tuple[int, int], start: str | None, limit: int) -> Page:
        return self._until(lambda: self.store.scan(table, segment, start, limit))

    def find(self, table: str, index: str, attribute: str, value: Wire) -> list[Item]:
        """What a global secondary index has for a value; eventually consistent."""
        return self._until(lambda: self.store.find(table, index, attribute, value))

    def all(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Independent requests, in parallel. Raises the first error."""
        results: list[T] = []
        for n in range(0, len(jobs), AT_ONCE):
            self.check_time()
            results += self.store.together(jobs[n : n + AT_ONCE])
        return results

    def fenced_since(self) -> str:
        """When the fence that stands now was set, ISO 8601; empty where it is not set. Raises Unavailable."""
        return max(self._fences(), default="")

    def _fences(self) -> list[str]:
        return [item[NAME]["S"] for item in self.items(fence.FENCES)]

    def set_fence(self, since: str) -> None:
        """From BOUND seconds after this on, no call writes a new row. Raises Unavailable."""
        key = fence.fence(since)
        self.write_index([Change(key, INDEX_KEY.decode(key.text))])

    def lift_fence(self, since: str) -> None:
        """One that was set later stays. Raises Unavailable."""
        self.write_index([Change(fence.fence(name), None) for name in self._fences() if name <= since])

    def _write(self, changes: list[Change], fenced: bool) -> list[tuple[Change, str]]:
        left, refused = changes, list[tuple[Change, str]]()
        for _ in self._attempts() if changes else ():
            again: list[Change] = []
            batches = [left[n : n + WRITES] for n in range(0, len(left), WRITES)]
            for n in range(0, len(batches), AT_ONCE):
                if fenced:
                    self.check_fence()  # once, before several threads would
                wave = batches[n : n + AT_ONCE]
                for batch, answer in zip(wave, self._together(partial(self._write_batch, fenced), wave), strict=True):
                    again += batch if answer is None else answer.left
                    refused += answer.refused if answer else []
            self._progress = len(again) < len(left)
            left = again
            if not left:
                break
        return refused

    def _write_batch(self, fenced: bool, batch: list[Change]) -> _Written:
        """One request; where DynamoDB refuses it, halves of it, until the change that it refuses stands alone."""
        if fenced:
            self.check_fence()
        try:
            return _Written(self._answered(lambda: self.store.write(batch)), [])
        except Rejected as problem:
            if len(batch) == 1:
                return _Written([], [(batch[0], str(problem))])
            half = len(batch) // 2
            one, other = self._write_batch(fenced, batch[:half]), self._write_batch(fenced, batch[half:])
            return _Written(one.left + other.left, one.refused + other.refused)

    def _write_first(self, change: Change) -> list[tuple[Change, str]]:
        """A put where no row is yet. Answers what DynamoDB refuses."""
        names = self.store.schema(change.key.table).names
        put = {name: value for name, value in (change.item or {}).items() if name not in names}

        def attempt() -> Item | None:
            self.check_fence()
            return self._answered(lambda: self.store.update(Update(change.key, put=put, new=True)))

        try:
            made = self._until(attempt)
        except Rejected as problem:
            return [(change, str(problem))]
        if made is None:
            raise Unavailable(
                "expected no row under a key that others may claim, found one that was just written: read it first"
            )
        return []

    def _answered(self, request: Callable[[], T]) -> T:
        try:
            return request()
        except Unanswered:
            self.may_land = True
            raise

    _progress: bool = False
    _problem: Exception | None = None

    def _together(self, attempt: Callable[[list[T]], R], chunks: Sequence[list[T]]) -> list[R | None]:
        """None for a request that failed temporarily."""

        def tried(chunk: list[T]) -> R | None:
            try:
                return attempt(chunk)
            except Unavailable as problem:
                self._problem = problem
                return None

        results: list[R | None] = []
        for n in range(0, len(chunks), AT_ONCE):
            results += self.store.together([lambda chunk=chunk: tried(chunk) for chunk in chunks[n : n + AT_ONCE]])  # type: ignore[misc]
        return results

    def _until(self, request: Callable[[], T]) -> T:
        for _ in self._attempts():
            try:
                return request()
            except OutOfTime:
                raise
            except Unavailable as problem:
                self._problem, self._progress = problem, False
        raise AssertionError("attempts end by an error")

    def _attempts(self) -> Iterator[int]:
        """Attempts with a pause between them, until the deadline. Raises Unavailable with the last problem."""
        pause, attempt = FIRST_PAUSE, 0
        while True:
            if self.now() >= self.deadline:
                raise OutOfTime(
                    f"expected DynamoDB to answer within the time of the call: {self._problem or 'no time left'}"
                )
            yield attempt
            attempt += 1
            if not self._progress:
                clock = self.place.clock
                clock.sleep(min(pause * (0.5 + clock.jitter()), max(0.0, self.deadline - self.now())))
                pause = min(pause * 2, LONGEST_PAUSE)


R = TypeVar("R")


def index_key(group: str, name: str) -> Key:
    """The key of an item of the index."""
    return Key(INDEX, INDEX_KEY.of_texts(group, name))


def when(seconds: float) -> str:
    """A time as people and items have it: `2026-11-26T08:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
