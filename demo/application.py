"""The application in its old version: its rows from before the migration, and the writer that changes them all the while."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from demo.cast import Cast
from demo.traffic import Writer
from demo.verdict import scan
from remodel.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
"""Rows of one request."""

Tables = dict[str, dict[str, Item]]
"""Rows by the logical name of their table, and by the text of their key."""


class Application:
    def __init__(self, dynamodb: DynamoDBClient, tables: Mapping[str, str], cast: Cast) -> None:
        self._dynamodb, self._tables, self._cast = dynamodb, tables, cast

    def seed(self, count: int) -> Tables:
        """Writes what was there before the migration."""
        made = self._by_key(self._cast.seeded(count))
        for table, chunk in _chunks(made):
            puts: Any = [{"PutRequest": {"Item": item}} for item in chunk]
            self._dynamodb.batch_write_item(RequestItems={self._tables[table]: puts})
        return made

    def load(self) -> Tables:
        """What is there already; empty where nothing is."""
        found = {name: scan(self._dynamodb, self._tables[name]) for name in self._cast.model.old_tables}
        self._cast.resume(found)
        return self._by_key(found)

    def start(self, rows: Tables, pause: float, brisk: int = 0) -> None:
        """`brisk`: changes before the writer slows down."""
        self.writer = Writer(self._dynamodb, self._tables, self._cast, rows, pause, brisk)
        self._thread = threading.Thread(target=self.writer.run, daemon=True)
        self._thread.start()

    def pause(self) -> float:
        """When the last write was acknowledged. Raises what has gone wrong."""
        self.writer.stopping.set()
        self._thread.join()
        self.check()
        return self.writer.last

    def check(self) -> None:
        """Raises what has gone wrong."""
        if self.writer.problem is not None:
            raise self.writer.problem

    @property
    def changes(self) -> Counter[str]:
        """By kind."""
        return self.writer.done

    def _by_key(self, tables: Mapping[str, list[Item]]) -> Tables:
        old = self._cast.model.old_tables
        return {name: {old[name].schema.encode(item): item for item in items} for name, items in tables.items()}


def _chunks(tables: Tables) -> Iterator[tuple[str, list[Item]]]:
    for table, items in tables.items():
        rows = list(items.values())
        for n in range(0, len(rows), BATCH):
            yield table, rows[n : n + BATCH]
