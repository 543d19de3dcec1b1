"""The tables of the contract suite: every kind of key, the engine's own tables, and a table with indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remodel.dynamodb import Table
from remodel.keys import KeySchema
from remodel.store import INDEX, INDEX_KEY, QUARANTINE, QUARANTINE_KEY
from remodel_testing.memory import MemoryTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Declared:
    schema: KeySchema
    indexes: Mapping[str, tuple[tuple[str, str], ...]]
    view: str | None = None

    def memory(self) -> MemoryTable:
        pairs = dict.fromkeys(pair for keys in self.indexes.values() for pair in keys)
        ranges = frozenset(name for keys in self.indexes.values() for name, _ in keys[1:])
        return MemoryTable(self.schema, tuple(pairs), ranges, self.view)


def declared(*attributes: tuple[str, str], view: str | None = None, **indexes: tuple[tuple[str, str], ...]) -> Declared:
    return Declared(KeySchema(attributes), {name.replace("_", "-"): keys for name, keys in indexes.items()}, view)


TABLES = {
    INDEX: Declared(INDEX_KEY, {}),
    QUARANTINE: Declared(QUARANTINE_KEY, {}),
    "plain": declared(("id", "S"), view="NEW_AND_OLD_IMAGES"),
    "pair": declared(("PK", "S"), ("SK", "S")),
    "number": declared(("n", "N")),
    "lines": declared(("order", "S"), ("line", "N")),
    "binary": declared(("b", "B")),
    "binary_pair": declared(("b", "B"), ("r", "B")),
    "indexed": declared(
        ("id", "S"),
        by_email=(("email", "S"),),
        by_day=(("customer", "S"), ("day", "N")),
        by_label=(("email", "S"), ("label", "S")),
    ),
}

PHYSICAL = {name: Table(f"contract-{name}", each.schema) for name, each in TABLES.items()}


def create(client: DynamoDBClient) -> None:
    for name, each in TABLES.items():
        typed = dict(pair for keys in (each.schema.attributes, *each.indexes.values()) for pair in keys)
        request: dict[str, Any] = {
            "TableName": PHYSICAL[name].physical,
            "KeySchema": _keys(each.schema.attributes),
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in typed.items()],
            "BillingMode": "PAY_PER_REQUEST",
        }
        if each.indexes:
            request["GlobalSecondaryIndexes"] = [
                {"IndexName": index, "KeySchema": _keys(keys), "Projection": {"ProjectionType": "ALL"}}
                for index, keys in each.indexes.items()
            ]
        if each.view:
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": each.view}
        client.create_table(**request)


def empty(client: DynamoDBClient) -> None:
    for table in PHYSICAL.values():
        for page in client.get_paginator("scan").paginate(TableName=table.physical):
            for item in page["Items"]:
                client.delete_item(TableName=table.physical, Key={name: item[name] for name in table.schema.names})


def _keys(attributes: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind} for (name, _), kind in zip(attributes, ("HASH", "RANGE"), strict=False)
    ]
