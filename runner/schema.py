"""A table as it is, held against the table as the template declares it: keys and indexes, attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
"""A table as `create_table` takes it."""


def differences(declared: Schema, found: Mapping[str, Any], indexes: bool = True) -> Iterator[str]:
    """`found`: as `describe_table` answers. `indexes`: whether those that are declared are needed."""
    table = declared["TableName"]
    if keys(found) != keys(declared):
        yield f"{table}: expected the key {keys(declared)}, found {keys(found)}"
    kinds = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
    needed = {key["AttributeName"] for each in _indexed(declared, indexes) for key in each["KeySchema"]}
    for each in declared["AttributeDefinitions"]:
        name, kind = each["AttributeName"], kinds.get(each["AttributeName"])
        if name in needed and kind != each["AttributeType"]:
            yield f"{table}: expected attribute {name} of type {each['AttributeType']}, found {kind or 'none'}"
    there = {each["IndexName"]: each for each in found.get("GlobalSecondaryIndexes", ()) if _stays(each)}
    for each in _indexed(declared, indexes)[1:]:
        name = each["IndexName"]
        if name not in there:
            yield f"{table}: expected an index {name}, found none: add it"
        elif keys(there[name]) != keys(each):
            yield f"{table}: expected index {name} on {keys(each)}, found {keys(there[name])}"


def keys(schema: Schema) -> str:
    return ", ".join(f"{each['AttributeName']} {each['KeyType']}" for each in schema["KeySchema"])


def missing_indexes(declared: Schema, found: Mapping[str, Any]) -> list[Any]:
    there = {each["IndexName"] for each in found.get("GlobalSecondaryIndexes", ()) if _stays(each)}
    return [each for each in declared.get("GlobalSecondaryIndexes", ()) if each["IndexName"] not in there]


def _indexed(declared: Schema, indexes: bool) -> list[Any]:
    """What has a key schema: the table itself first."""
    return [declared, *(declared.get("GlobalSecondaryIndexes", ()) if indexes else ())]


def _stays(index: Mapping[str, Any]) -> bool:
    """An index that is being deleted is listed for as long as that takes."""
    return index.get("IndexStatus") != "DELETING"
