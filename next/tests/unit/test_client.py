"""The lean client walks through no item, sends text as it is, and signs as botocore does."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer
from remodel.client import make_client
from remodel.dynamodb import DynamoStore, Table
from remodel.errors import NotAllowed, Rejected, Unanswered
from remodel.keys import Key, KeySchema
from remodel.store import Change

from remodel import client

Sent = list[tuple[bytes, dict[str, str]]]


def lean(monkeypatch: pytest.MonkeyPatch, answer: bytes, status: int = 200) -> tuple[Any, Sent]:
    """A client that never opens a socket, and its requests: bodies and headers."""
    sent: Sent = []

    def exchange(_self: Any, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        sent.append((body, headers))
        return status, answer

    monkeypatch.setattr(client._Lean, "_exchange", exchange)
    return make_client("http://localhost:1"), sent


def store(made: Any) -> DynamoStore:
    return DynamoStore(made, {"t": Table("t", KeySchema((("id", "S"),)))})


def test_items_are_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"Items": [{"id": {"S": "1"}, "list": {"L": [{"N": "2"}]}}], "Count": 1, "ScannedCount": 1}
    made, sent = lean(monkeypatch, json.dumps(answer).encode())
    for kind, walk in ((JSONSerializer, "_serialize_type_map"), (JSONParser, "_handle_map"), (client, "_with_bytes")):
        monkeypatch.setattr(kind, walk, None)

    page = made.scan(TableName="t", ExclusiveStartKey={"id": {"S": "ö"}})

    assert page["Items"] == [{"id": {"S": "1"}, "list": {"L": [{"N": "2"}]}}]
    assert sent[0][0] == '{"TableName":"t","ExclusiveStartKey":{"id":{"S":"ö"}}}'.encode()
    assert sent[0][1]["user-agent"] == "remodel"


def test_binary_goes_and_comes_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = b'{"Attributes": {"b": {"B": "/w=="}, "l": {"L": [{"BS": ["AA==", "/w=="]}]}, "B": {"S": "B"}, "BS": {"L": []}}}'
    made, sent = lean(monkeypatch, answer)

    found = made.update_item(TableName="t", Key={"b": {"B": b"\xff"}})

    several = {"L": [{"BS": [b"\x00", b"\xff"]}]}
    assert found["Attributes"] == {"b": {"B": b"\xff"}, "l": several, "B": {"S": "B"}, "BS": {"L": []}}
    assert json.loads(sent[0][0]) == {"TableName": "t", "Key": {"b": {"B": "/w=="}}}


def test_tables_with_the_names_of_types(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {"BS": [{"PutRequest": {"Item": {"id": {"S": "1"}}}}], "B": {"Keys": [{"id": {"B": "/w=="}}]}}
    made, _ = lean(monkeypatch, json.dumps({"UnprocessedItems": left}).encode())

    found = made.batch_write_item(RequestItems={})["UnprocessedItems"]

    assert found == left | {"B": {"Keys": [{"id": {"B": b"\xff"}}]}}


def test_a_lone_surrogate_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB would store another text."""
    made, sent = lean(monkeypatch, b"{}")

    with pytest.raises(Rejected, match="surrogate"):
        store(made).write([Change(Key("t", "1"), {"id": {"S": "1"}, "v": {"S": "\ud800"}})])
    assert sent == []


@pytest.mark.parametrize("token", [None, "a token/+="])
def test_requests_are_signed_as_botocore_signs_them(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    now = time.gmtime(1_795_334_400)
    monkeypatch.setattr(time, "gmtime", lambda *_: now)
    for name, value in (("AWS_ACCESS_KEY_ID", "an id"), ("AWS_SECRET_ACCESS_KEY", "a secret")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SESSION_TOKEN", token) if token else monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    made, sent = lean(monkeypatch, b"{}")

    for _ in range(2):
        made.query(TableName="tä")

    signer = SigV4Auth(Credentials("an id", "a secret", token), "dynamodb", made.meta.region_name)
    for body, headers in sent:
        plain = {name: headers[name] for name in ("content-type", "host", "x-amz-target")}
        request = AWSRequest("POST", "http://localhost:1/", plain, body)
        request.context["timestamp"] = headers["x-amz-date"]
        if token:
            request.headers["X-Amz-Security-Token"] = token
        request.headers["X-Amz-Date"] = headers["x-amz-date"]
        signed = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        assert headers["authorization"].endswith(f"Signature={signed}")
        assert headers["authorization"].startswith(
            f"AWS4-HMAC-SHA256 Credential=an id/{signer.scope(request)[6:]}, SignedHeaders="
            f"{signer.signed_headers(signer.headers_to_sign(request))}, "
        )


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    made, sent = lean(monkeypatch, b"{}")
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: None)
    made = make_client("http://localhost:1")

    with pytest.raises(NotAllowed, match="found none"):
        store(made).get([Key("t", "1")])
    assert sent == []


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}', "Resource"),
        (400, b'{"__type":"AccessDeniedException","Message":"no"}', "AccessDenied"),
        (502, b"<html>", "502"),
        (413, b"[]", "413"),
    ],
)
def test_errors_have_names(monkeypatch: pytest.MonkeyPatch, status: int, answer: bytes, code: str) -> None:
    made, _ = lean(monkeypatch, answer, status)

    with pytest.raises(ClientError) as raised:
        made.scan(TableName="t")

    assert raised.value.response["Error"]["Code"].startswith(code)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_what_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in (b"<html>", b"[]", b"1", b"\xff\xfe"):
        made, _ = lean(monkeypatch, answer)
        with pytest.raises(Unanswered):
            store(made).get([Key("t", "1")])


def test_a_proxy_is_left_to_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://localhost:2")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert "_make_api_call" not in vars(make_client("http://dynamodb.example"))
