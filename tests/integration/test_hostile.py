"""Hostile records, requests and messages through the functions that are deployed, on DynamoDB Local."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError

from remodel import index
from remodel.errors import BadRequest
from remodel.items import Item
from tests import rows
from tests.hostile.run import Outcome, run
from tests.hostile.values import Values, nested
from tests.places import Handlers, Place, replicate
from tests.records import Application, Record

SEED = os.environ.get("SEED", "1")


class OnDynamoDb:
    def __init__(self, application: Application) -> None:
        self._application, self._handlers = application, application.handlers

    def put(self, source: str, row: Item) -> Record | None:
        try:
            (record,) = self._application.put(source, row)
        except ClientError as problem:
            assert problem.response["Error"]["Code"] == "ValidationException"
            return None
        return record

    def remove(self, source: str, row: Item) -> Record | None:
        return next(iter(self._application.remove(source, row)), None)

    def unmade(self, source: str, row: Item) -> Record:
        return self._application.stream.record(source, None, row)

    def deliver(self, source: str, records: list[Any]) -> Any:
        return self._handlers(replicate(source), {"Records": records})

    def rows(self, table: str) -> dict[str, Item]:
        return self._application.place.by_key(table)

    def again(self) -> Any:
        self._application.backfill()
        for table in ("index", "quarantine"):
            assert self._handlers("Reconcile", {"mode": "resync", "table": table})["done"]
        self._handlers("Sweep", {"older_than": 0})
        self._handlers("Replay", {"all": True})
        return json.loads(json.dumps(self._handlers("Reconcile", {"mode": "counts"})))


@pytest.fixture
def play(shared_place: Place, shared_shop: Place, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plays worlds of both models, each on empty tables."""
    both = {"measures": Handlers(shared_place, monkeypatch), "shop": Handlers(shared_shop, monkeypatch)}

    def target(model: str) -> OnDynamoDb:
        handlers = both[model]
        handlers.place.emptied()
        return OnDynamoDb(Application(handlers))

    def played(records: int) -> Outcome:
        return run(records, f"local-{SEED}", target)

    return played


def test_no_function_waits_and_no_row_is_late(play: Any) -> None:
    done = play(190)

    assert (done.blocked, done.late) == ([], [])


@pytest.mark.slow
@pytest.mark.timeout(5_400)
def test_three_thousand(play: Any) -> None:
    done = play(3_000)

    assert (done.blocked, done.late) == ([], [])
    assert done.records >= 3_000


def test_a_metric_tells_the_size_of_the_largest_group_and_the_index_its_name(
    application: Application, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "LARGE", 7)
    application.do("links", *(rows.link(f"{n}") for n in range(7)))
    application.do("actuals", rows.actual(), rows.actual("alone", measure_id=rows.text("another")))

    assert '"LargestGroup":[7.0]' in capsys.readouterr().out
    (size,) = index.large_groups(application.handlers.runtime("Sweep").place.call(60.0))
    assert size == (7, f"measure_id=s{rows.MEASURE}")


def test_a_key_that_no_row_can_have_is_refused_by_name(handlers: Handlers, shop: Application) -> None:
    values = Values("keys")
    for id in ("", "\ud800", values.long(2_049)):
        with pytest.raises(BadRequest, match="that no row can have"):
            handlers("Replay", {"source": "links", "ids": [id]})
    for id in ("", "x", "99:x", "-1:xy", "01:xy", "0:x", f"1025:{'x' * 1_025}{'y' * 1_025}"):
        with pytest.raises(BadRequest, match="that no row can have"):
            shop.handlers("Replay", {"source": "shop", "ids": [id]})

    assert handlers("Replay", {"source": "links", "ids": [values.long(2_048)]})["rejected"] == {}


def test_a_message_that_says_nothing_harms_no_other(handlers: Handlers) -> None:
    bodies = ["", "{", "[]", "null", json.dumps({"fanout": 1}), json.dumps({"fanout": "x" * 3_000}), "[" * 100_000]
    bodies += [json.dumps({"fanout": "\ud800"}), json.dumps(nested(100)), json.dumps({"fanout": ""})]
    good = json.dumps({"fanout": "one that was served long ago"})
    messages = [{"messageId": str(n), "body": body} for n, body in enumerate([*bodies, good])]

    failed = handlers("Fanout", {"Records": messages})["batchItemFailures"]

    assert [each["itemIdentifier"] for each in failed] == [str(n) for n in range(len(bodies))]
