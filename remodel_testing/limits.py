"""What DynamoDB refuses, as pure functions: keys, values, index keys, updates, and sizes.

Each raises Rejected, as a validation error does. The contract suite tries them against DynamoDB Local where that checks
the same.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Any

from remodel.errors import Rejected
from remodel.items import ITEM_LIMIT, Item, Wire, canonical_number, number, size, text
from remodel.keys import HASH_LIMIT, RANGE_LIMIT, Key, KeySchema
from remodel.store import Update

REQUEST, RESPONSE, PAGE = 16 * 2**20, 16 * 2**20, 2**20
"""Bytes of a write request, of a BatchGetItem's answer, and of a page of a query or a scan."""

NESTING = 31
"""Lists and maps within each other, in one attribute."""

_SUM = Context(prec=300)


def rejected(reason: str) -> Rejected:
    return Rejected(f"ValidationException: {reason}")


def check_batch(keys: list[Key], most: int) -> None:
    if not 0 < len(keys) <= most:
        raise rejected(f"1 to {most} items in a batch, found {len(keys)}")
    if len(set(keys)) != len(keys):
        raise rejected("Provided list of item keys contains duplicates")


def canonical_key(schema: KeySchema, key: str) -> str:
    """The text of a key that DynamoDB takes."""
    return checked_key(schema, schema.decode(key))


def checked_key(schema: KeySchema, item: Mapping[str, Any]) -> str:
    try:
        found = schema.encode(item)
    except ValueError as problem:
        raise rejected(f"One or more parameter values were invalid: Type mismatch for key: {problem}") from problem
    for (name, kind), limit in zip(schema.attributes, (HASH_LIMIT, RANGE_LIMIT), strict=False):
        _check_key_value(name, item[name][kind], kind, limit)
    return found


def check_index_keys(item: Item, indexes: Iterable[tuple[str, str]], ranges: Iterable[str]) -> None:
    """`ranges`: the attributes that are a sort key of an index."""
    for name, kind in indexes:
        if name not in item:
            continue
        if kind not in item[name]:
            raise rejected(f"One or more parameter values were invalid: Type mismatch for Index Key {name}")
        _check_key_value(name, item[name][kind], kind, RANGE_LIMIT if name in ranges else HASH_LIMIT)


def _check_key_value(name: str, value: Any, kind: str, limit: int) -> None:
    if kind == "N":
        return
    length = len(value.encode() if isinstance(value, str) else value)
    if not length:
        raise rejected(f"The AttributeValue for a key attribute cannot contain an empty {kind} value. Key: {name}")
    if length > limit:
        raise rejected(f"Size of the key {name} has exceeded the maximum size limit of {limit} bytes")


def stored(item: Item) -> Item:
    """A copy of the item as DynamoDB keeps it."""
    made = {}
    for name, value in item.items():
        if not name:
            raise rejected("Empty attribute name")
        made[name] = stored_value(value)
    if size(made) > ITEM_LIMIT:
        raise rejected("Item size has exceeded the maximum allowed size")
    return made


def stored_value(wire: Wire, depth: int = 0) -> Wire:
    if not isinstance(wire, dict) or len(wire) != 1:
        raise rejected("Supplied AttributeValue must contain exactly one of the supported datatypes")
    ((kind, inner),) = wire.items()
    try:
        return {kind: _content(kind, inner, depth)}
    except (ValueError, TypeError) as problem:
        raise rejected(str(problem)) from problem


def _content(kind: str, inner: Any, depth: int) -> Any:
    match kind:
        case "S" if isinstance(inner, str):
            return text(inner)
        case "N":
            number(inner)
            return canonical_number(inner)
        case "B" if isinstance(inner, bytes):
            return inner
        case "BOOL" if isinstance(inner, bool):
            return inner
        case "NULL" if inner is True:
            return inner
        case "SS" | "NS" | "BS" if isinstance(inner, list):
            return _members(kind, inner)
        case "L" | "M" if depth >= NESTING:
            raise ValueError("Nesting Levels have exceeded supported limits")
        case "L" if isinstance(inner, list):
            return [stored_value(each, depth + 1) for each in inner]
        case "M" if isinstance(inner, dict):
            return {text(name): stored_value(each, depth + 1) for name, each in inner.items()}
    raise ValueError(f"unsupported content of type {kind}")


def _members(kind: str, inner: list[Any]) -> list[Any]:
    if not inner:
        raise ValueError(f"One or more parameter values were invalid: a set of type {kind} may not be empty")
    members = [_content(kind[0], each, 0) for each in inner]
    if len(set(members)) != len(members):
        raise ValueError("Input collection contains duplicates")
    return sorted(members)


def added(before: Wire | None, value: Wire) -> Wire:
    """The attribute after an ADD."""
    ((kind, inner),) = stored_value(value).items()
    if before is None:
        return {kind: inner}
    if kind not in before:
        raise rejected("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return stored_value({kind: str(_SUM.add(Decimal(before[kind]), Decimal(inner)))})
    return {kind: sorted({*before[kind], *inner})}


def check_update(update: Update, schema: KeySchema) -> None:
    attributes = [*update.add, *update.put]
    if len(set(attributes)) != len(attributes):
        raise rejected("Two document paths overlap with each other")
    if found := set(attributes) & set(schema.names):
        raise rejected(f"Cannot update attribute {found}. This attribute is part of the key")
    for value in (*update.add.values(), *update.put.values()):
        stored_value(value)
    for value in update.add.values():
        if not value.keys() & {"N", "SS", "NS", "BS"}:
            raise rejected("Incorrect operand type for operator or function; operator: ADD")


def holds(update: Update, item: Item | None) -> bool:
    """Whether the condition of an update holds."""
    if item is None or update.new:
        return item is None
    if update.below is None or update.below[0] not in item:
        return True
    found = item[update.below[0]].get("N")
    return found is not None and Decimal(found) < update.below[1]


def check_request(items: list[Item]) -> None:
    """The limit counts the body, in which control characters take six bytes, and binary a third more."""
    if sum(map(size, items)) * 6 < REQUEST:
        return
    body = json.dumps(items, ensure_ascii=False, default=lambda binary: b64encode(binary).decode())
    if len(body.encode()) > REQUEST:
        raise rejected("the request has exceeded 16 MB")
