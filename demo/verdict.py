"""The verdict: the new tables and quarantine, row for row, against what the old tables make expect.

The expectation is the oracle's, and the oracle shares nothing with the engine: it reads the old tables alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from demo.oracle import expected
from demo.oracle_values import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OLD = ("links", "milestones", "actuals", "readings", "measures", "people")
NEW = ("measure_links", "measure_data")

Id = tuple[str, str]
"""Table and id."""

TERMS = {
    "missing": "new rows that should exist, and do not",
    "different": "new rows with a wrong value",
    "orphaned": "new rows that no old row explains",
    "misfiled": "rows wrongly in quarantine, or wrongly not there",
    "unlinked": "old rows without a link: they have no new row yet",
    "tenant_violations": "pairs of a row and a link of two tenants: left out",
    "uniqueness_violations": "links that repeat a measure and goal: carried over",
    "claims": "old rows that claim the new key of another one",
    "ambiguous": "links with several persons: the smallest id counts",
    "quarantined": "old rows that the new model rejects",
}
"""The counts of a verdict. The first four must be 0; the others describe the old rows."""


@dataclass(frozen=True)
class Verdict:
    """`different`: by new table and id, expected and found values by attribute. `misfiled`: old rows that are rejected and not
    in quarantine, or the other way round. `old`, `new`: rows by table."""

    missing: list[Id]
    different: dict[Id, dict[str, Any]]
    orphaned: list[Id]
    misfiled: list[Id]
    counts: Mapping[str, int]
    old: dict[str, int]
    new: dict[str, int]

    @property
    def converged(self) -> bool:
        return not (self.missing or self.different or self.orphaned or self.misfiled)

    def counted(self, term: str) -> int:
        """One of TERMS."""
        return self.counts[term] if term in self.counts else len(getattr(self, term))

    def examples(self) -> list[str]:
        """Some of what is wrong."""
        wrong = [(what, each) for what in ("missing", "orphaned", "misfiled") for each in getattr(self, what)[:5]]
        told = [f"  {what}: {table} {id}" for what, (table, id) in wrong]
        differing = list(self.different.items())[:5]
        return told + [f"  different: {table} {id} {fields}" for (table, id), fields in differing]

    def __str__(self) -> str:
        counts = " ".join(f"{name}={self.counted(name)}" for name in TERMS)
        return f"verdict: {'converged' if self.converged else 'DIVERGED'}  {counts}"


def verdict(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], before: Callable[[], Mapping[Id, Item | None]] = dict
) -> Verdict:
    """Reads every row, consistently. Nothing may write to the old tables.

    `before`: asked after that, the new rows that the application has written since the cutover, as they were at the cutover.
    """
    old = {name: scan(dynamodb, tables[name]) for name in OLD}
    there: dict[Id, Item | None] = {(name, row["id"]["S"]): row for name in NEW for row in scan(dynamodb, tables[name])}
    found = {id: row for id, row in (there | {**before()}).items() if row is not None}
    oracle = expected(old)
    wanted = {(name, id): rows for name in NEW for id, rows in oracle.rows[name].items()}
    held = {(row["source"]["S"], row["row_id"]["S"]) for row in scan(dynamodb, tables["quarantine"])}
    both = sorted(wanted.keys() & found.keys())
    return Verdict(
        missing=sorted(wanted.keys() - found.keys()),
        different={each: differing for each in both if (differing := _differing(wanted[each], found[each]))},
        orphaned=sorted(found.keys() - wanted.keys()),
        misfiled=sorted(held ^ oracle.quarantine),
        counts=oracle.counts,
        old={name: len(rows) for name, rows in old.items()},
        new={name: sum(table == name for table, _ in found) for name in NEW},
    )


def scan(dynamodb: DynamoDBClient, table: str) -> list[Item]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [cast(Item, item) for page in pages for item in page["Items"]]


def _differing(rows: list[Item], found: Item) -> dict[str, Any]:
    """Nothing where the row is that of one of its claimants."""
    every = [_fields(row, found) for row in rows]
    return {} if {} in every else every[0]


def _fields(row: Item, found: Item) -> dict[str, Any]:
    names = sorted(row.keys() | found.keys())
    return {name: (row.get(name), found.get(name)) for name in names if _value(row, name) != _value(found, name)}


def _value(row: Item, name: str) -> Any:
    """DynamoDB has its own spelling of numbers."""
    value = row.get(name)
    return Decimal(value["N"]) if value and "N" in value else value
