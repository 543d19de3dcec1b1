"""The handlers that Lambda calls, on DynamoDB Local, fed with the repository's events and with what nobody should send."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Handlers
from tests.records import Stream
from tests.rows import actual, guid, link, number, text

from local_cloud.cloud import Cloud
from remodel.core.errors import BadRequest, MissingSetting, NotAStreamEvent, TableNotFound, WrongStreamView

EVENTS = Path(__file__).parents[2] / "events"
ACTUAL = "a0c7a1de-0b54-4f5e-8a39-1d6d2c7b0001"
DONE: dict[str, list[Any]] = {"batchItemFailures": []}


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def data(cloud: Cloud) -> dict[str, Any]:
    return {item["id"]["S"]: item for item in cloud.dynamodb.scan(TableName=cloud.tables["measure_data"])["Items"]}


def quarantine(cloud: Cloud) -> list[Any]:
    return cloud.dynamodb.scan(TableName=cloud.tables["quarantine"])["Items"]


@pytest.fixture
def linked(handlers: Handlers) -> Handlers:
    assert handlers("ReplicateLinks", event("link")) == DONE
    return handlers


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (["insert"], "42.5"),
        (["insert", "modify"], "43"),
        (["insert", "modify", "remove"], None),
        (["insert", "ttl-removal"], None),
        (["insert", "move-to-another-measure"], None),
        (["duplicate-delivery"], "43"),
        (["two-changes-within-a-second"], "2"),
        (["binary"], "42.5"),
        (["insert", "poisoned-row"], "42.5"),
        (["insert", "poisoned-row", "mended-row"], "44"),
        (["insert", "modify", "insert"], "43"),
        (["remove", "insert"], None),
    ],
    ids=str,
)
def test_events(names: list[str], value: str | None, linked: Handlers, cloud: Cloud) -> None:
    """The events end in the value that their last one by sequence number says, in whatever order they come."""
    for name in names:
        assert linked("ReplicateActuals", event(name)) == DONE

    found = data(cloud)
    assert value == (found[ACTUAL]["post_value"]["N"] if ACTUAL in found else None)


def test_a_link_that_goes_takes_its_rows_along(linked: Handlers, cloud: Cloud) -> None:
    linked("ReplicateActuals", event("insert"))
    linked("ReplicateLinks", event("unlink"))

    assert data(cloud) == {}


def test_a_poisoned_row_is_kept_with_image_and_reason(linked: Handlers, cloud: Cloud) -> None:
    linked("ReplicateActuals", event("poisoned-row"))

    (held,) = quarantine(cloud)
    assert (held["source"]["S"], held["row"]["S"]) == ("actuals", ACTUAL)
    assert "recorded_by: expected text that is not blank" in held["reason"]["S"]
    app = linked.app("ReplicateActuals")
    from remodel.flow.quarantine import all_held, image

    wired, _source = app.wired()
    kept = image(wired.engine, next(all_held(wired.engine)), wired.patience(_context()))
    assert event("poisoned-row")["Records"][0]["dynamodb"]["NewImage"] == kept


@pytest.mark.parametrize("name", ["unreadable-record", "foreign-table"])
def test_a_record_of_which_nothing_can_be_made_is_kept(name: str, linked: Handlers, cloud: Cloud) -> None:
    assert linked("ReplicateActuals", event(name)) == DONE

    (held,) = quarantine(cloud)
    assert held["row"]["S"].startswith("unreadable:")
    assert "expected" in held["reason"]["S"]


def test_one_bad_row_does_not_hold_up_its_neighbours(linked: Handlers, cloud: Cloud) -> None:
    records = [*event("insert")["Records"], *event("unreadable-record")["Records"], *event("poisoned-row")["Records"]]
    records += event("mended-row")["Records"]

    assert linked("ReplicateActuals", {"Records": records}) == DONE
    assert (data(cloud)[ACTUAL]["post_value"]["N"], len(quarantine(cloud))) == ("44", 1)


def test_a_row_of_400_kb_is_quarantined_whole(handlers: Handlers, cloud: Cloud) -> None:
    stream = Stream(cloud.tables)
    noise = os.urandom(300_000).hex()[:404_000]
    record = stream.record("actuals", None, actual(override_comment=text(noise)))

    assert handlers("ReplicateActuals", {"Records": [record]}) == DONE
    held = [item for item in quarantine(cloud) if "reason" in item]
    assert [item["reason"]["S"][:38] for item in held] == ["expected a row of at most 400000 bytes"]


@pytest.mark.parametrize("bad", [None, [], "x", {}, {"Records": None}, {"Records": {}}, {"detail": {}}], ids=str)
def test_what_is_no_stream_event_is_named(bad: Any, handlers: Handlers) -> None:
    with pytest.raises(NotAStreamEvent, match="expected a DynamoDB stream event"):
        handlers("ReplicateActuals", bad)


def test_an_empty_batch_is_done(handlers: Handlers) -> None:
    assert handlers("ReplicateActuals", {"Records": []}) == DONE


@pytest.mark.parametrize(
    "records",
    [[None], ["x"], [{}], [[]], [{"dynamodb": {"NewImage": 5}}], [1, 2, {"a": object()}]],
    ids=["null", "text", "empty", "list", "number", "no JSON"],
)
def test_records_of_any_shape_go_to_quarantine(records: list[Any], handlers: Handlers, cloud: Cloud) -> None:
    assert handlers("ReplicateActuals", {"Records": records}) == DONE
    assert len(records) == len(quarantine(cloud))


def test_the_wrong_stream_view_is_named(handlers: Handlers) -> None:
    with pytest.raises(WrongStreamView, match="switch the table's stream off"):
        handlers("ReplicateActuals", event("wrong-stream-view"))


def test_a_missing_setting_is_named(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    app = handlers.app("ReplicateActuals")
    app.wired.cache_clear()
    for name in ("INDEX_TABLE", "LINKS_TABLE"):
        monkeypatch.delenv(name)

    with pytest.raises(MissingSetting, match="LINKS_TABLE, INDEX_TABLE"):
        app.handler(event("insert"), _context())


def test_a_table_that_does_not_exist_is_named(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    app = handlers.app("ReplicateActuals")
    app.wired.cache_clear()
    monkeypatch.setenv("INDEX_TABLE", "nowhere")

    with pytest.raises(TableNotFound, match="'nowhere'"):
        app.handler(event("insert"), _context())


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        {"table": "links", "segment": -1},
        {"table": "links", "extra": 1},
        {"table": "nonsense"},
        {"table": "links", "segment": 4, "total_segments": 4},
    ],
    ids=str,
)
def test_a_bad_backfill_request_is_named(bad: Any, handlers: Handlers) -> None:
    with pytest.raises(BadRequest, match="expected"):
        handlers("Backfill", bad)


@pytest.mark.parametrize("bad", [None, {}, {"mode": "guess"}], ids=str)
def test_a_bad_reconcile_request_is_named(bad: Any, handlers: Handlers) -> None:
    with pytest.raises(BadRequest, match="expected"):
        handlers("Reconcile", bad)


def test_a_batch_of_a_thousand(linked: Handlers, cloud: Cloud) -> None:
    stream = Stream(cloud.tables)
    measure = event("link")["Records"][0]["dynamodb"]["NewImage"]["measure_id"]
    records = [stream.record("actuals", None, actual(f"{n}", measure_id=measure)) for n in range(1_000)]

    assert linked("ReplicateActuals", {"Records": records}) == DONE
    assert len(data(cloud)) == 1_000


def test_replay_mends_from_the_row_as_it_is_now(linked: Handlers, cloud: Cloud) -> None:
    """Not from the image in quarantine: that would be a stale write."""
    stream = Stream(cloud.tables)
    linked("ReplicateLinks", {"Records": [stream.record("links", None, link())]})
    bad = actual(recorded_by=text(" "))
    linked("ReplicateActuals", {"Records": [stream.record("actuals", None, bad)]})
    cloud.dynamodb.put_item(TableName=cloud.tables["actuals"], Item=actual(actual_value=number(9)))

    answer = linked("Replay", {"source": "actuals", "ids": [guid("actual")]})

    assert (answer, quarantine(cloud)) == ({"mended": 1, "refused": {}}, [])
    assert data(cloud)[guid("actual")]["post_value"]["N"] == "9"


def test_replay_of_what_is_still_refused_says_so(linked: Handlers, cloud: Cloud) -> None:
    bad = actual(recorded_by=text(" "))
    cloud.dynamodb.put_item(TableName=cloud.tables["actuals"], Item=bad)
    linked("ReplicateActuals", {"Records": [Stream(cloud.tables).record("actuals", None, bad)]})

    answer = linked("Replay", {"all": True})

    assert answer["mended"] == 0
    assert "recorded_by" in answer["refused"][f"actuals {guid('actual')}"]
    assert len(quarantine(cloud)) == 1


def test_replay_of_a_failed_batch(linked: Handlers, cloud: Cloud) -> None:
    """The failure bucket keeps the event; its keys are synced, its images are not written."""
    stream = Stream(cloud.tables)
    linked("ReplicateLinks", {"Records": [stream.record("links", None, link())]})
    cloud.dynamodb.put_item(TableName=cloud.tables["actuals"], Item=actual(actual_value=number(9)))
    records = [stream.record("actuals", None, actual()), stream.record("actuals", actual("gone"), None)]

    assert linked("Replay", {"source": "actuals", "records": records}) == {"mended": 2, "refused": {}}
    assert {guid("actual"): "9"} == {id: row["post_value"]["N"] for id, row in data(cloud).items()}


def _context() -> Any:
    import time

    from local_cloud.worker import Context

    return Context("test", time.time() + 60)
