"""Reconciliation on DynamoDB Local: it finds what is wrong, names it field by field, accuses nobody too soon, and mends."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from tests.conftest import Handlers
from tests.records import Stream
from tests.rows import MEASURE, actual, guid, link, number, text

from local_cloud.cloud import Cloud
from measures import MODEL
from measures.join import other_id
from remodel.core.errors import BadRequest
from remodel.flow import diff
from remodel.flow import reconcile as flow


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "LOOKS", (0.0, 0.0, 0.0))


@pytest.fixture
def migrated(cloud: Cloud, handlers: Handlers) -> Handlers:
    """Two links, four rows, one of them unlinked and one refused; everything replicated."""
    stream = Stream(cloud.tables)
    old: dict[str, list[Any]] = {
        "links": [link(), link("second", linked_at=text("2025-05-05"))],
        "actuals": [
            actual("a"),
            actual("b"),
            actual("unlinked", measure_id=text("no links")),
            actual("bad", recorded_by=text(" ")),
        ],
    }
    for source, rows in old.items():
        for row in rows:
            cloud.dynamodb.put_item(TableName=cloud.tables[source], Item=row)
        handlers(f"Replicate{source.title()}", {"Records": list(stream.changes(source, {}, old))})
    return handlers


def counts(report: Any) -> tuple[int, ...]:
    return tuple(report[name] for name in ("missing", "different", "orphaned", "unlinked", "quarantined"))


def put(cloud: Cloud, table: str, item: Any) -> None:
    cloud.dynamodb.put_item(TableName=cloud.tables[table], Item=item)


def delete(cloud: Cloud, table: str, id: str) -> None:
    cloud.dynamodb.delete_item(TableName=cloud.tables[table], Key={"id": {"S": id}})


def get(cloud: Cloud, table: str, id: str) -> Any:
    return cloud.dynamodb.get_item(TableName=cloud.tables[table], Key={"id": {"S": id}}).get("Item")


@pytest.mark.parametrize("mode", ["counts", "sample", "full"])
def test_nothing_differs(mode: str, migrated: Handlers) -> None:
    report = migrated("Reconcile", {"mode": mode})

    assert counts(report)[:3] == (0, 0, 0)
    assert report["quarantined"] == 1


def test_the_numbers_add_up(migrated: Handlers) -> None:
    """Every old row is carried over, unlinked or quarantined."""
    report = migrated("Reconcile", {"mode": "counts"})

    assert counts(report)[3:] == (1, 1)
    assert report["old"] == {"links": 2, "milestones": 0, "actuals": 4, "readings": 0}
    assert {"measure_links": 2, "measure_data": 4} == report["expected"] == report["found"]


@pytest.mark.parametrize("mode", ["sample", "full"])
def test_each_kind_of_difference_is_found_and_mended(mode: str, migrated: Handlers, cloud: Cloud) -> None:
    before = cloud.dynamodb.scan(TableName=cloud.tables["measure_data"])["Items"]
    delete(cloud, "measure_data", guid("a"))
    put(cloud, "measure_data", {**get(cloud, "measure_data", guid("b")), "post_value": number(8)})
    put(cloud, "measure_data", {"id": text(guid("stray")), "measure_link_id": text(guid("link"))})
    delete(cloud, "measure_links", guid("second"))

    report = migrated("Reconcile", {"mode": mode, "sample": 1_000})

    assert counts(report)[:3] == (2, 1, 1)
    (different,) = (each for each in report["examples"] if each["kind"] == "different")
    assert {"post_value": {"expected": number(7), "found": number(8)}} == different["fields"]

    repaired = migrated("Reconcile", {"mode": mode, "repair": True, "sample": 1_000})

    assert repaired["repaired"] >= 4
    assert counts(migrated("Reconcile", {"mode": "full"}))[:3] == (0, 0, 0)
    after = cloud.dynamodb.scan(TableName=cloud.tables["measure_data"])["Items"]
    assert sorted(map(str, before)) == sorted(map(str, after))


def test_counts_name_what_they_miss(migrated: Handlers, cloud: Cloud) -> None:
    delete(cloud, "measure_data", guid("a"))

    assert counts(migrated("Reconcile", {"mode": "counts"}))[:3] == (1, 0, 0)


def test_it_repairs_only_when_told_to(migrated: Handlers, cloud: Cloud) -> None:
    delete(cloud, "measure_data", guid("a"))
    migrated("Reconcile", {"mode": "full"})

    assert get(cloud, "measure_data", guid("a")) is None


def test_a_change_lost_by_a_stream_is_found_and_mended(migrated: Handlers, cloud: Cloud) -> None:
    """The index itself is out of date: sync corrects it under the version that it has, and a later change still wins."""
    put(cloud, "actuals", actual("a", actual_value=number(70)))
    delete(cloud, "actuals", guid("b"))
    put(cloud, "links", link("second", measure_id=text("elsewhere")))

    first = migrated("Reconcile", {"mode": "full", "repair": True})

    assert first["repaired"] > 0
    assert counts(migrated("Reconcile", {"mode": "full"}))[:3] == (0, 0, 0)
    stream = Stream(cloud.tables, "2026-11-23T00:00:00.000")
    put(cloud, "actuals", actual("a", actual_value=number(71)))
    record = stream.record("actuals", actual("a", actual_value=number(70)), actual("a", actual_value=number(71)))
    migrated("ReplicateActuals", {"Records": [record]})
    assert number(71) == get(cloud, "measure_data", guid("a"))["post_value"]


def test_what_the_streams_are_about_to_mend_is_no_difference(
    migrated: Handlers, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at twice: between the looks the stream passes."""
    stream = Stream(cloud.tables)
    late = actual("late")
    put(cloud, "actuals", late)

    def stream_passes(*_: object) -> None:
        migrated("ReplicateActuals", {"Records": [stream.record("actuals", None, late)]})

    monkeypatch.setattr(migrated.app("Reconcile").wired().engine.clock.__class__, "sleep", stream_passes)

    report = migrated("Reconcile", {"mode": "full"})

    assert counts(report)[:3] == (0, 0, 0)
    assert report["looked_twice"] > 0


def test_tenants_and_goals_are_reported(migrated: Handlers, cloud: Cloud) -> None:
    put(cloud, "links", link("third", tenant_id=text("other"), goal_id=text("goal of link")))
    put(cloud, "actuals", actual("c", tenant_id=text("t"), measure_id=text(MEASURE)))

    report = migrated("Reconcile", {"mode": "full"})

    assert (report["tenant_violations"], report["uniqueness_violations"]) == (1, 1)


def test_a_row_that_differs_otherwise_at_each_look_is_being_changed(
    migrated: Handlers, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter(range(70, 99))

    def changes(*_: object) -> None:
        put(cloud, "actuals", actual("a", actual_value=number(next(values))))

    changes()
    monkeypatch.setattr(migrated.app("Reconcile").wired().engine.clock.__class__, "sleep", changes)

    report = migrated("Reconcile", {"mode": "full"})

    assert (counts(report)[:3], report["looked_twice"]) == ((0, 0, 0), 1)


def parts(handlers: Handlers, **event: Any) -> list[Any]:
    """Every part of every table, in three segments each, until done."""
    answers = []
    for table in (*MODEL.sources, *MODEL.new_tables):
        for segment in range(3):
            answer: Any = {"cursor": None, "done": False}
            while not answer["done"]:
                part = {"table": table, "segment": segment, "total_segments": 3, "cursor": answer["cursor"]}
                answer = handlers("Reconcile", {"mode": "diff", **part, **event}, seconds=20.0)
                answers.append(json.loads(json.dumps(answer)))
    return answers


def astray(answers: list[Any]) -> list[Any]:
    return [row for answer in answers for row in answer["astray"]]


def test_parts_add_up_to_the_whole(migrated: Handlers, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is missing, one differs, one names a link that is none, one follows from nothing, a link is lost."""
    monkeypatch.setattr(diff, "PAGE", 2)
    delete(cloud, "measure_data", guid("a"))
    put(cloud, "measure_data", {**get(cloud, "measure_data", guid("b")), "post_value": number(8)})
    put(cloud, "measure_data", {"id": text("?" * 200), "measure_link_id": text(guid("link"))})
    copy = other_id(guid("b"), guid("second"))
    put(cloud, "measure_data", {**get(cloud, "measure_data", copy), "measure_link_id": text("x" * 2_000)})
    roster = {"group_key": text(MEASURE), "item_key": text("roster")}
    cloud.dynamodb.delete_item(TableName=cloud.tables["index"], Key=roster)

    known = astray(parts(migrated))
    known = astray(parts(migrated, astray=known))
    answers = parts(migrated, astray=known)

    whole = migrated("Reconcile", {"mode": "full"})
    for name in ("missing", "different", "orphaned", "unlinked", "quarantined", "tenant_violations"):
        assert sum(answer[name] for answer in answers) == whole[name], name
    for name in ("old", "expected", "found"):
        assert sum((Counter(each[name]) for each in answers), Counter()) == Counter(whole[name]) + Counter()
    assert counts(whole) == (1, 2, 1, 1, 1)
    assert sum(answer["lost"] for answer in answers) == 2

    parts(migrated, repair=True)

    assert not astray(parts(migrated))
    assert counts(migrated("Reconcile", {"mode": "full"}))[:3] == (0, 0, 0)


def test_a_part_is_not_the_whole(migrated: Handlers, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    delete(cloud, "measure_data", guid("a"))
    capsys.readouterr()

    answer = migrated("Reconcile", {"mode": "diff", "table": "actuals"})

    assert (answer["missing"], answer["done"]) == (1, True)
    figures = [line for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert len(figures) == 1 and "Scanned" in figures[0]
    assert "Drift" not in figures[0] and "Missing" not in figures[0]


@pytest.mark.parametrize(
    "wrong",
    [{"table": "people"}, {"table": "links", "segment": 1}, {}, {"table": "links", "sample": 3}],
)
def test_a_part_that_there_is_not_is_refused(wrong: Any, handlers: Handlers) -> None:
    with pytest.raises(BadRequest):
        handlers("Reconcile", {"mode": "diff", **wrong})
