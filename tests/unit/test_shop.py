"""The shop: its kinds and its page. What whole worlds become is in tests/cases and test_oracle."""

from __future__ import annotations

from typing import Any

import pytest

from remodel.errors import RejectedRow
from remodel.items import Wire
from remodel.keys import Key
from remodel.quarantine import Held
from remodel_testing.snapshots import new_tables
from runner.quarantine import told
from shop.model import CUSTOMERS, MODEL, ORDER_ITEMS, ORDERS, SHOP, Customer, Order
from shop.model import Item as OrderItem


def s(value: str) -> Wire:
    return {"S": value}


def key(partition: str, sort: str) -> Key:
    return Key("shop", SHOP.schema.encode({"PK": s(partition), "SK": s(sort)}))


def test_an_order_shows_its_buyer() -> None:
    customer = {"PK": s("CUST#1"), "SK": s("PROFILE"), "name": s("Ann")}
    order = {"PK": s("CUST#1"), "SK": s("ORDER#9"), "placed_at": s("2026-01-01")}

    found = new_tables(MODEL, {"shop": [customer, order]})

    assert found.rows == {
        "customers": {"1": [{"id": s("1"), "name": s("Ann"), "tier": s("tin")}]},
        "orders": {
            "1:19": [
                {
                    "customer_id": s("1"),
                    "order_id": s("9"),
                    "placed_at": s("2026-01-01"),
                    "buyer_name": s("Ann"),
                    "buyer_tier": s("tin"),
                }
            ]
        },
        "order_items": {},
    }


@pytest.mark.parametrize(
    ("partition", "sort", "kind", "fields"),
    [
        ("CUST#1", "PROFILE", Customer, {"customer_id": "1"}),
        ("CUST#a#b", "ORDER#", None, {}),
        ("CUST#a#b", "ORDER#c#d", Order, {"customer_id": "a#b", "order_id": "c#d"}),
        ("ORDER#9", "ITEM#12", OrderItem, {"order_id": "9", "line": 12}),
        ("ORDER#9", "ITEM#-3", OrderItem, {"order_id": "9", "line": -3}),
        ("CUST#1", "CART", "ignored", {}),
        ("ORDER#1", "PROFILE", None, {}),
    ],
)
def test_the_kind_of_an_item_is_told_by_its_key(partition: str, sort: str, kind: Any, fields: dict[str, Any]) -> None:
    if kind is None:
        with pytest.raises(RejectedRow, match="exactly one kind of shop, found none"):
            MODEL.kind_of(key(partition, sort))
    elif kind == "ignored":
        assert MODEL.kind_of(key(partition, sort)) is None
    else:
        found: Any = MODEL.kind_of(key(partition, sort))
        assert found is kind
        assert kind.fields_of(key(partition, sort)) == fields
        assert kind.key_of(fields) == key(partition, sort)


@pytest.mark.parametrize("line", ["01", "1.0", "+1", "-0", "x", "1e3", "٣", " 1"])
def test_a_line_has_one_spelling(line: str) -> None:
    with pytest.raises(RejectedRow, match="found text that is none"):
        OrderItem.fields_of(key("ORDER#9", f"ITEM#{line}"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tier": s("lead")}, "tier: "),
        ({"tier": {"N": "1"}}, "tier: "),
        ({"name": None}, "name: expected a value"),
        ({"name": {"N": "1"}}, "name: expected text"),
        ({"email": {"SS": ["a"]}}, "email: expected text"),
    ],
)
def test_what_is_refused_of_a_customer(changes: dict[str, Any], reason: str) -> None:
    row = {"PK": s("CUST#1"), "SK": s("PROFILE"), "name": s("Ann"), **changes}
    item = {name: value for name, value in row.items() if value is not None}

    with pytest.raises(RejectedRow, match=f"^{reason}"):
        Customer.read(key("CUST#1", "PROFILE"), item)


def test_tables_and_indexes() -> None:
    assert list(MODEL.old_tables) == ["shop"]
    assert list(MODEL.new_tables) == ["customers", "orders", "order_items"]
    assert [table.schema.attributes for table in (CUSTOMERS, ORDERS, ORDER_ITEMS)] == [
        (("id", "S"),),
        (("customer_id", "S"), ("order_id", "S")),
        (("order_id", "S"), ("line", "N")),
    ]
    assert [(index.name, index.attributes) for table in (CUSTOMERS, ORDERS) for index in table.indexes] == [
        ("by-email", (("email", "S"),)),
        ("by-day", (("customer_id", "S"), ("placed_at", "S"))),
    ]


def test_what_orders_see_of_a_customer() -> None:
    plan, row = MODEL.plans[Customer], {"PK": s("CUST#1"), "SK": s("PROFILE"), "name": s("Ann")}

    def seen(**changes: Wire) -> Any:
        return plan.seen_by_others(Customer.read(key("CUST#1", "PROFILE"), {**row, **changes}))

    assert seen() == seen(email=s("a@b")) == seen(tier=s("tin"))
    assert seen() != seen(name=s("Bea")) != seen(tier=s("gold"))


@pytest.mark.parametrize(
    ("pair", "kind"),
    [(("CUST#1", "PROFILE"), "Customer"), (("CUST#1", "ORDER#9"), "Order"), (("x", "y"), ""), (("CUST#1", "CART"), "")],
)
def test_quarantine_tells_of_which_kind_a_row_is(pair: tuple[str, str], kind: str) -> None:
    assert told(MODEL, Held(key(*pair), "no", "2026-01-01T00:00:00Z"))["kind"] == kind
