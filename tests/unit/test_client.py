"""The lean client walks through no item, and sends text as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer

from remodel import client
from remodel.client import make_client
from remodel.dynamodb import DynamoStore, Table
from remodel.errors import Rejected
from remodel.keys import Key, KeySchema
from remodel.store import Change


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def lean(answer: Any) -> tuple[Any, list[Any]]:
    """A client that never opens a socket, and its requests."""
    made, sent = make_client("http://localhost:1"), list[Any]()

    def send(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, {}, Body(json.dumps(answer).encode()))

    made.meta.events.register("before-send.dynamodb", send)
    return made, sent


def test_items_are_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    made, sent = lean({"Items": [{"id": {"S": "1"}, "list": {"L": [{"N": "2"}]}}], "Count": 1, "ScannedCount": 1})
    for kind, walk in (
        (JSONSerializer, "_serialize_type_map"),
        (JSONParser, "_handle_map"),
        (client, "item_from_event"),
    ):
        monkeypatch.setattr(kind, walk, None)

    page = made.scan(TableName="t", ExclusiveStartKey={"id": {"S": "ö"}})

    assert page["Items"] == [{"id": {"S": "1"}, "list": {"L": [{"N": "2"}]}}]
    assert sent[0].body == '{"TableName": "t", "ExclusiveStartKey": {"id": {"S": "ö"}}}'.encode()
    assert sent[0].headers["User-Agent"].startswith(b"remodel")  # Powertools adds itself where it is imported


def test_binary_goes_and_comes_as_bytes() -> None:
    made, sent = lean({"Attributes": {"b": {"B": "/w=="}, "l": {"L": [{"BS": ["AA==", "/w=="]}]}}})

    answer = made.update_item(TableName="t", Key={"b": {"B": b"\xff"}})

    assert answer["Attributes"] == {"b": {"B": b"\xff"}, "l": {"L": [{"BS": [b"\x00", b"\xff"]}]}}
    assert json.loads(sent[0].body) == {"TableName": "t", "Key": {"b": {"B": "/w=="}}}


def test_a_lone_surrogate_is_never_sent() -> None:
    """DynamoDB would store another text."""
    made, sent = lean({})
    store = DynamoStore(made, {"t": Table("t", KeySchema((("id", "S"),)))})

    with pytest.raises(Rejected, match="surrogate"):
        store.write([Change(Key("t", "1"), {"id": {"S": "1"}, "v": {"S": "\ud800"}})])
    assert sent == []
