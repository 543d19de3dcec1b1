"""The functions of another model's template, as an outside check calls them: from rows in the old tables to a clean comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.cloud import standing
from remodel import compare
from remodel_testing.rows import Rows
from shop.model import MODEL as SHOP
from tests.places import Handlers, Place, template_place
from tests.records import Application
from tests.rows import number, text

STRANGERS = Path(__file__).parents[1] / "strangers"
PART = {"segment": 0, "total_segments": 1, "cursor": None}
CLEAN = {"missing": 0, "different": 0, "orphaned": 0}


@pytest.fixture
def lending(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    monkeypatch.syspath_prepend(str(STRANGERS))
    with standing(endpoint, tmp_path, "test-lending-", "lending.model:MODEL") as cloud:
        cloud.create_tables()
        yield Application(Handlers(template_place(cloud), monkeypatch))
        cloud.delete_tables()


def report(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(compare, "CONFIRM", 0.0)
    return handlers("Reconcile", {"mode": "full", "repair": False})


def scanned(handlers: Handlers, table: str) -> int:
    found, cursor = 0, None
    while True:
        answer = handlers("Backfill", {**PART, "table": table, "cursor": cursor})
        found, cursor = found + answer["scanned"], answer["cursor"]
        if answer["done"]:
            return int(found)


def test_a_table_of_several_kinds_is_scanned_once_for_all(shop: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Rows(SHOP, seed=5).tables(60)["shop"]
    shop.place.put("shop", *old)

    assert scanned(shop.handlers, "shop") == len(old)
    found = report(shop.handlers, monkeypatch)
    assert {name: found[name] for name in CLEAN} == CLEAN
    assert found["quarantined"] == len(shop.place.rows("quarantine")) > 0
    assert all(shop.place.rows(name) for name in ("customers", "orders", "order_items"))

    shop.place.remove("customers", shop.place.rows("customers")[0])
    assert report(shop.handlers, monkeypatch)["missing"] == 1


def borrower(name: str) -> Any:
    return {"number": number(1), "card": number(7), "name": text(name)}


def loan(at: int) -> Any:
    return {"copy": {"B": b"\x00\xff"}, "at": number(at), "item": number(3), "card": number(7), "office": text("north")}


def test_keys_of_bytes_and_numbers_go_through_streams_and_backfill(
    lending: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Place = lending.place
    place.put("branch_offices", {"id": text("OFFICE#north"), "town": text("Oslo")})
    place.put("borrowers", borrower("Ann"))
    place.put("stock-items", {"id": number(3), "title": text("Emma")})
    place.put("loan-events", loan(1))
    for name in place.model.order:
        assert scanned(lending.handlers, name) == 1
    lending.do("loan-events", loan(2))
    lending.do("borrowers", borrower("Bea"))

    assert {row["name"]["S"] for row in place.rows("loan-history")} == {"Bea"}
    assert {row["town"]["S"] for row in place.rows("loan-history")} == {"Oslo"}
    assert [row["loans"]["N"] for row in place.rows("stock")] == ["2"]
    found = report(lending.handlers, monkeypatch)
    assert {name: found[name] for name in CLEAN} == CLEAN

    lending.undo("loan-events", loan(1))
    assert [row["loans"]["N"] for row in place.rows("stock")] == ["1"]
