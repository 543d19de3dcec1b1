"""Plain old rows for tests, to be changed by keyword: `None` leaves an attribute out."""

from __future__ import annotations

import hashlib
from uuid import UUID

from remodel.items import Item, Wire

MEASURE, OTHER_MEASURE = "measure-a", "measure-b"


def guid(name: str) -> str:
    """Of version 4, as .NET makes them: one of version 5 could be the id that another row's new row has."""
    return str(UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def text(value: str) -> Wire:
    return {"S": value}


def number(value: object) -> Wire:
    return {"N": str(value)}


def link(name: str = "link", **changes: Wire | None) -> Item:
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


def milestone(name: str = "milestone", **changes: Wire | None) -> Item:
    return _changed(
        {
            "id": text(guid(name)),
            "measure_id": text(MEASURE),
            "milestone_date": text("2025-03-31"),
            "target_value": number(7),
            "created_by": text("user"),
            "created_at": text("2025-01-01T00:00:00Z"),
        },
        changes,
    )


def actual(name: str = "actual", **changes: Wire | None) -> Item:
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


def reading(name: str = "reading", **changes: Wire | None) -> Item:
    return _changed(
        {
            "id": text(guid(name)),
            "measure_id": text(MEASURE),
            "period": text("2025-03"),
            "value": number(7),
            "created_at": text("2025-04-01T00:00:00Z"),
        },
        changes,
    )


def measure(owner: str | None = None, **changes: Wire | None) -> Item:
    owned = {"owner_id": text(owner)} if owner else {}
    return _changed({"id": text(MEASURE), "tenant_id": text("t"), **owned}, changes)


def person(id: str, user: str | None, **changes: Wire | None) -> Item:
    linked = {"linked_user_id": text(user)} if user else {}
    return _changed({"id": text(id), "tenant_id": text("t"), **linked}, changes)


def customer(id: str = "1", **changes: Wire | None) -> Item:
    return _changed({"PK": text(f"CUST#{id}"), "SK": text("PROFILE"), "name": text("Ann")}, changes)


def order(id: str = "9", customer: str = "1", **changes: Wire | None) -> Item:
    key = {"PK": text(f"CUST#{customer}"), "SK": text(f"ORDER#{id}")}
    return _changed({**key, "placed_at": text("2026-01-01")}, changes)


def item(line: int = 1, order: str = "9", **changes: Wire | None) -> Item:
    key = {"PK": text(f"ORDER#{order}"), "SK": text(f"ITEM#{line}")}
    return _changed({**key, "sku": text("tea"), "quantity": number(2)}, changes)


def _changed(row: Item, changes: dict[str, Wire | None]) -> Item:
    return {name: value for name, value in {**row, **changes}.items() if value is not None}
