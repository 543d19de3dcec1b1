"""Plain old rows for tests, to be changed by keyword: `None` leaves an attribute out."""

from __future__ import annotations

from uuid import NAMESPACE_OID, uuid5

from remodel.core.wire import Item, Value

MEASURE, OTHER_MEASURE = "measure-a", "measure-b"


def guid(name: str) -> str:
    return str(uuid5(NAMESPACE_OID, name))


def text(value: str) -> Value:
    return {"S": value}


def number(value: object) -> Value:
    return {"N": str(value)}


def link(name: str = "link", **changes: Value | None) -> Item:
    return _changed(
        {
            "id": text(guid(name)),
            "tenant_id": text("t"),
            "goal_id": text(f"goal of {name}"),
            "measure_id": text(MEASURE),
            "linked_at": text("2025-01-01T00:00:00Z"),
            "created_by": text("user"),
            "created_at": text("2025-01-01T00:00:00Z"),
        },
        changes,
    )


def actual(name: str = "actual", **changes: Value | None) -> Item:
    return _changed(
        {
            "id": text(guid(name)),
            "measure_id": text(MEASURE),
            "measurement_date": text("2025-03-31"),
            "actual_value": number(7),
            "recorded_by": text("user"),
            "recorded_at": text("2025-04-01T00:00:00Z"),
        },
        changes,
    )


def _changed(row: Item, changes: dict[str, Value | None]) -> Item:
    return {name: value for name, value in {**row, **changes}.items() if value is not None}
