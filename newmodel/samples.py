"""Where sampled rows come from: tables of a DynamoDB, asked for their keys and some rows of each part; or files.

A file has rows as `aws dynamodb scan` prints them, as DynamoDB exports them (a row a line, gzipped or not), or as plain JSON.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newmodel.kinds import Sample
from remodel.errors import RemodelError
from remodel.items import Item, from_event, to_item
from remodel.keys import KeySchema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEGMENTS = 8
"""Parts of a table from which rows are taken, so that they are not all of one partition."""

KINDS = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}


class NoSample(RemodelError):
    """There are no rows to make a page of, or their keys are not known."""


def of_table(dynamodb: DynamoDBClient, name: str, count: int) -> Sample:
    """Raises NoSample, and what botocore raises."""
    try:
        found = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException as problem:
        raise NoSample(
            f"expected a table or a file {name!r}, found neither: correct the name, or the Region"
        ) from problem
    types = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
    key = tuple((each["AttributeName"], str(types[each["AttributeName"]])) for each in found["KeySchema"])
    return Sample(name, key, _filled(name, list(_scan(dynamodb, name, count))))


def _scan(dynamodb: DynamoDBClient, name: str, count: int) -> Iterator[Item]:
    left = count
    for segment in range(SEGMENTS):
        share = -(-left // (SEGMENTS - segment))
        start: dict[str, Any] = {}
        while share > 0:
            page = dynamodb.scan(TableName=name, Segment=segment, TotalSegments=SEGMENTS, Limit=share, **start)
            items: Any = page["Items"]
            yield from items
            left, share = left - len(items), share - len(items)
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def of_file(path: Path, key: Sequence[str], count: int) -> Sample:
    """Raises NoSample."""
    if not key:
        raise NoSample(f"expected --key for {path.name}, found none: name its key attributes, as --key PK,SK")
    if not 1 <= len(key) <= 2:
        raise NoSample(f"expected one or two key attributes in --key, found {len(key)}: name them as --key PK,SK")
    try:
        rows = [_item(row) for row in _rows(path)][:count]
    except (ValueError, OSError, EOFError) as problem:
        raise NoSample(
            f"expected rows as JSON in {path.name}, found something else ({problem}): correct the file"
        ) from problem
    name = path.name.split(".")[0]
    return Sample(name, _key(path.name, key, _filled(path.name, rows)), rows)


def _key(name: str, key: Sequence[str], rows: Sequence[Item]) -> tuple[tuple[str, str], ...]:
    """With the types that the rows show."""
    found = []
    for attribute in key:
        types = {kind for row in rows for kind in row.get(attribute, {"no value": ""})}
        if len(types) != 1 or not types <= {"S", "N", "B"}:
            told = " and ".join(sorted(types))
            raise NoSample(
                f"expected {attribute!r} as text, a number, or bytes in every row of {name}, found {told}: correct --key"
            )
        found.append((attribute, types.pop()))
    schema = KeySchema(tuple(found))
    if len({schema.encode(row) for row in rows}) < len(rows):
        raise NoSample(f"expected one row for each key in {name}, found several: correct --key, or the file")
    return tuple(found)


def _filled(name: str, rows: list[Item]) -> list[Item]:
    if not rows:
        raise NoSample(f"expected rows in {name}, found none: put one row of each kind there, or name another table")
    return rows


def _rows(path: Path) -> Iterable[Any]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()
    try:
        found = _parsed(text)
    except ValueError:
        return [_parsed(line) for line in text.splitlines() if line.strip()]
    if isinstance(found, dict):
        found = found.get("Items", [found])
    if not isinstance(found, list):
        raise ValueError("neither a list nor a row")
    return found


def _parsed(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def _item(row: Any) -> Item:
    """In typed form, however it is written. Raises ValueError."""
    if not isinstance(row, dict):
        raise ValueError(f"a row that is a {type(row).__name__}")
    inner = row.get("Item", row) if isinstance(row.get("Item", row), dict) else row
    if inner and all(isinstance(value, dict) and len(value) == 1 and value.keys() <= KINDS for value in inner.values()):
        return {name: from_event(value) for name, value in inner.items()}
    return to_item(inner)
