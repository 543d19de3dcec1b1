"""The verdict notices each way in which new tables and quarantine can be wrong, and nothing that is only spelled otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from demo.cast import Generated
from demo.verdict import Verdict, differences, verdict
from remodel.items import Item
from shop.model import MODEL

TABLES = {name: name for name in (*MODEL.old_tables, *MODEL.new_tables, "quarantine")}

ANN = {"PK": {"S": "CUST#1"}, "SK": {"S": "PROFILE"}, "name": {"S": "Ann"}}
BAD = {"PK": {"S": "CUST#2"}, "SK": {"S": "PROFILE"}, "name": {"N": "1"}}
ITEM = {"PK": {"S": "ORDER#1"}, "SK": {"S": "ITEM#1"}, "sku": {"S": "s"}, "quantity": {"N": "1.50"}}

RIGHT: dict[str, list[Item]] = {
    "shop": [ANN, BAD, ITEM],
    "customers": [{"id": {"S": "1"}, "name": {"S": "Ann"}, "tier": {"S": "tin"}}],
    "orders": [],
    "order_items": [{"order_id": {"S": "1"}, "line": {"N": "1"}, "sku": {"S": "s"}, "quantity": {"N": "1.5"}}],
    "quarantine": [{"source": {"S": "shop"}, "row_id": {"S": "6:CUST#2PROFILE"}, "reason": {"S": "name"}}],
}


class Stored:
    """A client of a DynamoDB with these rows."""

    def __init__(self, tables: Mapping[str, list[Item]]) -> None:
        self._tables = tables

    def get_paginator(self, _: str) -> Stored:
        return self

    def paginate(self, TableName: str, ConsistentRead: bool) -> list[Any]:  # noqa: N803
        assert ConsistentRead
        return [{"Items": [row]} for row in self._tables[TableName]]


def judged(tables: Mapping[str, list[Item]], before: Mapping[tuple[str, str], Item | None] | None = None) -> Verdict:
    return verdict(Stored(tables), TABLES, Generated(MODEL, 1), lambda: before or {})  # type: ignore[arg-type]


def test_what_is_right_has_converged() -> None:
    found = judged(RIGHT)

    assert found.converged
    assert str(found) == "verdict: converged  missing=0 different=0 orphaned=0 misfiled=0 claims=0 quarantined=1"
    assert (found.old, found.new) == ({"shop": 3}, {"customers": 1, "orders": 0, "order_items": 1})


@pytest.mark.parametrize(
    ("table", "rows", "term"),
    [
        ("customers", [], "missing"),
        ("customers", [{"id": {"S": "1"}, "name": {"S": "Ann"}}], "different"),
        ("order_items", [{**RIGHT["order_items"][0], "quantity": {"N": "2"}}], "different"),
        ("orders", [{"customer_id": {"S": "1"}, "order_id": {"S": "9"}}], "orphaned"),
        ("quarantine", [], "misfiled"),
        ("shop", [ANN, ITEM], "misfiled"),
    ],
)
def test_what_is_wrong_has_not(table: str, rows: list[Item], term: str) -> None:
    found = judged({**deepcopy(RIGHT), table: rows})

    assert not found.converged
    assert str(found).startswith("verdict: DIVERGED  ")
    assert {name: count for name, count in found.terms.items() if count and name != "quarantined"} == {term: 1}
    assert any(line.strip().startswith(term) for line in found.examples())


def test_what_the_application_wrote_after_the_cutover_is_taken_back() -> None:
    now = {**RIGHT, "customers": [{"id": {"S": "new"}}], "orders": []}
    before = {("customers", "1"): RIGHT["customers"][0], ("customers", "new"): None}

    assert not judged(now).converged
    assert judged(now, before).converged


def test_numbers_and_sets_have_several_spellings() -> None:
    one: Item = {"a": {"L": [{"M": {"n": {"N": "1.0"}}}]}, "s": {"SS": ["x", "y"]}, "ns": {"NS": ["1", "2"]}}
    other: Item = {"a": {"L": [{"M": {"n": {"N": "1"}}}]}, "s": {"SS": ["y", "x"]}, "ns": {"NS": ["2.0", "1"]}}

    assert differences(one, other) == {}
    assert differences(one, {**other, "a": {"L": []}}) == {"a": (one["a"], {"L": []})}
    assert differences({"a": {"S": "1"}}, {"a": {"N": "1"}}).keys() == {"a"}
