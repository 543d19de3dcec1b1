"""Backfill on DynamoDB Local: resumes anywhere, with keys of any shape; refuses without a stream; stays small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from remodel import backfill as engine
from remodel.errors import StreamNotReady
from remodel.runtime import Runtime
from tests.conftest import ROOT
from tests.places import Handlers, Place
from tests.records import Application
from tests.rows import actual, customer, guid, item, link, number, order, text

MEASURED = """
import re, sys
from local_cloud.worker import serve
serve(sys.argv[1], sys.argv[2], sys.stdin, sys.stdout)
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page a call, and small pages."""
    monkeypatch.setattr(engine, "PAGE", 10)
    monkeypatch.setattr(Runtime, "stop_at", lambda *_: 0.0)


def run(handlers: Handlers, table: str, segment: int = 0, total: int = 1) -> list[Any]:
    """Calls until done; the answers, as the caller gets them."""
    answers: list[Any] = [{"cursor": None, "done": False}]
    while not answers[-1]["done"]:
        event = {"table": table, "segment": segment, "total_segments": total, "cursor": answers[-1]["cursor"]}
        answers.append(json.loads(json.dumps(handlers("Backfill", event))))
    return answers[1:]


@pytest.fixture
def hundred(application: Application) -> Application:
    application.place.put("links", link())
    application.place.put("actuals", *(actual(f"{n}") for n in range(100)))
    return application


def ids(place: Place) -> set[str]:
    return {row["id"]["S"] for row in place.rows("measure_data")}


def test_it_goes_on_from_its_cursor(hundred: Application, hurried: None) -> None:
    run(hundred.handlers, "links")
    answers = run(hundred.handlers, "actuals")

    assert [answer["scanned"] for answer in answers[:10]] == [10] * 10
    assert {guid(str(n)) for n in range(100)} == ids(hundred.place)


def test_segments_cover_the_table(hundred: Application) -> None:
    hundred.backfill("links", "actuals", segments=3)

    assert {guid(str(n)) for n in range(100)} == ids(hundred.place)


def test_a_second_run_writes_nothing(hundred: Application) -> None:
    hundred.backfill("links", "actuals")
    assert sum(answer["written"] for answer in run(hundred.handlers, "actuals")) == 0


def test_pages_go_on_behind_keys_of_two_attributes(shop: Application, hurried: None) -> None:
    """Several kinds in one table, with separators and digits in their keys: one scan, in segments, from cursors on."""
    names = [f"{n}" for n in range(8)] + ["a#b", "12:34", "ü"]
    rows = [customer(name) for name in names] + [order(f"o{name}", name) for name in names]
    rows += [item(n, f"o{name}") for name in names for n in (1, 20)]
    shop.place.put("shop", *rows)
    answers = [answer for n in range(2) for answer in run(shop.handlers, "shop", n, 2)]

    assert sum(answer["scanned"] for answer in answers) == len(rows)
    assert len(answers) > 4
    tables = {table: len(shop.place.rows(table)) for table in shop.place.model.new_tables}
    assert tables == {"customers": 11, "orders": 11, "order_items": 22}
    assert {row["buyer_name"]["S"] for row in shop.place.rows("orders")} == {"Ann"}
    assert shop.place.rows("quarantine") == []


def test_it_never_overrules_a_stream(hundred: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that changes, and one that is removed, after the page was read and before it is materialized."""
    hundred.backfill("links")
    store = hundred.handlers.runtime("Backfill").place.store
    scan = store.scan

    def scan_and_change(*args: Any) -> Any:
        page = scan(*args)
        hundred.do("actuals", actual("0", actual_value=number(99)))
        hundred.undo("actuals", actual("1"))
        return page

    monkeypatch.setattr(store, "scan", scan_and_change)
    hundred.backfill("actuals")

    rows = hundred.place.by_key("measure_data")
    assert rows[guid("0")]["post_value"] == number(99)
    assert guid("1") not in rows


def test_a_page_that_is_killed_half_way_is_done_again(hundred: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    hundred.backfill("links")
    store = hundred.handlers.runtime("Backfill").place.store
    write = store.write

    def dies(changes: Any) -> Any:
        if any(change.key.text == guid("50") for change in changes):
            raise Killed
        return write(changes)

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", dies)
        with pytest.raises(Killed):
            hundred.backfill("actuals")
    assert len(ids(hundred.place)) < 100

    hundred.backfill("actuals")

    assert len(ids(hundred.place)) == 100
    assert hundred.handlers("Sweep", {"older_than": 0})["left"] == 0


def test_it_keeps_to_its_rate(hundred: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = hundred.handlers.runtime("Backfill").place.clock
    monkeypatch.setattr(type(clock), "sleep", lambda self, seconds: slept.append(seconds))

    hundred.backfill("links")
    event = {"table": "actuals", "units_per_second": 5.0}
    answer = hundred.handlers("Backfill", event)

    assert answer["units"] >= 300, "a row, its three indexes, and its membership"
    assert sum(slept) > 0


@pytest.fixture
def without_stream(request: pytest.FixtureRequest, place: Place) -> Iterator[str]:
    view = request.param
    name = f"without-{view}"
    place.dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view} if view else {"StreamEnabled": False},
    )
    yield name
    place.dynamodb.delete_table(TableName=name)


@pytest.mark.parametrize("without_stream", [None, "NEW_IMAGE"], indirect=True)
def test_it_refuses_without_a_stream_of_both_images(without_stream: str, handlers: Handlers) -> None:
    handlers.load("Backfill", LINKS_TABLE=without_stream)

    with pytest.raises(StreamNotReady, match="NEW_AND_OLD_IMAGES, found (NEW_IMAGE|no stream)"):
        handlers("Backfill", {"table": "links"})


def test_a_table_that_is_done_is_complete_once_all_its_segments_are(application: Application) -> None:
    for n in range(2):
        application.handlers("Backfill", {"table": "people", "segment": n, "total_segments": 2})
        markers = [
            each["item_key"]["S"] for each in application.place.rows("index") if each["group_key"] == text("complete")
        ]
        assert markers == ["people"] * n


def test_it_stays_under_256_mb(place: Place) -> None:
    """Measured on its own process, as Lambda would: rows of 20 KB, 60 MB of them, in one call."""
    place.put("links", link())
    for n in range(0, 3_000, 25):
        place.put("actuals", *(actual(f"{m}", override_comment=text("x" * 20_000)) for m in range(n, n + 25)))
    function = replace(place.functions["Backfill"])
    call = json.dumps({"event": {"table": "actuals"}, "function": "Backfill", "deadline": 9e9}) + "\n"
    command = [sys.executable, "-c", MEASURED, str(function.code), function.handler]
    environment = {**os.environ, **function.environment, "AWS_ENDPOINT_URL_DYNAMODB": place.endpoint}
    environment |= {"PYTHONPATH": str(ROOT / "shared")}

    done = subprocess.run(command, input=call, env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
    peak = int(done.stderr.split()[-1]) / 1024

    assert '"done": true' in done.stdout and '"scanned": 3000' in done.stdout, done.stderr
    print(f"peak: {peak:.0f} MB")
    assert 30 < peak < 256
