"""The verdict: the new tables and quarantine, row for row, against what the old tables make expect.

The expectation is the cast's, computed from the old tables alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from typing import cast as typed

from demo.cast import Cast
from remodel.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Id = tuple[str, str]
"""Table, and text of the key."""

WRONG = {
    "missing": "new rows that should exist, and do not",
    "different": "new rows with a wrong value",
    "orphaned": "new rows that no old row explains",
    "misfiled": "rows wrongly in quarantine, or wrongly not there",
}
"""What must not be found. What else is counted, the cast explains."""


@dataclass(frozen=True)
class Verdict:
    """`different`: by new table and key, expected and found values by attribute. `misfiled`: old rows that are rejected and not
    in quarantine, or the other way round. `counts`: of what the old rows are like. `old`, `new`: rows by table."""

    missing: list[Id]
    different: dict[Id, dict[str, Any]]
    orphaned: list[Id]
    misfiled: list[Id]
    counts: Mapping[str, int]
    old: dict[str, int]
    new: dict[str, int]

    @property
    def converged(self) -> bool:
        return not any(getattr(self, name) for name in WRONG)

    @property
    def terms(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in WRONG} | dict(self.counts)

    def examples(self) -> list[str]:
        """Some of what is wrong."""
        wrong = [(what, each) for what in ("missing", "orphaned", "misfiled") for each in getattr(self, what)[:5]]
        told = [f"  {what}: {table} {key}" for what, (table, key) in wrong]
        differing = list(self.different.items())[:5]
        return told + [f"  different: {table} {key} {fields}" for (table, key), fields in differing]

    def __str__(self) -> str:
        counts = " ".join(f"{name}={count}" for name, count in self.terms.items())
        return f"verdict: {'converged' if self.converged else 'DIVERGED'}  {counts}"


def verdict(
    dynamodb: DynamoDBClient,
    tables: Mapping[str, str],
    cast: Cast,
    before: Callable[[], Mapping[Id, Item | None]] = dict,
) -> Verdict:
    """Reads every row, consistently. Nothing may write to the old tables.

    `before`: asked after that, the new rows that the application has written since the cutover, as they were at the cutover.
    """
    old = {name: scan(dynamodb, tables[name]) for name in cast.model.old_tables}
    new = cast.model.new_tables
    there: dict[Id, Item | None] = {
        (name, table.schema.encode(row)): row for name, table in new.items() for row in scan(dynamodb, tables[name])
    }
    found = {id: row for id, row in (there | {**before()}).items() if row is not None}
    expected = cast.expected(old)
    wanted = {(name, key): rows for name in new for key, rows in expected.rows[name].items()}
    both = sorted(wanted.keys() & found.keys())
    return Verdict(
        missing=sorted(wanted.keys() - found.keys()),
        different={each: differing for each in both if (differing := _differing(wanted[each], found[each]))},
        orphaned=sorted(found.keys() - wanted.keys()),
        misfiled=sorted(held(dynamodb, tables) ^ expected.quarantine),
        counts={term: expected.counts[term] for term in cast.terms},
        old={name: len(rows) for name, rows in old.items()},
        new={name: sum(table == name for table, _ in found) for name in new},
    )


def held(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> set[Id]:
    """The old rows in quarantine."""
    return {(row["source"]["S"], row["row_id"]["S"]) for row in scan(dynamodb, tables["quarantine"])}


def scan(dynamodb: DynamoDBClient, table: str) -> list[Item]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [typed(Item, item) for page in pages for item in page["Items"]]


def _differing(rows: Sequence[Item], found: Item) -> dict[str, Any]:
    """Nothing where the row is that of one of its claimants."""
    every = [differences(row, found) for row in rows]
    return {} if {} in every else every[0]


def differences(row: Item, found: Item) -> dict[str, Any]:
    """Expected and found by attribute."""
    names = sorted(row.keys() | found.keys())
    pairs = {name: (row.get(name), found.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if _plain(pair[0]) != _plain(pair[1])}


def _plain(value: Any) -> Any:
    """DynamoDB has its own spelling of numbers, and its own order of sets."""
    match value:
        case {"N": text}:
            return Decimal(text)
        case {"NS": texts}:
            return {Decimal(each) for each in texts}
        case {"SS": members} | {"BS": members}:
            return set(members)
        case {"L": values}:
            return [_plain(each) for each in values]
        case {"M": fields}:
            return {name: _plain(each) for name, each in fields.items()}
    return value
