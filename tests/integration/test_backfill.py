"""Backfill on DynamoDB Local: resumes anywhere, refuses without a stream, stays small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Handlers
from tests.records import Stream
from tests.rows import actual, guid, link, number

from local_cloud.cloud import Cloud
from remodel.core.errors import StreamNotReady
from remodel.flow import backfill as flow

MEASURED = """
import os, re, sys
from local_cloud.worker import main
main(sys.argv[1], sys.argv[2], os.dup(1))
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""

ROOT = Path(__file__).parents[2]


def seed(cloud: Cloud, rows: int) -> None:
    cloud.dynamodb.put_item(TableName=cloud.tables["links"], Item=link())
    for n in range(0, rows, 25):
        puts: Any = [{"PutRequest": {"Item": actual(f"{m}")}} for m in range(n, min(n + 25, rows))]
        cloud.dynamodb.batch_write_item(RequestItems={cloud.tables["actuals"]: puts})


def ids(cloud: Cloud) -> set[str]:
    pages = cloud.dynamodb.get_paginator("scan").paginate(TableName=cloud.tables["measure_data"])
    return {item["id"]["S"] for page in pages for item in page["Items"]}


def run(handlers: Handlers, table: str, segment: int = 0, total: int = 1) -> int:
    """Calls until done, with no time for more than one page a call; the number of calls."""
    calls, cursor, done = 0, None, False
    while not done:
        answer = handlers(
            "Backfill", {"table": table, "segment": segment, "total_segments": total, "cursor": cursor}, 0.01
        )
        cursor, done, calls = json.loads(json.dumps(answer["cursor"])), answer["done"], calls + 1
    return calls


def test_it_goes_on_from_its_cursor(cloud: Cloud, handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(cloud, 100)
    monkeypatch.setattr(flow, "PAGE", 10)
    monkeypatch.setattr(flow.Patience, "left", property(lambda self: 60.0))
    run(handlers, "links")

    assert run(handlers, "actuals") >= 10
    assert {guid(str(n)) for n in range(100)} == ids(cloud)


def test_segments_cover_the_table(cloud: Cloud, handlers: Handlers) -> None:
    seed(cloud, 100)
    for table in ("links", "actuals"):
        for segment in range(3):
            assert handlers("Backfill", {"table": table, "segment": segment, "total_segments": 3})["done"]

    assert {guid(str(n)) for n in range(100)} == ids(cloud)


def test_a_page_killed_half_way_is_done_again(
    cloud: Cloud, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between ingest and settle: the second time its rows are stale in the index, and settled all the same."""
    seed(cloud, 30)
    request = {"table": "actuals", "segment": 0, "total_segments": 1, "cursor": None}
    handlers("Backfill", {**request, "table": "links"})

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    from remodel.flow import replicate

    with monkeypatch.context() as patch:
        patch.setattr(replicate, "settle", kill)
        with pytest.raises(Killed):
            handlers("Backfill", request)
    assert set() == ids(cloud)

    answer = handlers("Backfill", request)

    assert (answer["done"], answer["stale"]) == (True, 30)
    assert {guid(str(n)) for n in range(30)} == ids(cloud)


def test_it_never_overrules_a_stream(cloud: Cloud, handlers: Handlers) -> None:
    """A row that changed, and one that was removed, after the page was read and before it is ingested."""
    seed(cloud, 2)
    stream = Stream(cloud.tables)
    handlers("Backfill", {"table": "links"})
    changed = stream.record("actuals", actual("0"), actual("0", actual_value=number(99)))
    removed = stream.record("actuals", actual("1"), None)
    handlers("ReplicateActuals", {"Records": [changed, removed]})

    handlers("Backfill", {"table": "actuals"})

    rows = cloud.dynamodb.scan(TableName=cloud.tables["measure_data"])["Items"]
    assert [(guid("0"), "99")] == [(row["id"]["S"], row["post_value"]["N"]) for row in rows]


@pytest.mark.parametrize("view", [None, "NEW_IMAGE"])
def test_it_refuses_without_a_stream_of_both_images(view: Any, cloud: Cloud, handlers: Handlers) -> None:
    name = f"without-{view}"
    key: Any = {"AttributeName": "id"}
    cloud.dynamodb.create_table(
        TableName=name,
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view} if view else {"StreamEnabled": False},
    )
    app = handlers.app("Backfill")
    app.wired().engine.store._tables["links"] = name
    try:
        with pytest.raises(StreamNotReady, match=f"NEW_AND_OLD_IMAGES, found {view or 'no stream'}"):
            handlers("Backfill", {"table": "links"})
    finally:
        cloud.dynamodb.delete_table(TableName=name)


def test_it_stays_under_256_mb(cloud: Cloud) -> None:
    """Measured on its own process, as Lambda would: rows of 20 KB, 60 MB of them, in one call."""
    cloud.dynamodb.put_item(TableName=cloud.tables["links"], Item=link())
    for n in range(0, 3_000, 25):
        puts: Any = [
            {"PutRequest": {"Item": actual(f"{m}", override_comment={"S": "x" * 20_000})}} for m in range(n, n + 25)
        ]
        cloud.dynamodb.batch_write_item(RequestItems={cloud.tables["actuals"]: puts})
    function = cloud.functions["Backfill"].function
    call = json.dumps({"event": {"table": "actuals"}, "function": "Backfill", "deadline": 9e9}) + "\n"
    command = [sys.executable, "-c", MEASURED, str(function.code), function.handler]
    environment = {**os.environ, **function.environment, "AWS_ENDPOINT_URL_DYNAMODB": cloud.endpoint}

    done = subprocess.run(command, input=call, env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
    peak = int(done.stderr.split()[-1]) / 1024

    assert '"done": true' in done.stdout and '"scanned": 3000' in done.stdout, done.stderr
    assert 30 < peak < 256
