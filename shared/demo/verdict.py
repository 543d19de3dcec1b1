"""The verdict: both models held against each other, row for row, by code that does not go through the index.

The expectation is computed from the old tables alone. Only for rows that they hold refused at the end is the index asked,
for the earlier, good version whose new rows stay until the row is mended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from remodel.core.compare import FieldDifference, differing
from remodel.core.expect import expect
from remodel.core.model import NewKey
from remodel.core.record import KEY, Bad, side
from remodel.core.wire import Item
from remodel.flow.engine import Engine, Patience
from remodel.flow.quarantine import all_held
from remodel.flow.recheck import last_good

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Verdict:
    missing: list[NewKey]
    different: dict[NewKey, dict[str, FieldDifference]]
    orphaned: list[NewKey]
    unlinked: int
    quarantined: int
    misfiled: list[str]
    """Rows that are refused and not in quarantine, or the other way round."""
    old: dict[str, int]
    new: dict[str, int]

    @property
    def converged(self) -> bool:
        return not (self.missing or self.different or self.orphaned or self.misfiled)

    def __str__(self) -> str:
        return (
            f"verdict: {'converged' if self.converged else 'DIVERGED'}  missing={len(self.missing)} "
            f"different={len(self.different)} orphaned={len(self.orphaned)} unlinked={self.unlinked} "
            f"quarantined={self.quarantined} misfiled={len(self.misfiled)}"
        )


def verdict(engine: Engine, dynamodb: DynamoDBClient, tables: dict[str, str]) -> Verdict:
    """Reads every old and every new row, consistently. Nothing may be writing any more."""
    model = engine.model
    old = {name: scan(dynamodb, tables[name]) for name in model.every}
    found = {NewKey(name, row[KEY]["S"]): row for name in model.new_tables for row in scan(dynamodb, tables[name])}
    expectation = expect(model, old, _held(engine, old))
    rows = expectation.rows
    in_quarantine = {(held.source, held.id) for held in all_held(engine)}
    return Verdict(
        missing=sorted(rows.keys() - found.keys()),
        different={key: fields for key in rows.keys() & found.keys() if (fields := differing(rows[key], found[key]))},
        orphaned=sorted(found.keys() - rows.keys()),
        unlinked=len(expectation.unlinked),
        quarantined=len(expectation.refused),
        misfiled=[f"{source} {id}" for source, id in sorted(in_quarantine ^ expectation.refused.keys())],
        old={name: len(old[name]) for name in model.sources},
        new={name: sum(key.table == name for key in found) for name in model.new_tables},
    )


def scan(dynamodb: DynamoDBClient, table: str) -> list[Item]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [cast(Item, item) for page in pages for item in page["Items"]]


def _held(engine: Engine, old: dict[str, list[Item]]) -> dict[str, list[Item]]:
    patience = Patience(engine.clock, engine.clock.now() + 60)
    held = {}
    for name, source in engine.model.sources.items():
        sides = {row[KEY]["S"]: side(row, row[KEY]["S"], source) for row in old[name]}
        refused = {id: row.group for id, row in sides.items() if isinstance(row, Bad)}
        held[name] = [row.item for row in last_good(engine, source, refused, patience).values()]
    return held
