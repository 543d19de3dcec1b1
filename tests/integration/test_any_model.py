"""The functions of another model's template, as an outside check calls them: from rows in the old tables to a clean comparison."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.cloud import standing
from remodel import compare
from remodel.backfill import LEFT_BEHIND, NO_KIND
from remodel_testing.rows import Rows
from runner import backup, prepare, show, status
from runner.backfill import backfill
from runner.watch import SILENT, Advance, Silent
from shop.model import MODEL as SHOP
from tests.integration.stage import Stage, quietly
from tests.places import Handlers, Place, template_place
from tests.records import Application
from tests.rows import customer, number, order, text

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


@pytest.fixture
def shop_stage(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with standing(endpoint, tmp_path, "test-kinds-", "shop.model:MODEL") as cloud:
        cloud.create_tables()
        yield Stage(cloud, Handlers(template_place(cloud), monkeypatch))
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


def test_a_backfill_tells_how_many_rows_of_each_kind_there_are(
    shop_stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    cart, stray = ({"PK": text("CUST#1"), "SK": text(name)} for name in ("CART", "?"))
    shop_stage.put("shop", customer(), order(), order("10"), order("11", placed_at=text("soon")), cart, stray)
    backup.back_up(shop_stage.world)
    prepare.prepare(shop_stage.world, quietly)
    assert [each.kinds for each in status.status(shop_stage.world).tables] == [{}]

    told: dict[tuple[str, int], Advance] = {}

    class Watch(Silent):
        def advance(self, part: Advance) -> None:
            told[part.doing, part.part] = part

    done = backfill(shop_stage.world, 2, Watch())
    kinds = Counter[str]()
    for (doing, _), part in told.items():
        kinds.update(part.kinds if doing == "backfill" else {})
    assert kinds == {"Customer": 1, "Order": 3, LEFT_BEHIND: 1, NO_KIND: 1}
    show.backfilled(done)

    assert {name: list(counts.values()) for name, counts in done.kinds["shop"].items()} == {
        "Customer": [1, 1, 0],
        "Order": [3, 3, 1],
        "Item": [0, 0, 0],
        LEFT_BEHIND: [1, 0, 0],
        NO_KIND: [1, 1, 1],
    }
    assert re.search(r"^shop +Order +3 +3 +1$", capsys.readouterr().out, re.MULTILINE)
    assert backfill(shop_stage.world, 2, SILENT).kinds == done.kinds, "of all runs"
    assert [each.kinds for each in status.status(shop_stage.world).tables] == [done.kinds["shop"]]


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
