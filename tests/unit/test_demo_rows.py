"""The demo is small, and has every oddity all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from demo.__main__ import arguments
from demo.measures import Measures
from remodel.items import Item

BAD = {
    "period",
    "data_source",
    "recorded_by",
    "confidence_level",
    "threshold_pct",
    "weight",
    "target_value",
    "recorded_at",
    "created_by",
}
"""Attributes with values that the new model rejects."""

ODD: dict[str, Callable[[Item], bool]] = {
    "a measure under its former name": lambda row: "kpi_id" in row,
    "a row of another tenant": lambda row: row.get("tenant_id") == {"S": "tenant-of-others"},
    "a row without tenant": lambda row: "tenant_id" not in row,
    "a NULL": lambda row: {"NULL": True} in row.values(),
    "an empty text": lambda row: row.get("label") == {"S": ""},
    "a blank author": lambda row: row.get("created_by") == {"S": " "},
    "an unknown attribute with sets and bytes": lambda row: "legacy" in row,
    "a TTL attribute": lambda row: "ttl" in row,
    "an id in capitals": lambda row: row["id"]["S"].isupper(),
    "a flag as a number": lambda row: row.get("is_primary", {}).keys() == {"N"},
    "38 digits": lambda row: len(row.get("value", {}).get("N", "").strip("-").replace(".", "")) == 38,
    "a time without zone": lambda row: row.get("created_at", {}).get("S", "")[-1:].isdigit(),
    "a day instead of a month": lambda row: len(row.get("period", {}).get("S", "")) == 10,
}


@pytest.fixture(scope="module")
def rows() -> list[Item]:
    asked = arguments([])
    return [row for rows in Measures(asked.seed).seeded(Measures.size).values() for row in rows]


def test_every_bad_value_occurs(rows: list[Item]) -> None:
    assert {row["poisoned"]["S"] for row in rows if "poisoned" in row} >= BAD


@pytest.mark.parametrize("oddity", ODD)
def test_every_oddity_occurs(rows: list[Item], oddity: str) -> None:
    assert any(ODD[oddity](row) for row in rows)
