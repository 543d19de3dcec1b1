"""Comparison on DynamoDB Local: it finds what is wrong, names it field by field, accuses nobody too soon, and repairs."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from measures.ids import derived_id
from remodel import compare
from remodel.errors import BadRequest
from tests.places import Handlers
from tests.records import Application
from tests.rows import actual, customer, guid, item, link, number, order, text

DRIFT = ("missing", "different", "orphaned")


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "CONFIRM", 0.0)


@pytest.fixture
def migrated(application: Application) -> Application:
    """Two links, four rows, one of them unlinked and one rejected; everything replicated."""
    application.do("links", link(), link("second", linked_at=text("2025-05-05")))
    rows = [
        actual("a"),
        actual("b"),
        actual("unlinked", measure_id=text("no links")),
        actual("bad", recorded_by=text(" ")),
    ]
    application.do("actuals", *rows)
    return application


def reconcile(application: Application, mode: str = "full", **event: Any) -> Any:
    return json.loads(json.dumps(application.handlers("Reconcile", {"mode": mode, **event})))


def counts(report: Any, *names: str) -> tuple[int, ...]:
    return tuple(report[name] for name in names or DRIFT)


def change(application: Application, table: str, id: str, **values: Any) -> None:
    place = application.place
    place.put(table, {**place.by_key(table)[id], **values})


def lose(application: Application, table: str, *ids: str) -> None:
    application.place.remove(table, *({"id": text(id)} for id in ids))


@pytest.mark.parametrize("mode", ["counts", "sample", "full"])
def test_nothing_differs(mode: str, migrated: Application) -> None:
    report = reconcile(migrated, mode)

    assert (report["drift"], report["examples"]) == (0, [])
    assert counts(report, "unlinked", "quarantined") == (1, 1)


def test_the_numbers_add_up(migrated: Application) -> None:
    """Every old row has new rows, or is unlinked, or in quarantine."""
    report = reconcile(migrated, "counts")

    compared = {"links": 2, "actuals": 4, "measure_links": 2, "measure_data": 4, "quarantine": 1}
    assert {name: count for name, count in report["rows"].items() if count} == compared
    assert report["expected"] == 2 + 4 + 1


@pytest.mark.parametrize("mode", ["counts", "sample", "full"])
def test_each_kind_of_difference_is_found_and_repaired(mode: str, migrated: Application) -> None:
    place = migrated.place
    before = {table: place.by_key(table) for table in ("measure_links", "measure_data", "quarantine")}
    lose(migrated, "measure_data", guid("a"))
    lose(migrated, "measure_links", guid("second"))
    change(migrated, "measure_data", guid("b"), post_value=number(8))
    place.put("measure_data", {"id": text(guid("stray")), "measure_link_id": text(guid("link"))})
    place.remove("quarantine", *place.rows("quarantine"))

    report = reconcile(migrated, mode, sample=1_000)

    assert counts(report) == (3, 1, 1)
    (different,) = (each for each in report["examples"] if each["what"] == "different")
    assert different["fields"] == {"post_value": {"expected": number(7), "found": number(8)}}
    assert (different["key"], different["origin"]) == (guid("b"), ["actuals", guid("b")])

    assert reconcile(migrated, mode, repair=True, sample=1_000)["repaired"] >= 3, "a link takes its rows along"
    assert reconcile(migrated)["drift"] == 0
    for table, rows in before.items():
        after = place.by_key(table)
        assert {key: {**row, "since": None} for key, row in after.items()} == {
            key: {**row, "since": None} for key, row in rows.items()
        }


def test_it_repairs_only_when_told_to(migrated: Application) -> None:
    lose(migrated, "measure_data", guid("a"))
    reconcile(migrated)

    assert guid("a") not in migrated.place.by_key("measure_data")


def test_changes_that_a_stream_has_lost_are_found_and_repaired(migrated: Application) -> None:
    migrated.put("actuals", actual("a", actual_value=number(70)))
    migrated.remove("actuals", actual("b"))
    migrated.put("links", link("second", measure_id=text("elsewhere")))

    assert reconcile(migrated, repair=True)["repaired"] > 0
    assert reconcile(migrated)["drift"] == 0
    migrated.do("actuals", actual("a", actual_value=number(71)))
    assert migrated.place.by_key("measure_data")[guid("a")]["post_value"] == number(71)


def test_what_a_stream_is_about_to_bring_is_no_difference(
    migrated: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two looks the stream passes."""
    records = migrated.put("actuals", actual("late"))
    clock = migrated.handlers.runtime("Reconcile").place.clock
    monkeypatch.setattr(type(clock), "sleep", lambda *_: migrated.deliver("actuals", *records))

    report = reconcile(migrated)

    assert (report["drift"], report["examples"]) == (0, [])


def test_tenants_and_goals_are_reported(migrated: Application) -> None:
    migrated.do("links", link("third", tenant_id=text("other"), goal_id=text("goal of link")))
    migrated.do("actuals", actual("c", tenant_id=text("t")))

    report = reconcile(migrated)

    assert report["drift"] == 0
    assert report["tenant_violations"] == 1 + 2 * 3, "one of c's pairs; a and b have no tenant, and three links"
    assert report["uniqueness_violations"] == 1


def test_two_old_rows_that_claim_one_new_key_are_named_in_every_mode(migrated: Application) -> None:
    derived = derived_id(guid("a"), guid("second"))
    migrated.do(
        "readings",
        {"id": text(derived), "measure_id": text("measure-a"), "period": text("2025-03"), "value": number(1)}
        | {"created_at": text("2025-01-01")},
    )
    for mode in ("counts", "sample", "full"):
        report = reconcile(migrated, mode, sample=1_000)

        assert (report["drift"], report["claims"]) == (0, 1)
        (example,) = report["examples"]
        claimants = [example["origin"], *example["others"]]
        assert sorted(claimants) == [["actuals", guid("a")], ["readings", derived]]


def parts(application: Application, **event: Any) -> list[Any]:
    """Every part of every table, in three segments each, until done."""
    answers = []
    for table in (*application.place.model.order, *application.place.model.new_tables, "quarantine"):
        for segment in range(3):
            answer: Any = {"cursor": None, "done": False}
            while not answer["done"]:
                part = {"table": table, "segment": segment, "total_segments": 3, "cursor": answer["cursor"]}
                answer = reconcile(application, "diff", **part, **event)
                answers.append(answer)
    return answers


def test_parts_add_up_to_the_whole(migrated: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is missing, one differs, one names a link that is none, one has no old row, a membership is lost."""
    monkeypatch.setattr(compare, "PAGE", 2)
    lose(migrated, "measure_data", guid("a"))
    change(migrated, "measure_data", guid("b"), post_value=number(8))
    change(migrated, "measure_data", derived_id(guid("b"), guid("second")), measure_link_id=text("x" * 2_000))
    migrated.place.put("measure_data", {"id": text("?" * 200), "measure_link_id": text(guid("link"))})
    members = [each for each in migrated.place.rows("index") if each["item_key"]["S"].endswith(guid("a"))]
    migrated.place.remove("index", *members)

    answers = parts(migrated)

    whole = reconcile(migrated)
    names = (*DRIFT, "unindexed", "unlinked", "quarantined", "tenant_violations", "expected")
    assert {name: sum(each[name] for each in answers) for name in names} == {name: whole[name] for name in names}
    assert sum((Counter(each["rows"]) for each in answers), Counter()) == Counter(whole["rows"]) + Counter()
    assert counts(whole, *DRIFT, "unindexed") == (1, 2, 3, 1)
    orphans = {each["key"] for each in whole["examples"] if each["what"] == "orphaned"}
    assert orphans == {"?" * 200, derived_id(guid("a"), guid("second")), derived_id(guid("b"), guid("second"))}, (
        "a row that names no link of its old row, or whose old row is no member, has no origin that can be found"
    )

    parts(migrated, repair=True)

    assert sum(each["drift"] for each in parts(migrated)) == 0
    assert reconcile(migrated)["drift"] == 0


def test_a_part_is_not_the_whole(migrated: Application, capsys: pytest.CaptureFixture[str]) -> None:
    lose(migrated, "measure_data", guid("a"))
    capsys.readouterr()

    answer = reconcile(migrated, "diff", table="actuals")

    assert (answer["missing"], answer["done"]) == (1, True)
    figures = [line for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert len(figures) == 1 and "Scanned" in figures[0]
    assert "Drift" not in figures[0] and "Missing" not in figures[0]


@pytest.mark.parametrize(
    "wrong", [{"table": "index"}, {"table": "links", "segment": 1}, {}, {"table": "links", "sample": 3}], ids=str
)
def test_a_part_that_there_is_not_is_refused(wrong: Any, handlers: Handlers) -> None:
    with pytest.raises(BadRequest):
        handlers("Reconcile", {"mode": "diff", **wrong})


def test_resync_finds_what_was_removed_or_has_moved_unseen(migrated: Application) -> None:
    """A gap in the streams: rows come, change, move, and are removed, and no record tells of it."""
    migrated.put("actuals", actual("new"), actual("a", actual_value=number(70)))
    migrated.remove("actuals", actual("b"))
    migrated.put("links", link("second", measure_id=text("elsewhere")))

    migrated.backfill()
    for table in ("index", "quarantine"):
        assert reconcile(migrated, "resync", table=table)["done"]

    assert reconcile(migrated)["drift"] == 0


def test_a_single_table_with_several_kinds_is_compared_and_repaired(shop: Application) -> None:
    shop.do("shop", customer(), order(), item(1), item(2), {"PK": text("x"), "SK": text("y")})
    before = {table: shop.place.by_key(table) for table in shop.place.model.new_tables}
    shop.place.remove("order_items", before["order_items"]["1:91"])
    shop.place.put("orders", {**before["orders"]["1:19"], "buyer_name": text("Bob")})
    shop.place.put("customers", {"id": text("stray")})

    report = reconcile(shop)
    assert counts(report, *DRIFT, "quarantined") == (1, 1, 1, 1)

    reconcile(shop, repair=True)
    assert {table: shop.place.by_key(table) for table in before} == before
