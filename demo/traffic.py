"""What the application does to its old tables: it inserts, changes, moves and removes rows, rejectable ones among them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo.cast import Cast
from remodel.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


CALM = 0.5
"""Seconds between two changes of a writer that is not brisk."""

LOOKED_UP = 0.25
"""How often a table changes that is only looked up, for each change of one that is migrated."""

Place = tuple[str, str]
"""Of a row: its old table, and the text of its key."""


@dataclass
class Writer:
    """A thread of changes. `mine`: the rows that it may change, by old table and key text. No other writer changes them.

    pause: seconds between two changes until there were `brisk` of them, and while rows are corrected; otherwise CALM.
    rejected: those of its rows that the new model rejects.
    correcting: makes no row any more that the new model rejects, and corrects those that there are, but for `kept`.
    last: when its last write was acknowledged.
    """

    dynamodb: DynamoDBClient
    tables: Mapping[str, str]
    cast: Cast
    mine: dict[str, dict[str, Item]]
    pause: float
    brisk: int = 0
    correcting: bool = False
    kept: frozenset[Place] = frozenset()
    last: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    done: Counter[str] = field(default_factory=Counter)
    problem: BaseException | None = None

    def __post_init__(self) -> None:
        self.rejected = {
            (table, key)
            for table, rows in self.mine.items()
            for key, row in rows.items()
            if self.cast.is_rejected(table, row)
        }
        model = self.cast.model
        self._weights = {name: 1.0 if model.migrates(name) else LOOKED_UP for name in model.old_tables}

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._change()
                self.stopping.wait(self.pause if self._is_brisk() else CALM)
        except Exception as problem:
            self.problem = problem

    def correct(self, keep: int) -> None:
        """Corrects the rows that the new model rejects, but for some, and makes no new ones."""
        self.kept, self.correcting = frozenset(sorted(self.rejected)[:keep]), True

    def to_correct(self) -> list[Place]:
        return sorted(self.rejected.copy() - self.kept)

    def _is_brisk(self) -> bool:
        return self.done.total() < self.brisk or (self.correcting and bool(self.to_correct()))

    def _change(self) -> None:
        if self.correcting and (left := self.to_correct()):
            self._correct(*left[0])
            return
        (table,) = self.cast.random.choices(list(self._weights), list(self._weights.values()))
        change: Callable[[str], None] = self.cast.random.choices(
            [
                self._insert,
                self._modify,
                self._remove,
                self._move,
                self._burst,
                self._reject,
                self._correct_one,
                self._come_back,
            ],
            [25, 25, 15, 10, 10, 5, 5, 5],
        )[0]
        change(table)

    def _insert(self, table: str) -> None:
        self._put(table, self.cast.insert(table), "insert")

    def _modify(self, table: str) -> None:
        if row := self._some(table):
            self._put(table, self.cast.change(table, row), "modify")

    def _move(self, table: str) -> None:
        if row := self._some(table):
            self._put(table, self.cast.change(table, row, moves=True), "move")

    def _burst(self, table: str) -> None:
        """Several changes of one item within one second."""
        if row := self._some(table):
            for _ in range(4):
                self._put(table, self.cast.change(table, row, moves=True), "burst")

    def _remove(self, table: str) -> None:
        if row := self._some(table):
            self._delete(table, self._key(table, row))

    def _come_back(self, table: str) -> None:
        """Removed and inserted again, at once."""
        if row := self._some(table):
            self._delete(table, self._key(table, row))
            self._put(table, self.cast.change(table, row, moves=True), "insert")

    def _reject(self, table: str) -> None:
        if (row := self._some(table)) and not self.correcting:
            self._put(table, self.cast.reject(table, row), "bad value")

    def _correct_one(self, table: str) -> None:
        if places := [each for each in self.to_correct() if each[0] == table]:
            self._correct(*self.cast.random.choice(places))

    def _correct(self, table: str, key: str) -> None:
        """A row that cannot be corrected is removed."""
        if (row := self.cast.change(table, self.mine[table][key])) is not None:
            self._put(table, row, "correction")
        else:
            self._delete(table, key)

    def _some(self, table: str) -> Item | None:
        keys = self.mine[table].keys() - {key for name, key in self.rejected if self.correcting and name == table}
        return self.mine[table][self.cast.random.choice(sorted(keys))] if keys else None

    def _key(self, table: str, row: Item) -> str:
        return self.cast.model.old_tables[table].schema.encode(row)

    def _put(self, table: str, row: Item | None, kind: str) -> None:
        if row is None:
            return
        self.dynamodb.put_item(TableName=self.tables[table], Item=row)
        self.last = time.time()
        key = self._key(table, row)
        self.mine[table][key] = row
        self.done[kind] += 1
        change = self.rejected.add if self.cast.is_rejected(table, row) else self.rejected.discard
        change((table, key))

    def _delete(self, table: str, key: str) -> None:
        its: dict[str, Any] = self.cast.model.old_tables[table].schema.decode(key)
        self.dynamodb.delete_item(TableName=self.tables[table], Key=its)
        self.last = time.time()
        del self.mine[table][key]
        self.rejected.discard((table, key))
        self.done["remove"] += 1
