"""A table as it is, held against the table as the template declares it: keys and indexes, attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
"""A table as `create_table` takes it."""


def differences(declared: Schema, found: Mapping[str, Any]) -> Iterator[str]:
    """In its key, and in the indexes that it has. `found`: as `describe_table` answers."""
    there = _indexes(found)
    indexes = [each for each in declared.get("GlobalSecondaryIndexes", ()) if each["IndexName"] in there]
    compared = [(f"index {each['IndexName']} on", each, there[each["IndexName"]]) for each in indexes]
    compared.insert(0, ("the key", declared, found))
    needed = set()
    for what, one, other in compared:
        needed |= {key["AttributeName"] for key in one["KeySchema"]}
        if keys(one) != keys(other):
            yield f"expected {what} {keys(one)}, found {keys(other)}"
    kinds = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
    for each in declared["AttributeDefinitions"]:
        name, kind = each["AttributeName"], kinds.get(each["AttributeName"])
        if name in needed and kind != each["AttributeType"]:
            yield f"expected attribute {name} of type {each['AttributeType']}, found {kind or 'none'}"


def missing_indexes(declared: Schema, found: Mapping[str, Any]) -> list[str]:
    names = [each["IndexName"] for each in declared.get("GlobalSecondaryIndexes", ())]
    return [each for each in names if each not in _indexes(found)]


def keys(schema: Schema) -> str:
    return ", ".join(f"{each['AttributeName']} {each['KeyType']}" for each in schema["KeySchema"])


def _indexes(found: Mapping[str, Any]) -> dict[str, Any]:
    """By name. One that is being deleted is listed for as long as that takes."""
    every = found.get("GlobalSecondaryIndexes", ())
    return {each["IndexName"]: each for each in every if each.get("IndexStatus") != "DELETING"}
