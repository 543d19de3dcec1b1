"""What the store on DynamoDB does with answers that DynamoDB Local never gives, and what its client sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from remodel.client import make_client
from remodel.dynamodb import DynamoStore, Table
from remodel.errors import MissingSetting, NotAllowed, Rejected, RemodelError, TableNotFound, Unavailable
from remodel.items import Item
from remodel.keys import Key, KeySchema
from remodel.store import INDEX, INDEX_KEY, Change, Store, Update
from tests.contract import tables
from tests.contract.test_store import EVERYTHING, key_of, member, plain, put

TWO = {
    "lines": Table("lines-table", KeySchema((("order", "S"), ("line", "N")))),
    "plain": Table("plain-table", KeySchema((("id", "S"),))),
    INDEX: Table("index-table", INDEX_KEY),
}


class Fake:
    """A client that records its requests and gives the same answer to each."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, list[dict[str, Any]]()

    def __getattr__(self, operation: str) -> Any:
        def ask(**request: Any) -> Any:
            self.asked.append(request)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return ask


def fake(answer: Any, metered: bool = False) -> tuple[DynamoStore, Fake]:
    client = Fake(answer)
    return DynamoStore(client, TWO, metered), client  # type: ignore[arg-type]


REQUESTS = [
    lambda store: store.get([Key("plain", "a")]),
    lambda store: store.write([plain("a")]),
    lambda store: store.update(Update(Key("plain", "a"))),
    lambda store: store.query("g", "", None, 9),
    lambda store: store.find("plain", "i", "a", {"S": "x"}),
    lambda store: store.scan("plain", (0, 1), None, 9),
    lambda store: store.stream("plain"),
]


def test_keys_that_were_not_processed_come_back_as_keys() -> None:
    row = {"order": {"S": "o"}, "line": {"N": "10"}}
    left = {"lines-table": {"Keys": [row], "ConsistentRead": True}, "plain-table": {"Keys": [{"id": {"S": "b"}}]}}
    store, client = fake({"Responses": {"plain-table": [{"id": {"S": "a"}, "v": {"N": "1"}}]}, "UnprocessedKeys": left})
    keys = [key_of("lines", row), Key("plain", "a"), Key("plain", "b")]

    assert store.get(keys) == ({Key("plain", "a"): {"id": {"S": "a"}, "v": {"N": "1"}}}, [keys[0], keys[2]])
    assert client.asked == [
        {
            "RequestItems": {
                "lines-table": {"Keys": [row], "ConsistentRead": True},
                "plain-table": {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "b"}}], "ConsistentRead": True},
            }
        }
    ]
    assert store.spent().throttled == 2


def test_changes_that_were_not_processed_come_back_as_changes() -> None:
    changes = [
        put("lines", order={"S": "o"}, line={"N": "1E1"}, v={"S": "x"}),
        plain("a"),
        Change(Key("plain", "b"), None),
    ]
    left = {
        "plain-table": [{"DeleteRequest": {"Key": {"id": {"S": "b"}}}}],
        "lines-table": [{"PutRequest": {"Item": {"order": {"S": "o"}, "line": {"N": "10"}, "v": {"S": "x"}}}}],
    }
    store, client = fake({"UnprocessedItems": left})

    assert store.write(changes) == [changes[0], changes[2]]
    assert client.asked == [
        {
            "RequestItems": {
                "lines-table": [{"PutRequest": {"Item": changes[0].item}}],
                "plain-table": [
                    {"PutRequest": {"Item": changes[1].item}},
                    {"DeleteRequest": {"Key": {"id": {"S": "b"}}}},
                ],
            }
        }
    ]
    assert store.spent().throttled == 2


@pytest.mark.parametrize(
    ("code", "status", "error", "throttled"),
    [
        ("ProvisionedThroughputExceededException", 400, Unavailable, 1),
        ("ThrottlingException", 400, Unavailable, 1),
        ("RequestLimitExceeded", 400, Unavailable, 1),
        ("InternalServerError", 500, Unavailable, 0),
        ("anything", 503, Unavailable, 0),
        ("TransactionConflictException", 400, Unavailable, 0),
        ("ReplicatedWriteConflictException", 400, Unavailable, 0),
        ("ResourceNotFoundException", 400, TableNotFound, 0),
        ("AccessDeniedException", 400, NotAllowed, 0),
        ("UnrecognizedClientException", 400, NotAllowed, 0),
        ("ValidationException", 400, Rejected, 0),
        ("413", 413, Rejected, 0),
        ("ItemCollectionSizeLimitExceededException", 400, Rejected, 0),
    ],
)
@pytest.mark.parametrize("request_", REQUESTS)
def test_errors_are_named(code: str, status: int, error: type[RemodelError], throttled: int, request_: Any) -> None:
    problem = ClientError(
        {"Error": {"Code": code, "Message": "the reason"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Any",
    )
    store, _ = fake(problem)

    with pytest.raises(error, match="the reason"):
        request_(store)

    assert (store.spent().requests, store.spent().throttled) == (1, throttled)


def test_all_tables_of_a_request_are_named() -> None:
    store, _ = fake(ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "Any"))

    with pytest.raises(TableNotFound, match="lines-table, plain-table"):
        store.write([put("lines", order={"S": "o"}, line={"N": "1"}), plain("a")])


def test_missing_credentials_are_not_retried() -> None:
    store, _ = fake(NoCredentialsError())

    with pytest.raises(NotAllowed, match="credentials"):
        store.stream("plain")


@pytest.mark.parametrize("request_", REQUESTS)
def test_an_answer_without_its_fields_did_nothing(request_: Any) -> None:
    """botocore makes such an answer of a page of HTML with status 200."""
    store, _ = fake({"ResponseMetadata": {"HTTPStatusCode": 200}})

    with pytest.raises(Unavailable, match="something else answered"):
        request_(store)


def test_units_are_asked_for_where_they_are_metered() -> None:
    units = {"TableName": "t", "CapacityUnits": 2.5}
    store, client = fake(
        {
            "UnprocessedItems": {},
            "Responses": {},
            "UnprocessedKeys": {},
            "Attributes": {},
            "Items": [],
            "ConsumedCapacity": [units] * 2,
        },
        metered=True,
    )
    store.write([plain("a")])
    store.get([Key("plain", "a")])
    client.answer["ConsumedCapacity"] = units
    for request in REQUESTS[2:6]:
        request(store)

    assert {request["ReturnConsumedCapacity"] for request in client.asked} == {"TOTAL"}
    assert (store.spent().write_units, store.spent().read_units) == (7.5, 12.5)
    plain_store, plain_client = fake(client.answer)
    for request in REQUESTS[:6]:
        request(plain_store)
    assert not any("ReturnConsumedCapacity" in request for request in plain_client.asked)


def test_two_tables_of_one_name_are_refused() -> None:
    with pytest.raises(MissingSetting, match="'plain' and 'other'.*plain-table"):
        DynamoStore(Fake({}), {**TWO, "other": Table("plain-table", INDEX_KEY)})  # type: ignore[arg-type]


def test_independent_requests_run_in_parallel() -> None:
    both = threading.Barrier(2, timeout=60)
    store, _ = fake({})

    assert store.together([both.wait, both.wait, lambda: 7])[2] == 7
    assert sorted(store.together([both.wait, both.wait])) == [0, 1]
    assert store.together([threading.current_thread]) == [threading.current_thread()]


def test_a_count_of_threads_is_exact() -> None:
    store, _ = fake({"UnprocessedItems": {}})

    store.together([lambda: store.write([plain("a")])] * 500)

    assert store.spent().requests == 500


# The client.


@contextmanager
def answering(status: int | None, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """The endpoint of a server that gives one answer to everything, or drops the connection; and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.headers["User-Agent"])
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "oh"}'),
        (400, b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow down"}'),
        (503, b"<html>"),
        (200, b"<html>"),
        (200, b'{"UnprocessedItems": {"plain-ta'),
        (200, b"\xff\xfe"),
        (None, b""),
    ],
)
def test_a_request_that_fails_is_sent_once(status: int | None, body: bytes) -> None:
    with answering(status, body) as (endpoint, asked):
        store = DynamoStore(make_client(endpoint), TWO)
        for count, request in enumerate(REQUESTS, 1):
            with pytest.raises(Unavailable):
                request(store)
            assert len(asked) == count
    assert all(each.startswith("remodel") for each in asked)


def test_nobody_answers() -> None:
    with pytest.raises(Unavailable):
        DynamoStore(make_client("http://127.0.0.1:1"), TWO).stream("plain")


def test_the_client_reads_what_boto3_reads(endpoint: str, dynamodb: DynamoStore) -> None:
    plain_client = boto3.client("dynamodb", endpoint_url=endpoint)
    table = tables.PHYSICAL["plain"].physical
    names = {
        "list": {"L": [{"M": {"B": {"BS": [b"1", b"2"]}}}]},
        "map": {"M": {"S": {"S": ""}, "N": {"NS": ["1", "2"]}}},
    }
    item: Item = {"id": {"S": "one ✓"}, **EVERYTHING, **names}
    dynamodb.write([Change(Key("plain", "one ✓"), item)])

    page = plain_client.scan(TableName=table, Limit=1)

    assert dynamodb.scan("plain", (0, 1), None, 1) == (page["Items"], "one ✓")
    assert dynamodb.get([Key("plain", "one ✓")])[0] == {Key("plain", "one ✓"): page["Items"][0]}
    assert json.loads(json.dumps(page["LastEvaluatedKey"])) == {"id": {"S": "one ✓"}}


def test_parallel_answers_with_and_without_binary(dynamodb: DynamoStore) -> None:
    binary, text = plain("b", v={"B": b"\xff" * 3_000}), plain("t", v={"S": "x" * 3_000})
    dynamodb.write([binary, text])

    def reads(change: Change) -> bool:
        return dynamodb.get([change.key])[0] == {change.key: change.item}

    assert all(dynamodb.together([lambda each=each: reads(each) for each in (binary, text) * 100]))  # type: ignore[misc]


def test_tables_and_indexes_that_do_not_exist_are_named(dynamodb: DynamoStore) -> None:
    gone: Store = DynamoStore(
        dynamodb._client, {name: Table("of-nobody", each.schema) for name, each in [("plain", TWO["plain"])]}
    )
    for request in (*REQUESTS[:3], *REQUESTS[4:]):
        with pytest.raises(TableNotFound, match="of-nobody"):
            request(gone)
    with pytest.raises(TableNotFound, match="contract-indexed.*nowhere"):
        dynamodb.find("indexed", "nowhere", "email", {"S": "x"})


def test_a_group_of_many_pages_goes_on_by_name_only(dynamodb: DynamoStore) -> None:
    names = ["a:b", "a\n", "aü", "a😀"]
    dynamodb.write([Change(member("1:g", name), INDEX_KEY.decode(member("1:g", name).text)) for name in names])

    page = dynamodb.query("1:g", "a", None, 2)

    assert page.next == "a:b"
    assert dynamodb.query("1:g", "a", page.next, 2).next == "a😀"
