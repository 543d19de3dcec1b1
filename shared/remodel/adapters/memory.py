"""The store in memory: deterministic, and able to misbehave as DynamoDB does.

`pause` is called before every read or write of a single item, so that a scheduler may let others go first; `fault` may
answer for an item with AGAIN (unprocessed, or throttled with HTTP 200) or raise Unavailable (the request fails).
Kept equal to DynamoDB Local by one contract suite.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remodel.core.entry import GROUP, NAME
from remodel.core.errors import Rejected, TableNotFound
from remodel.core.record import KEY
from remodel.core.wire import Item
from remodel.ports import READS, WRITES, Condition, Guarded, Outcome, Page, Spent, Write

Handle = tuple[str, ...]


@dataclass
class Table:
    """Items by their key attributes' text."""

    key: tuple[str, ...] = (KEY,)
    view: str | None = None
    items: dict[Handle, Item] = field(default_factory=dict)

    def handle(self, item: Item) -> Handle:
        return tuple(item[name]["S"] for name in self.key)


def nothing(operation: str, table: str, handle: Handle) -> Outcome | None:
    """The hook that neither pauses nor faults."""
    return None


class MemoryStore:
    def __init__(
        self,
        tables: Mapping[str, Table],
        hook: Callable[[str, str, Handle], Outcome | None] = nothing,
        page: int = 1_000,
    ) -> None:
        self.tables = dict(tables)
        self.hook = hook
        self.page = page
        self._writes = self._turned_away = 0

    def get(self, table: str, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        self._limit(len(keys), READS)
        self._differ([self._table(table).handle(key) for key in keys])
        found, left = [], []
        for key in keys:
            handle = self._table(table).handle(key)
            if self.hook("get", table, handle) is Outcome.AGAIN:
                left.append(key)
            elif handle in self._table(table).items:
                found.append(dict(self._table(table).items[handle]))
        return found, left

    def write(self, writes: Sequence[Write]) -> list[Write]:
        self._limit(len(writes), WRITES)
        self._differ([each.key for each in writes])
        left = []
        for each in writes:
            if self.hook("write", each.key.table, (each.key.id,)) is Outcome.AGAIN:
                left.append(each)
                self._turned_away += 1
                continue
            self._writes += 1
            if each.item is None:
                self._table(each.key.table).items.pop((each.key.id,), None)
            else:
                self._table(each.key.table).items[(each.key.id,)] = dict(each.item)
        return left

    def spent(self) -> Spent:
        """A unit a write, whatever its size."""
        return Spent(float(self._writes), self._turned_away)

    def guard(self, writes: Sequence[Guarded]) -> list[Outcome]:
        self._limit(len(writes), WRITES)
        self._differ([self._table(each.table).handle(each.key) for each in writes])
        return [self._guard(each) for each in writes]

    def query(self, table: str, group: str, start: Item | None, prefix: str = "") -> Page:
        def fits(_handle: Handle, item: Item) -> bool:
            return bool(item[GROUP]["S"] == group and item[NAME]["S"].startswith(prefix))

        return self._paged(table, "query", fits, start, None)

    def find(self, table: str, index: str, attribute: str, value: str, start: Item | None) -> Page:
        return self._paged(table, "find", lambda _handle, it: it.get(attribute) == {"S": value}, start, None)

    def scan(self, table: str, segment: int, total: int, start: Item | None, limit: int | None = None) -> Page:
        return self._paged(table, "scan", lambda handle, _it: _segment(handle, total) == segment, start, limit)

    def stream_view(self, table: str) -> str | None:
        return self._table(table).view

    def _guard(self, each: Guarded) -> Outcome:
        table = self._table(each.table)
        handle = table.handle(each.key)
        fault = self.hook("guard", each.table, handle)
        if fault is not None:
            self._turned_away += 1
            return fault
        self._writes += 1
        old = table.items.get(handle)
        if each.attributes is None:
            if each.condition is not None and not _holds(each.condition, old):
                return Outcome.CONDITION_FAILED
            table.items.pop(handle, None)
        elif each.condition is None:
            if old is not None:
                return Outcome.CONDITION_FAILED
            table.items[handle] = {**each.key, **each.attributes}
        else:
            if not _holds(each.condition, old):
                return Outcome.CONDITION_FAILED
            kept = {name: value for name, value in (old or {}).items() if name not in each.drop}
            table.items[handle] = {**kept, **each.attributes}
        return Outcome.DONE

    def _paged(
        self, table: str, operation: str, fits: Callable[[Handle, Item], bool], start: Item | None, limit: int | None
    ) -> Page:
        self.hook(operation, table, ())
        matching = [handle for handle, item in self._table(table).items.items() if fits(handle, item)]
        after = self._table(table).handle(start) if start is not None else ()
        handles = sorted(handle for handle in matching if handle > after)
        size = min(limit or self.page, self.page)
        items = []
        for handle in handles[:size]:
            self.hook(operation, table, handle)
            if handle in self._table(table).items:
                items.append(dict(self._table(table).items[handle]))
        if len(handles) <= size:
            return Page(items, None)
        names = self._table(table).key
        return Page(items, {name: {"S": text} for name, text in zip(names, handles[size - 1], strict=True)})

    def _table(self, name: str) -> Table:
        if name not in self.tables:
            raise TableNotFound(f"expected table {name!r} to exist, found none")
        return self.tables[name]

    @staticmethod
    def _limit(count: int, most: int) -> None:
        if not 0 < count <= most:
            raise Rejected(f"ValidationException: expected 1 to {most} requests, found {count}")

    @staticmethod
    def _differ(keys: Sequence[Any]) -> None:
        if len(set(keys)) != len(keys):
            raise Rejected("ValidationException: expected different keys in one request")


def _segment(handle: Handle, total: int) -> int:
    return zlib.crc32("#".join(handle).encode()) % total


def _holds(condition: Condition, item: Item | None) -> bool:
    if item is None or condition.attribute not in item:
        return False
    ((_, stored),) = item[condition.attribute].items()
    ((kind, given),) = condition.value.items()
    if kind == "N":
        stored, given = int(stored), int(given)
    return bool(stored < given if condition.operator == "<" else stored == given)
