"""The shop, whole: a single table of customers, orders and order items becomes three tables.

    CUST#1   PROFILE   ──▶ customers
    CUST#1   ORDER#9   ──▶ orders, with the buyer's name and tier
    ORDER#9  ITEM#1    ──▶ order_items

Carts are left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from remodel.joins import one
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model
from remodel.timestamps import Timestamp

SHOP = Old("shop", PK=str, SK=str)


class Customer(Kind, of=SHOP, PK="CUST#{customer_id}", SK="PROFILE"):
    customer_id: str
    name: str
    tier: Literal["tin", "gold"] = "tin"
    email: str | None = None


class Order(Kind, of=SHOP, PK="CUST#{customer_id}", SK="ORDER#{order_id}"):
    customer_id: str
    order_id: str
    placed_at: Timestamp
    total: Decimal | None = None


class Item(Kind, of=SHOP, PK="ORDER#{order_id}", SK="ITEM#{line}"):
    order_id: str
    line: int
    sku: str
    quantity: Decimal


CUSTOMERS = New("customers", id=str, indexes=[Index("by-email", "email")])
ORDERS = New("orders", customer_id=str, order_id=str, indexes=[Index("by-day", "customer_id", "placed_at")])
ORDER_ITEMS = New("order_items", order_id=str, line=int)

MODEL = Model("shop", ignore=[(SHOP, {"SK": "CART"})])


@MODEL.becomes(CUSTOMERS, id="{customer_id}")
def customer(it: Customer) -> Mapping[str, Any]:
    return {"name": it.name, "tier": it.tier, "email": it.email}


@MODEL.becomes(ORDERS, joins={"buyer": one(Customer, sees=["name", "tier"])})
def order(it: Order, buyer: Any) -> Mapping[str, Any]:
    return {
        "placed_at": it.placed_at,
        "total": it.total,
        "buyer_name": buyer and buyer.name,
        "buyer_tier": buyer and buyer.tier,
    }


@MODEL.becomes(ORDER_ITEMS)
def order_item(it: Item) -> Mapping[str, Any]:
    return {"sku": it.sku, "quantity": it.quantity}
