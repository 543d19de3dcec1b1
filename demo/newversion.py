"""The application in its new version: as soon as the read flag says so, it reads and writes the new tables.

It remembers what each row was before its own first write, so that the verdict can look at the migration alone.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo.verdict import Id, differences
from remodel.items import Item
from remodel.kinds import New
from remodel.model import Model

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ASKED = 0.1
"""Seconds between two looks at the read flag."""

PAUSE = 0.25
"""Seconds between two writes."""

SHOWN = 40
"""Characters of a key."""


@dataclass
class NewVersion:
    """`before`: None where there was no row. `first`: when its first write was acknowledged. `told`: each write, in words."""

    dynamodb: DynamoDBClient
    tables: Mapping[str, str]
    model: Model
    random: random.Random
    before: dict[Id, Item | None] = field(default_factory=dict)
    first: float = 0.0
    told: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    problem: BaseException | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Raises what has gone wrong."""
        self.stopping.set()
        self._thread.join()
        self.check()

    def check(self) -> None:
        """Raises what has gone wrong."""
        if self.problem is not None:
            raise self.problem

    def reads_new(self) -> bool:
        """What the read flag says. On AWS it is a parameter (/remodel/<stage>/read); on DynamoDB Local, this item."""
        key: Any = {"subject": {"S": "flag"}, "name": {"S": "read"}}
        try:
            found: Any = self.dynamodb.get_item(TableName=self.tables["migration"], Key=key, ConsistentRead=True).get(
                "Item"
            )
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return False
        return found is not None and json.loads(found["facts"]["S"]) == "new"

    def _run(self) -> None:
        try:
            while not self.stopping.wait(ASKED):
                if self.reads_new():
                    break
            self._write_on()
        except Exception as problem:
            self.problem = problem

    def _write_on(self) -> None:
        changes = [self._add, self._change, self._remove]
        while not self.stopping.is_set():
            table = self.random.choice(list(self.model.new_tables.values()))
            rows: list[Any] = self.dynamodb.scan(TableName=self.tables[table.name], Limit=50)["Items"]
            change = changes[len(self.told) % len(changes)] if rows else self._add
            self.told.append(change(table, self.random.choice(rows or [{}])))
            self.first = self.first or time.time()
            self.stopping.wait(PAUSE)

    def _add(self, table: New, like: Item) -> str:
        n = self.random.getrandbits(100)
        fresh = {"S": f"new-{n:x}", "N": str(n), "B": n.to_bytes(16, "big")}
        row = {**like, **{name: {kind: fresh[kind]} for name, kind in table.schema.attributes}}
        self._put(table, row)
        return f"added    {_named(table, row)}"

    def _change(self, table: New, row: Item) -> str:
        """An attribute that is part of no key."""
        keys = {name for name, *_ in table.limits}
        name = min((each for each in row if each not in keys), default="changed")
        self._put(table, {**row, name: {"S": f"changed {self.random.randint(1, 999)}"}})
        return f"changed  {_named(table, row)}: {name}"

    def _remove(self, table: New, row: Item) -> str:
        answer = self.dynamodb.delete_item(
            TableName=self.tables[table.name], Key=_key(table, row), ReturnValues="ALL_OLD"
        )
        self._remember(table, row, answer.get("Attributes"))
        return f"removed  {_named(table, row)}"

    def _put(self, table: New, row: Any) -> None:
        """Writes a row, and reads it back."""
        name = self.tables[table.name]
        answer = self.dynamodb.put_item(TableName=name, Item=row, ReturnValues="ALL_OLD")
        self._remember(table, row, answer.get("Attributes"))
        found: Any = self.dynamodb.get_item(TableName=name, Key=_key(table, row), ConsistentRead=True).get("Item", {})
        if differences(row, found):
            raise ValueError(f"expected the application's own {row}, found {found}: another writer is at work")

    def _remember(self, table: New, row: Item, before: Any) -> None:
        self.before.setdefault((table.name, table.schema.encode(row)), before)


def _key(table: New, row: Item) -> Any:
    return {name: row[name] for name in table.schema.names}


def _named(table: New, row: Item) -> str:
    key = ", ".join(f"{name}={next(iter(row[name].values()))}" for name in table.schema.names)
    return f"{table.name} {key[:SHOWN]}{'…' if len(key) > SHOWN else ''}"
