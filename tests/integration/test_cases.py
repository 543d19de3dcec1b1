"""Each folder of tests/cases is an oddity of real rows: old rows in, exactly these new rows out.

`old.json` holds one or more states of the old tables; each state's changes go through the handlers that Lambda calls, links
first and links last, all of them twice; a single state also goes through backfill. A bug report becomes a folder.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Handlers
from tests.records import Stream, World

from local_cloud.cloud import Cloud
from remodel.core.compare import differing

CASES = sorted(path for path in (Path(__file__).parents[1] / "cases").iterdir() if path.is_dir())
ORDERS = {
    "links first": ("links", "milestones", "actuals", "readings"),
    "links last": ("readings", "actuals", "milestones", "links"),
}


def load(path: Path, name: str) -> Any:
    return json.loads((path / name).read_text())


def put_all(cloud: Cloud, world: World) -> None:
    for source, rows in world.items():
        for row in rows:
            cloud.dynamodb.put_item(TableName=cloud.tables[source], Item=as_stored(row))


def as_stored(value: Any) -> Any:
    """Binary is base64 in JSON and bytes in the API."""
    if isinstance(value, dict):
        return {k: base64.b64decode(v) if k == "B" and isinstance(v, str) else as_stored(v) for k, v in value.items()}
    return [as_stored(each) for each in value] if isinstance(value, list) else value


def stored(cloud: Cloud, table: str) -> dict[str, Any]:
    return {item["id"]["S"]: item for item in cloud.dynamodb.scan(TableName=cloud.tables[table])["Items"]}


def check(cloud: Cloud, expected: Any) -> None:
    for table in ("measure_links", "measure_data"):
        told = {row["id"]["S"]: row for row in expected[table]}
        found = stored(cloud, table)
        assert sorted(told) == sorted(found), table
        assert {id: fields for id in told if (fields := differing(told[id], found[id]))} == {}, table
    held = cloud.dynamodb.scan(TableName=cloud.tables["quarantine"])["Items"]
    reasons = {(item["source"]["S"], item["row_id"]["S"]): item["reason"]["S"] for item in held}
    told = {(source, id): why for source, rows in expected["quarantine"].items() for id, why in rows.items()}
    assert sorted(told) == sorted(reasons)
    assert all(why in reasons[row] for row, why in told.items()), reasons


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_stream(path: Path, order: str, cloud: Cloud, handlers: Handlers) -> None:
    """A case comes out right from the streams, whichever table comes first, and delivered twice."""
    states, stream = load(path, "old.json")["states"], Stream(cloud.tables)
    put_all(cloud, {name: rows for name, rows in states[-1].items() if name in ("measures", "people")})
    batches: list[tuple[str, list[Any]]] = []
    before: World = {}
    for state in states:
        for source in ORDERS[order]:
            batches.append((f"Replicate{source.title()}", list(stream.changes(source, before, state))))
        before = state
    for function, records in batches:
        assert handlers(function, {"Records": records}) == {"batchItemFailures": []}
    check(cloud, load(path, "new.json"))

    for function, records in batches:
        assert handlers(function, {"Records": records}) == {"batchItemFailures": []}

    check(cloud, load(path, "new.json"))


@pytest.mark.parametrize(
    "path", [path for path in CASES if len(load(path, "old.json")["states"]) == 1], ids=lambda p: p.name
)
def test_backfill(path: Path, cloud: Cloud, handlers: Handlers) -> None:
    """A case comes out right from backfill alone, and reconciliation finds nothing to say against it."""
    put_all(cloud, load(path, "old.json")["states"][0])
    for source in ORDERS["links first"]:
        assert handlers("Backfill", {"table": source, "segment": 0, "total_segments": 1, "cursor": None})["done"]

    check(cloud, load(path, "new.json"))
    report = handlers("Reconcile", {"mode": "full"})
    assert (report["missing"], report["different"], report["orphaned"]) == (0, 0, 0)
