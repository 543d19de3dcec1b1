"""The application in its new version: as soon as the read flag says so, it reads and writes the new tables.

It remembers what each row was before its own first write, so that the verdict can look at the migration alone.
"""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from remodel.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ASKED = 0.1
"""Seconds between two looks at the read flag."""

PAUSE = 0.25
"""Seconds between two writes."""

Id = tuple[str, str]
"""Table and id."""


@dataclass
class NewVersion:
    """`before`: None where there was no row. `first`: when its first write was acknowledged. `told`: each write, in words."""

    dynamodb: DynamoDBClient
    tables: dict[str, str]
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
            found = self.dynamodb.get_item(TableName=self.tables["migration"], Key=key, ConsistentRead=True).get("Item")
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
        links = self.dynamodb.scan(TableName=self.tables["measure_links"], Limit=50)["Items"]
        changes = [self._add, self._change, self._remove]
        while links and not self.stopping.is_set():
            rows = self._rows_of(self.random.choice(links)["id"]["S"])
            if rows:
                self.told.append(changes[len(self.told) % len(changes)](self.random.choice(rows)))
                self.first = self.first or time.time()
                self.stopping.wait(PAUSE)

    def _rows_of(self, link: str) -> list[Any]:
        return self.dynamodb.query(
            TableName=self.tables["measure_data"],
            IndexName="measure-link-index",
            KeyConditionExpression="measure_link_id = :link",
            ExpressionAttributeValues={":link": {"S": link}},
        )["Items"]

    def _add(self, like: Item) -> str:
        id = str(UUID(int=self.random.getrandbits(128), version=4))
        row = {**like, "id": {"S": id}, "post_value": {"N": str(self.random.randint(1, 999))}}
        self._put(row)
        return f"added    {_named(row)} = {row['post_value']['N']}"

    def _change(self, row: Item) -> str:
        value = str(self.random.randint(1, 999))
        self._put({**row, "post_value": {"N": value}})
        return f"changed  {_named(row)} = {row['post_value']['N']} → {value}"

    def _put(self, row: Any) -> None:
        """Writes a row, and reads it back."""
        table, id = self.tables["measure_data"], row["id"]["S"]
        answer = self.dynamodb.put_item(TableName=table, Item=row, ReturnValues="ALL_OLD")
        self._remember(id, answer.get("Attributes"))
        found = self.dynamodb.get_item(TableName=table, Key={"id": row["id"]}, ConsistentRead=True).get("Item")
        if found is None or found["post_value"] != row["post_value"]:
            raise ValueError(f"expected the application's own {row}, found {found}: another writer is at work")

    def _remove(self, row: Item) -> str:
        key: Any = {"id": row["id"]}
        answer = self.dynamodb.delete_item(TableName=self.tables["measure_data"], Key=key, ReturnValues="ALL_OLD")
        self._remember(row["id"]["S"], answer.get("Attributes"))
        return f"removed  {_named(row)}"

    def _remember(self, id: str, before: Any) -> None:
        self.before.setdefault(("measure_data", id), before)


def _named(row: Item) -> str:
    return f"{row['data_category']['S']} {row['id']['S'][:8]}… of {row['post_date']['S'][:10]}"
