"""A store in memory: deterministic, with DynamoDB's limits, and able to misbehave as DynamoDB does.

`hook` is called before each read or write of a single item, and once, without a key, before a query, find, or scan
chooses the keys of a page. A scheduler of greenlets switches there, so other code runs between two items of one request.
The hook may answer with a `Fault`. The contract suite keeps this store equal to DynamoDB Local.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from math import ceil
from typing import TypeVar

from remodel.errors import TableNotFound, Unavailable
from remodel.items import Item, Wire, same, size
from remodel.keys import Key, KeySchema
from remodel.store import GROUP, INDEX, INDEX_KEY, NAME, READS, WRITES, Change, Page, Spent, Stream, Update
from remodel_testing import limits
from remodel_testing.limits import rejected

T = TypeVar("T")


class Fault(Enum):
    UNPROCESSED = "unprocessed"
    """This item is not processed. A request for one item or for a page raises Unavailable."""

    FAIL = "fail"
    """The request raises Unavailable here; items before this one stay written."""

    LOST = "lost"
    """The request is carried out to its end, and then raises Unavailable: a timeout whose effect lands."""


@dataclass
class MemoryTable:
    """`indexes`: the typed key attributes of its indexes; `ranges`: those that are sort keys. `previous`: each item's
    version before the last write, None where it did not exist; stale reads answer it."""

    schema: KeySchema
    indexes: tuple[tuple[str, str], ...] = ()
    ranges: frozenset[str] = frozenset()
    view: str | None = None
    items: dict[str, Item] = field(default_factory=dict)
    previous: dict[str, Item | None] = field(default_factory=dict)

    def put(self, item: Item) -> str:
        """Store an item as DynamoDB would, without hook and count. Returns its key's text; raises Rejected."""
        text, kept = limits.checked_key(self.schema, item), limits.stored(item)
        limits.check_index_keys(kept, self.indexes, self.ranges)
        self.apply(text, kept)
        return text

    def delete(self, text: str) -> None:
        self.apply(text, None)

    def apply(self, text: str, item: Item | None) -> None:
        self.previous[text] = self.items.pop(text, None)
        if item is not None:
            self.items[text] = item

    def versions(self, text: str) -> tuple[Item | None, Item | None]:
        """The item now, and what a stale read answers."""
        now = self.items.get(text)
        return now, self.previous.get(text, now)


Hook = Callable[[str, Key | None], Fault | None]


def nothing(operation: str, key: Key | None) -> Fault | None:
    """The hook that neither switches nor faults."""
    return None


def never(key: Key) -> bool:
    """No read is stale."""
    return False


class MemoryStore:
    """`stale`: asked for each item of an eventually consistent read, whether the read misses the last write.

    `requests` counts by operation, `reads` and `writes` count items by table. Units are those of the tables, without
    their indexes."""

    def __init__(
        self, tables: Mapping[str, MemoryTable], hook: Hook = nothing, stale: Callable[[Key], bool] = never
    ) -> None:
        self.tables, self.hook, self.stale = dict(tables), hook, stale
        self.requests, self.reads, self.writes = Counter[str](), Counter[str](), Counter[str]()
        self.write_units, self.read_units, self.throttled = 0.0, 0.0, 0

    def schema(self, table: str) -> KeySchema:
        return self._table(table).schema

    def get(self, keys: Sequence[Key], consistent: bool = True) -> tuple[dict[Key, Item], list[Key]]:
        self.requests["get"] += 1
        limits.check_batch([self._canonical(key) for key in keys], READS)
        found: dict[Key, Item] = {}
        left: list[Key] = []
        room = limits.RESPONSE
        for key in keys:
            if self._unprocessed("get", key) or room < 0:
                left.append(key)
                continue
            item = self._version(key, consistent)
            room -= size(item) if item else 0
            if room < 0:
                left.append(key)
                continue
            self._count_read(key.table, [item], consistent)
            if item is not None:
                found[key] = dict(item)
        return found, left

    def write(self, changes: Sequence[Change]) -> list[Change]:
        self.requests["write"] += 1
        limits.check_batch([self._canonical(change.key) for change in changes], WRITES)
        kept = [self._kept(change) for change in changes]
        limits.check_request([item for item in kept if item is not None])
        left, lost = [], False
        for change, item in zip(changes, kept, strict=True):
            fault = self.hook("write", change.key)
            if fault is Fault.FAIL:
                raise _fault("write")
            if fault is Fault.UNPROCESSED:
                left.append(change)
                self.throttled += 1
                continue
            lost = lost or fault is Fault.LOST
            self._apply(change.key, item)
        if lost:
            raise _fault("write")
        return left

    def update(self, update: Update) -> Item | None:
        self.requests["update"] += 1
        key, table = self._canonical(update.key), self._table(update.key.table)
        limits.check_update(update, table.schema)
        fault = self.hook("update", key)
        if fault is not None and fault is not Fault.LOST:
            raise _fault("update")
        before = table.items.get(key.text)
        made = None
        if limits.holds(update, before):
            made = limits.stored({**(before or table.schema.decode(key.text)), **_updated(update, before or {})})
            limits.check_index_keys(made, table.indexes, table.ranges)
            self._apply(key, made)
        else:
            self._count_write(key.table, before)
        if fault is not None:
            raise _fault("update")
        return dict(made) if made is not None else None

    def query(self, group: str, prefix: str, start: str | None, limit: int) -> Page:
        self._begin("query", limit)
        limits.checked_key(INDEX_KEY, {GROUP: {"S": group}, NAME: {"S": prefix or "any"}})
        if start is not None and (not start or not start.startswith(prefix)):
            raise rejected("The provided starting key does not match the range key predicate")
        names = [
            (item[NAME]["S"], text)
            for text, item in self._table(INDEX).items.items()
            if item[GROUP]["S"] == group and item[NAME]["S"].startswith(prefix) and item[NAME]["S"] > (start or "")
        ]
        page = self._page("query", INDEX, [text for _, text in sorted(names)], limit)
        return page if page.next is None else Page(page.items, INDEX_KEY.decode(page.next)[NAME]["S"])

    def find(self, table: str, index: str, attribute: str, value: Wire) -> list[Item]:
        held = self._table(table)
        limits.check_index_keys({attribute: value}, held.indexes, ())
        found: list[Item] = []
        after = ""
        while True:
            self._begin("find", 1)
            texts = sorted(text for text in self._candidates(held) if text > after)
            matching = [text for text in texts if any(_has(each, attribute, value) for each in held.versions(text))]
            page = self._page("find", table, matching, len(matching) + 1)
            found += [item for item in page.items if _has(item, attribute, value)]
            if page.next is None:
                return found
            after = page.next

    def scan(self, table: str, segment: tuple[int, int], start: str | None, limit: int) -> Page:
        self._begin("scan", limit)
        held, (number, total) = self._table(table), segment
        if not 0 <= number < total:
            raise rejected(f"Value '{number}' at 'segment' failed to satisfy constraint")
        places = {text: _place(held.schema, text) for text in self._candidates(held)}
        after = None
        if start is not None:
            after = _place(held.schema, self._canonical(Key(table, start)).text)
            if _segment(after, total) != number:
                raise rejected("Exclusive start key must lie within the segment")
        texts = [
            text
            for text, place in sorted(places.items(), key=lambda each: each[1])
            if _segment(place, total) == number and (after is None or place > after)
        ]
        return self._page("scan", table, texts, limit)

    def stream(self, table: str) -> Stream | None:
        self._begin("stream", 1)
        view = self._table(table).view
        return Stream(view, "1") if view else None

    def spent(self) -> Spent:
        return Spent(self.write_units, self.read_units, self.requests.total(), self.throttled)

    def together(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """One job after the other, in order."""
        results: list[T] = []
        errors: list[Exception] = []
        for job in jobs:
            try:
                results.append(job())
            except Exception as problem:
                errors.append(problem)
        if errors:
            raise errors[0]
        return results

    def _page(self, operation: str, table: str, texts: Sequence[str], limit: int) -> Page:
        """The keys are chosen already; each item is as it is when its turn comes. A page that ends at a limit has a `next`
        also where nothing follows, as on DynamoDB."""
        consistent, seen = operation == "query", []
        room, after = limits.PAGE, None
        for text in texts[:limit]:
            if self._unprocessed(operation, Key(table, text)):
                raise _fault(operation)
            item = self._version(Key(table, text), consistent)
            if item is not None:
                seen.append(dict(item))
                room -= size(item)
            if room <= 0 or len(texts[:limit]) == limit:
                after = text
            if room <= 0:
                break
        self._count_read(table, seen, consistent)
        return Page(list(seen), after)

    def _candidates(self, table: MemoryTable) -> set[str]:
        """The keys that an eventually consistent page may meet: also deleted ones, where reads can be stale."""
        gone = () if self.stale is never else (text for text, before in table.previous.items() if before is not None)
        return {*table.items, *gone}

    def _begin(self, operation: str, limit: int) -> None:
        self.requests[operation] += 1
        if limit < 1:
            raise rejected("Limit must be greater than or equal to 1")
        if self.hook(operation, None) is not None:
            raise _fault(operation)

    def _unprocessed(self, operation: str, key: Key) -> bool:
        fault = self.hook(operation, key)
        if fault in (Fault.FAIL, Fault.LOST):
            raise _fault(operation)
        self.throttled += fault is not None
        return fault is not None

    def _version(self, key: Key, consistent: bool) -> Item | None:
        now, before = self._table(key.table).versions(key.text)
        return before if not consistent and self.stale(key) else now

    def _kept(self, change: Change) -> Item | None:
        if change.item is None:
            return None
        table = self._table(change.key.table)
        kept = limits.stored(change.item)
        text = limits.checked_key(table.schema, kept)
        assert text == change.key.text, f"expected an item with the key of its change, found {text!r} for {change.key}"
        limits.check_index_keys(kept, table.indexes, table.ranges)
        return kept

    def _apply(self, key: Key, item: Item | None) -> None:
        table = self._table(key.table)
        self._count_write(key.table, table.items.get(key.text), item)
        table.apply(key.text, item)

    def _count_write(self, table: str, *items: Item | None) -> None:
        self.writes[table] += 1
        self.write_units += max(1, *(ceil(size(item) / 1024) for item in items if item is not None), 1)

    def _count_read(self, table: str, items: Iterable[Item | None], consistent: bool) -> None:
        read = list(items)
        if read:
            self.reads[table] += len(read)
        units = max(1, ceil(sum(size(item) for item in read if item is not None) / 4096))
        self.read_units += units if consistent else units / 2

    def _canonical(self, key: Key) -> Key:
        table = self._table(key.table)
        return key if key.text in table.items else Key(key.table, limits.canonical_key(table.schema, key.text))

    def _table(self, name: str) -> MemoryTable:
        if name not in self.tables:
            raise TableNotFound(f"expected one of the tables {', '.join(sorted(self.tables))}, found {name!r}")
        return self.tables[name]


def _fault(operation: str) -> Unavailable:
    return Unavailable(f"a fault in {operation}")


def _updated(update: Update, before: Item) -> Item:
    return {**{name: limits.added(before.get(name), value) for name, value in update.add.items()}, **update.put}


def _has(item: Item | None, attribute: str, value: Wire) -> bool:
    found = item.get(attribute) if item is not None else None
    return found is not None and (found == value or ("N" in value and same({"it": found}, {"it": value})))


Place = tuple[int, str, Decimal | bytes | str]


def _place(schema: KeySchema, text: str) -> Place:
    """Where a scan meets an item: by a hash of the partition key, then by the sort key."""
    (hash, hash_kind), *others = schema.attributes
    values = schema.decode(text)
    partition = str(values[hash][hash_kind])
    order: Decimal | bytes | str = ""
    for name, kind in others:
        found = values[name][kind]
        order = Decimal(found) if kind == "N" else found
    return zlib.crc32(partition.encode()), partition, order


def _segment(place: Place, total: int) -> int:
    return place[0] * total >> 32
