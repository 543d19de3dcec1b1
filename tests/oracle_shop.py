"""What the shop's new tables must hold, computed from its old table alone; it shares no code with the engine or the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from demo.oracle_values import Item, Refused, S, instant


@dataclass
class Expected:
    """`rows`: by new table and key text, the rows that are right there. `quarantine`: table and key text of refused rows."""

    rows: dict[str, dict[str, list[Item]]] = field(
        default_factory=lambda: {"customers": {}, "orders": {}, "order_items": {}}
    )
    quarantine: set[tuple[str, str]] = field(default_factory=set)

    @property
    def counts(self) -> dict[str, int]:
        names = ("unlinked", "tenant_violations", "uniqueness_violations", "claims", "ambiguous")
        return dict.fromkeys(names, 0) | {"quarantined": len(self.quarantine)}


def expected(old: Mapping[str, Sequence[Item]]) -> Expected:
    """`old`: the items of the table `shop`."""
    result = Expected()
    customers: dict[str, Item] = {}
    orders: list[tuple[str, str, Item]] = []
    for item in old.get("shop", ()):
        partition, sort = item["PK"]["S"], item["SK"]["S"]
        try:
            if found := matches(r"CUST#(.+)", r"PROFILE", partition, sort):
                customers[found[0]] = customer(item)
            elif found := matches(r"CUST#(.+)", r"ORDER#(.+)", partition, sort):
                orders.append((found[0], found[1], order(item)))
            elif found := matches(r"ORDER#(.+)", r"ITEM#(.+)", partition, sort):
                line = whole_line(found[1])
                row = {"order_id": S(found[0]), "line": {"N": line}, **order_item(item)}
                result.rows["order_items"][composite(found[0], line)] = [row]
            elif sort != "CART":
                raise Refused
        except Refused:
            result.quarantine.add(("shop", composite(partition, sort)))
    result.rows["customers"] = {id: [{"id": S(id), **row}] for id, row in customers.items()}
    for customer_id, order_id, row in orders:
        buyer = customers.get(customer_id)
        seen = {"buyer_name": buyer["name"], "buyer_tier": buyer["tier"]} if buyer else {}
        new = {"customer_id": S(customer_id), "order_id": S(order_id), **row, **seen}
        result.rows["orders"][composite(customer_id, order_id)] = [new]
    return result


def customer(item: Item) -> Item:
    tier, email = value(item, "tier") or S("tin"), text(item, "email")
    if tier not in (S("tin"), S("gold")):
        raise Refused
    if email is not None and not 0 < len(email.encode()) <= 2_048:  # the key of an index
        raise Refused
    return without_none({"name": S(required(text(item, "name"))), "tier": tier, "email": S(email)})


def order(item: Item) -> Item:
    placed_at = required(text(item, "placed_at"))
    instant(placed_at)
    return without_none({"placed_at": S(placed_at), "total": number(item, "total")})


def order_item(item: Item) -> Item:
    return {"sku": S(required(text(item, "sku"))), "quantity": required(number(item, "quantity"))}


def whole_line(text: str) -> str:
    """A whole number in its one spelling, and one that DynamoDB can hold: at most 38 digits without trailing zeros."""
    if not re.fullmatch(r"0|-?[1-9]\d*", text, re.ASCII) or len(text.strip("-").rstrip("0")) > 38:
        raise Refused
    if Decimal(text).adjusted() > 125:
        raise Refused
    return text


def matches(partition_form: str, sort_form: str, partition: str, sort: str) -> list[str] | None:
    one = re.fullmatch(partition_form, partition, re.DOTALL)
    other = re.fullmatch(sort_form, sort, re.DOTALL)
    return [*one.groups(), *other.groups()] if one and other else None


def composite(partition: str, sort: str) -> str:
    """The text of a key of two attributes."""
    return f"{len(partition)}:{partition}{sort}"


def value(item: Item, name: str) -> Any:
    """The typed value; NULL means that it is absent, and empty text is text."""
    found = item.get(name)
    return None if found is None or "NULL" in found else found


def text(item: Item, name: str) -> str | None:
    found = value(item, name)
    if found is not None and "S" not in found:
        raise Refused
    return found["S"] if found else None


def number(item: Item, name: str) -> Any:
    found = value(item, name)
    if found is not None and "N" not in found:
        raise Refused
    return found


def required(found: Any) -> Any:
    if found is None:
        raise Refused
    return found


def without_none(row: Item) -> Item:
    return {name: value for name, value in row.items() if value is not None}
