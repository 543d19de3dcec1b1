"""The handlers that Lambda calls, on DynamoDB Local, fed with the repository's events and with what nobody should send."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.cloud import standing
from local_cloud.worker import Context
from remodel.errors import (
    BadRequest,
    MissingSetting,
    ModelNotFound,
    NotAStreamEvent,
    TableNotFound,
    Unavailable,
    WrongStream,
)
from remodel.items import Item, from_event
from remodel.streams import gaps, sightings
from tests import raising
from tests.places import DONE, Handlers, Place, replicate, template_place
from tests.records import Application
from tests.rows import actual, guid, link, number, text

EVENTS = Path(__file__).parents[2] / "events"
ACTUAL = "a0c7a1de-0b54-4f5e-8a39-1d6d2c7b0001"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def records(*names: str) -> list[Any]:
    return [record for name in names for record in event(name)["Records"]]


def happen(application: Application, source: str, *names: str) -> None:
    """What the events tell happens to the old table; nothing is delivered yet."""
    for record in records(*names):
        body = record["dynamodb"]
        if "NewImage" in body:
            application.place.put(source, as_stored(body["NewImage"]))
        elif record["eventName"] == "REMOVE":
            application.place.remove(source, body["Keys"])


def as_stored(image: Item) -> Item:
    return {name: from_event(value) for name, value in image.items()}


def data(place: Place) -> dict[str, Item]:
    return place.by_key("measure_data")


def gap_reasons(handlers: Handlers) -> list[str]:
    call = handlers.runtime("Replay").call(context())
    return [each.reason for each in gaps(call)]


def context(seconds: float = 60.0) -> Context:
    return Context("test", time.time() + seconds)


@pytest.fixture
def linked(application: Application) -> Application:
    happen(application, "links", "link")
    application.deliver("links", *records("link"))
    return application


@pytest.mark.parametrize(
    ("names", "late", "value"),
    [
        (["insert"], [], "42.5"),
        (["insert", "modify"], [], "43"),
        (["insert", "modify", "remove"], [], None),
        (["insert", "ttl-removal"], [], None),
        (["insert", "move-to-another-measure"], [], None),
        (["duplicate-delivery"], [], "43"),
        (["two-changes-within-a-second"], [], "2"),
        (["binary"], [], "42.5"),
        (["insert", "poisoned-row"], [], None),
        (["insert", "poisoned-row", "mended-row"], [], "44"),
        (["insert", "modify"], ["insert"], "43"),
        (["insert", "remove"], ["insert"], None),
    ],
    ids=str,
)
def test_events(names: list[str], late: list[str], value: str | None, linked: Application) -> None:
    """The new row is what the old table says, whatever is delivered again, and however late."""
    for name in names:
        happen(linked, "actuals", name)
        linked.deliver("actuals", *records(name))
    for name in late:
        linked.deliver("actuals", *records(name))

    found = data(linked.place)
    assert value == (found[ACTUAL]["post_value"]["N"] if ACTUAL in found else None)


def test_a_link_that_is_removed_takes_its_rows_along(linked: Application) -> None:
    happen(linked, "actuals", "insert")
    linked.deliver("actuals", *records("insert"))
    happen(linked, "links", "unlink")
    linked.deliver("links", *records("unlink"))

    assert data(linked.place) == {}


def test_a_poisoned_row_is_in_quarantine_with_a_reason_and_without_its_content(linked: Application) -> None:
    happen(linked, "actuals", "poisoned-row")
    linked.deliver("actuals", *records("poisoned-row"))

    (held,) = linked.place.rows("quarantine")
    assert (held["source"]["S"], held["row_id"]["S"]) == ("actuals", ACTUAL)
    assert "recorded_by: expected" in held["reason"]["S"]
    assert held.keys() == {"source", "row", "row_id", "reason", "since"}


def test_one_bad_row_does_not_hold_up_its_neighbours(linked: Application) -> None:
    rows = [actual(f"{n}", measure_id=text("7b1f0f0e-52a5-4c55-9a52-3f1b8f1a0001")) for n in range(6)]
    rows[2] = {**rows[2], "recorded_by": text(" ")}
    changes = linked.put("actuals", *rows)

    linked.deliver("actuals", *changes[:4], *records("unreadable-record"), *changes[4:])

    assert data(linked.place).keys() == {row["id"]["S"] for n, row in enumerate(rows) if n != 2}
    assert [held["row_id"] for held in linked.place.rows("quarantine")] == [rows[2]["id"]]


@pytest.mark.parametrize("name", ["unreadable-record", "record-without-images"])
def test_a_record_that_cannot_be_read_is_a_gap_of_its_stream(name: str, linked: Application) -> None:
    happen(linked, "actuals", "insert")
    linked.deliver("actuals", *records(name))

    assert gap_reasons(linked.handlers) == ["1 records could not be read completely"]
    assert (ACTUAL in data(linked.place)) == (name == "record-without-images"), "its key says where to look"


@pytest.mark.parametrize(
    "odd",
    [[None], ["x"], [{}], [[]], [{"dynamodb": {"NewImage": 5}}], [1, 2, {"a": "b"}]],
    ids=["null", "text", "empty", "list", "number", "several"],
)
def test_records_of_any_shape_are_done_and_a_gap(odd: list[Any], handlers: Handlers, place: Place) -> None:
    assert handlers("ReplicateActuals", {"Records": odd}) == DONE
    assert gap_reasons(handlers) == [f"{len(odd)} records could not be read completely"]
    assert place.rows("quarantine") == []


@pytest.mark.parametrize("image", ["NewImage", "OldImage"])
@pytest.mark.parametrize("value", [5, "x", {"name": {"X": "y"}}, {"name": {"N": "one"}}, {"name": {"B": "%"}}], ids=str)
def test_an_odd_image_only_hides_groups(image: str, value: Any, linked: Application) -> None:
    happen(linked, "actuals", "insert")
    (record,) = records("modify")
    record["dynamodb"][image] = value

    linked.deliver("actuals", record)

    assert ACTUAL in data(linked.place)


@pytest.mark.parametrize("bad", [None, [], "x", {}, {"Records": None}, {"Records": {}}, {"detail": {}}], ids=str)
def test_what_is_no_stream_event_is_named(bad: Any, handlers: Handlers) -> None:
    with pytest.raises(NotAStreamEvent, match="expected a batch of a DynamoDB stream"):
        handlers("ReplicateActuals", bad)


def test_an_empty_batch_is_done(handlers: Handlers) -> None:
    assert handlers("ReplicateActuals", {"Records": []}) == DONE


@pytest.mark.parametrize(
    ("name", "told"), [("wrong-stream-view", "switch the table's stream off"), ("foreign-table", "the shard is held")]
)
def test_a_wrong_stream_holds_the_shard(name: str, told: str, linked: Application) -> None:
    """Nothing of such a batch is written: all of it may be wrong."""
    happen(linked, "actuals", "insert")
    with pytest.raises(WrongStream, match=told):
        linked.handlers("ReplicateActuals", {"Records": records("insert", name)})

    assert data(linked.place) == {}


def test_a_function_accepts_records_of_its_own_stream_alone(handlers: Handlers) -> None:
    model, tables = handlers.place.model, handlers.place.tables
    for source in model.old_tables:
        others = [tables[each] for each in model.old_tables if each != source]
        near = [f"{tables[source]}2", f"2{tables[source]}", f"{tables[source]}/index/x"]
        arns = [f"arn:aws:dynamodb:eu-west-1:1:table/{each}/stream/2026" for each in (*others, *near)]
        for arn in (*arns, f"arn:aws:kinesis:eu-west-1:1:stream/{tables[source]}", "", 5):
            (record,) = records("insert")
            record["eventSourceARN"] = arn
            with pytest.raises(WrongStream, match="expected records of the stream of table"):
                handlers(replicate(source), {"Records": [record]})
    assert data(handlers.place) == {}


def test_a_missing_setting_is_named(handlers: Handlers) -> None:
    app = handlers.load("ReplicateActuals", INDEX_TABLE=None, LINKS_TABLE=None)

    with pytest.raises(MissingSetting, match="LINKS_TABLE, INDEX_TABLE"):
        app.handler(event("insert"), context())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("REMODEL_MODEL", value) for value in (None, "", "measures.model", "measures.model:IDS")),
        *(("SOURCE", value) for value in (None, "nonsense")),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str | None, handlers: Handlers) -> None:
    app = handlers.load("ReplicateActuals", **{name: value})

    with pytest.raises((MissingSetting, ModelNotFound), match=name):
        app.handler(event("insert"), context())


def test_a_table_that_does_not_exist_is_named(handlers: Handlers) -> None:
    app = handlers.load("ReplicateActuals", INDEX_TABLE="nowhere")

    with pytest.raises(TableNotFound, match="nowhere"):
        app.handler(event("insert"), context())


@pytest.mark.parametrize(
    ("function", "bad"),
    [
        *(("Backfill", bad) for bad in (None, {}, {"table": "links", "segment": -1}, {"table": "links", "extra": 1})),
        *(("Backfill", bad) for bad in ({"table": "nonsense"}, {"table": "links", "segment": 4, "total_segments": 4})),
        *(("Reconcile", bad) for bad in (None, {}, {"mode": "guess"}, {"mode": "diff"}, {"mode": "full", "sample": 0})),
        *(("Reconcile", {"mode": mode, "table": "nonsense"}) for mode in ("diff", "resync")),
        *(("Replay", bad) for bad in (None, {}, {"source": "nonsense", "ids": ["x"]}, {"source": "links"})),
        *(("Sweep", bad) for bad in (None, {"older_than": -1}, {"older_than": "long"})),
    ],
    ids=str,
)
def test_a_bad_request_is_named(function: str, bad: Any, handlers: Handlers) -> None:
    with pytest.raises(BadRequest, match="expected"):
        handlers(function, bad)


def test_a_row_whose_new_row_would_be_too_large_is_in_quarantine(linked: Application) -> None:
    noise = os.urandom(300_000).hex()[:409_000]
    linked.do("links", link())
    linked.do("actuals", actual(override_comment=text(noise)))

    (held,) = linked.place.rows("quarantine")
    assert "at most 409,600 bytes" in held["reason"]["S"]


def test_a_batch_of_a_thousand(linked: Application) -> None:
    linked.do("links", link())
    linked.deliver("actuals", *linked.put("actuals", *(actual(f"{n}") for n in range(1_000))))

    assert len(data(linked.place)) == 1_000


def test_a_temporary_failure_is_answered_with_the_first_record_that_is_not_done(
    linked: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB does not answer for as long as the call has."""

    def down(*_: Any) -> Any:
        raise Unavailable("throttled")

    changes = linked.put("actuals", actual("a"), actual("b"))
    store = linked.handlers.runtime("ReplicateActuals").place.store
    with monkeypatch.context() as patch:
        patch.setattr(store, "write", down)
        answer = linked.handlers("ReplicateActuals", {"Records": changes}, seconds=0.2)

    assert answer == {"batchItemFailures": [{"itemIdentifier": changes[0]["dynamodb"]["SequenceNumber"]}]}


def test_a_batch_that_is_done_is_a_sighting_of_its_stream(linked: Application) -> None:
    found = sightings(linked.handlers.runtime("Replay").call(context()))

    assert found["links"].label == "2026-11-22T08:00:00.000"
    assert found["links"].record == 1795334400


def test_replay_takes_the_row_as_it_is_now(application: Application) -> None:
    application.do("links", link())
    application.do("actuals", actual(recorded_by=text(" ")))
    application.place.put("actuals", actual(actual_value=number(9)))

    answer = application.handlers("Replay", {"source": "actuals", "ids": [guid("actual")]})

    assert (answer, application.place.rows("quarantine")) == ({"corrected": 1, "rejected": {}}, [])
    assert data(application.place)[guid("actual")]["post_value"]["N"] == "9"


def test_replay_of_what_is_still_rejected_says_so(application: Application) -> None:
    application.do("actuals", actual(recorded_by=text(" ")))
    since = application.place.rows("quarantine")[0]["since"]

    answer = application.handlers("Replay", {"all": True})

    assert answer["corrected"] == 0
    assert "recorded_by" in answer["rejected"][f"actuals {guid('actual')}"]
    assert [held["since"] for held in application.place.rows("quarantine")] == [since]


def test_replay_of_a_failed_batch(application: Application) -> None:
    """The failure bucket keeps the event; its records are hints like any other."""
    application.do("links", link())
    batch = application.put("actuals", actual("gone"))
    batch += application.remove("actuals", actual("gone"))
    batch += application.put("actuals", actual())
    application.place.put("actuals", actual(actual_value=number(9)))

    answer = application.handlers("Replay", {"source": "actuals", "records": batch})

    assert answer == {"corrected": 2, "rejected": {}}
    assert {guid("actual"): "9"} == {id: row["post_value"]["N"] for id, row in data(application.place).items()}


def test_an_item_of_no_kind_is_in_quarantine_and_leaves_it(shop: Application) -> None:
    odd = {"PK": text("SUPPLIER#1"), "SK": text("PROFILE")}
    shop.do("shop", odd)

    (held,) = shop.place.rows("quarantine")
    assert held["reason"]["S"] == "expected a key of exactly one kind of shop, found none"

    shop.undo("shop", odd)
    assert shop.place.rows("quarantine") == []


@pytest.fixture(scope="session")
def raising_place(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with standing(endpoint, tmp_path_factory.mktemp("raising"), "test-raising-", "tests.raising:MODEL") as cloud:
        cloud.create_tables()
        yield template_place(cloud)


@pytest.mark.parametrize("how", raising.HOW)
def test_a_model_that_raises_rejects_the_row_and_no_other(
    how: str, raising_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = Application(Handlers(raising_place.emptied(), monkeypatch))
    rows = [{"id": text(f"{n}"), "how": text("")} for n in range(3)]
    rows[1] = {**rows[1], "how": text(how)}
    application.do("things", *rows)

    assert raising_place.by_key("new_things").keys() == {"0", "2"}
    (held,) = raising_place.rows("quarantine")
    assert (held["row_id"]["S"], "raised KeyError" in held["reason"]["S"]) == ("1", True)

    application.do("things", {**rows[1], "how": text("")})
    assert raising_place.by_key("new_things").keys() == {"0", "1", "2"}
    assert raising_place.rows("quarantine") == []
