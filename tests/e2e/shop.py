"""Old rows of the shop, right ones and wrong ones, and which new rows they make expect."""

from __future__ import annotations

import random
from typing import Any

from remodel.items import Item
from tests.oracle_shop import composite, expected

__all__ = ["NEW_KEYS", "expected", "key_text", "rows"]

NEW_KEYS = {"customers": ("id",), "orders": ("customer_id", "order_id"), "order_items": ("order_id", "line")}


def rows(r: random.Random, customers: int = 60) -> dict[str, list[Item]]:
    """A cart is left behind, an order without a buyer has a new row all the same, and some rows are refused."""
    found = [row("x", "y"), row("CUST#nobody", "ORDER#none", placed_at="2025-01-01")]
    for n in range(customers):
        name = {"name": f"customer {n}"} if n % 20 else {}
        found += [row(f"CUST#{n}", "PROFILE", tier=r.choice(["tin", "gold"]), **name), row(f"CUST#{n}", "CART")]
        for order in range(r.randint(0, 4)):
            placed = "2025-03-31" if n % 17 else "soon"
            found.append(row(f"CUST#{n}", f"ORDER#{n}-{order}", placed_at=placed, total=r.randint(1, 900)))
            items = [row(f"ORDER#{n}-{order}", f"ITEM#{line}", sku="s", quantity=r.randint(1, 9)) for line in range(3)]
            found += items
    r.shuffle(found)
    return {"shop": found}


def row(partition: str, sort: str, **values: str | int) -> Item:
    typed: Any = {name: {"N": str(each)} if isinstance(each, int) else {"S": each} for name, each in values.items()}
    return {"PK": {"S": partition}, "SK": {"S": sort}, **typed}


def key_text(table: str, item: Item) -> str:
    """As the oracle has it."""
    values = [next(iter(item[name].values())) for name in NEW_KEYS[table]]
    return values[0] if len(values) == 1 else composite(*values)
