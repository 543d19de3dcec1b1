"""Rows of the shop: customers with orders and items in one table, carts, unknown keys, keys as long as can be, refused rows."""

from __future__ import annotations

import random
from typing import Any

from remodel.items import Item
from remodel_testing.simulation.draw import Cast

LONG = "c" * 2_030


def text(value: str) -> Any:
    return {"S": value}


def key(partition: str, sort: str) -> str:
    return f"{len(partition)}:{partition}{sort}"


def cast(r: random.Random) -> Cast:
    customers = r.sample(("1", "2", LONG), r.choice((1, 1, 2)))
    pairs = [(f"CUST#{id}", "PROFILE") for id in customers]
    pairs += [(f"CUST#{id}", f"ORDER#{n}") for id in customers for n in range(1, r.randint(2, 4))]
    others = [
        ("ORDER#1", "ITEM#1"),
        ("ORDER#1", "ITEM#x"),
        ("CUST#1", "CART"),
        ("x", "y" * 1_024),
        ("CUST#", "PROFILE"),
    ]
    pairs += r.sample(others, r.randint(0, 2))
    by_key = {key(*pair): pair for pair in pairs}
    refused = r.choice((0.0, 0.2))

    def row(table: str, name: str, was: Item | None) -> Item:
        partition, sort = by_key[name]
        made = {"PK": text(partition), "SK": text(sort)} | _columns(r, sort)
        if r.random() < refused:
            made[r.choice(("name", "placed_at", "sku"))] = {"BOOL": True}
        return made

    weights = [3.0 if pair[1] == "PROFILE" else 1.0 for pair in pairs]
    return Cast([("shop", name) for name in by_key], row, frozenset({"shop"}), weights=weights)


def _columns(r: random.Random, sort: str) -> Item:
    if sort == "PROFILE":
        made = {"name": text(r.choice(("Ann", "Bob"))), "tier": text(r.choice(("tin", "gold")))}
        return made | ({"email": text(r.choice("ab"))} if r.random() < 0.5 else {})
    if sort.startswith("ORDER#"):
        return {"placed_at": text("2025-03-31"), "total": {"N": str(r.randint(1, 3))}}
    return {"sku": text("s"), "quantity": {"N": str(r.randint(1, 3))}}
