"""Batches that Lambda gave up are read in each form in which AWS documents them, and nothing else is taken for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.errors import UnreadableBatch
from runner.failed import Batch, Batches
from runner.quarantine import BATCH, PAYLOAD, _slices

STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/of-actuals/stream/2026-11-22T08:00:00.000"


def note(**more: Any) -> dict[str, Any]:
    """As in AWS's documents on discarded records of a DynamoDB stream; only S3 gets a payload."""
    return {
        "requestContext": {
            "requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:remodel-dev-ReplicateActuals",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 101,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-26T00:38:06.021Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000001573689847184-864758bb",
            "startSequenceNumber": "800000000003126276362",
            "endSequenceNumber": "800000000003126276364",
            "approximateArrivalOfFirstRecord": "2026-11-26T00:38:04Z",
            "approximateArrivalOfLastRecord": "2026-11-26T00:38:05Z",
            "batchSize": 2,
            "streamArn": STREAM,
        },
        **more,
    }


def record(number: int, key: str) -> dict[str, Any]:
    """As the API of streams gives it."""
    body = {
        "ApproximateCreationDateTime": datetime(2026, 11, 26, tzinfo=UTC),
        "Keys": {"id": {"S": key}},
        "OldImage": {"id": {"S": key}, "raw": {"B": b"\x00\xff"}},
        "SequenceNumber": str(number),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {"eventID": key, "eventName": "REMOVE", "eventSource": "aws:dynamodb", "dynamodb": body}


class Stream:
    """A shard, in pages, some of which are empty."""

    def __init__(self, *pages: list[dict[str, Any]], trimmed: bool = False) -> None:
        self.pages, self.trimmed = pages, trimmed
        self.asked: list[dict[str, Any]] = []

    def get_shard_iterator(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if self.trimmed:
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str) -> Any:  # noqa: N803 (as boto3 has it)
        n = int(ShardIterator)
        more = {"NextShardIterator": str(n + 1)} if n + 1 < len(self.pages) else {}
        return {"Records": self.pages[n], **more}


FIRST = 800000000003126276362


def batches(stream: Any = None) -> Batches:
    return Batches({"of-actuals": "actuals", "of-links": "links"}, stream)


def test_an_object_of_s3_has_the_event_in_it() -> None:
    event = {"Records": [{"eventID": "1"}, {"eventID": "2"}]}

    assert batches().read(json.dumps(note(payload=json.dumps(event)))) == Batch("actuals", event["Records"])
    assert batches().read(json.dumps(note(payload=event))) == Batch("actuals", event["Records"])


@pytest.mark.parametrize("of_a_topic", [False, True], ids=["queue", "topic"])
def test_a_message_says_where_in_the_stream_the_records_are(of_a_topic: bool) -> None:
    pages = [record(FIRST, "a")], [], [record(FIRST + 2, "b"), record(FIRST + 3, "of the next batch")], []
    stream, text = Stream(*pages), json.dumps(note())
    if of_a_topic:
        text = json.dumps({"Type": "Notification", "TopicArn": "any", "Message": text})

    found = batches(stream).read(text)

    assert found.source == "actuals"
    keys = [each["dynamodb"]["Keys"]["id"]["S"] for each in found.records]
    assert keys == ["a", "b"]
    assert found.records[0]["dynamodb"]["OldImage"]["raw"] == {"B": "AP8="}, "as Lambda writes it"
    json.dumps(found.records)
    (asked,) = stream.asked
    assert asked["SequenceNumber"] == str(FIRST)


@pytest.mark.parametrize(
    ("text", "stream"),
    [
        ("no JSON", None),
        ("[]", None),
        ("{}", None),
        ("[" * 100_000, None),
        (json.dumps({"Message": 5}), None),
        (json.dumps(note(payload="[]")), None),
        (json.dumps(note(payload=None)), None),
        (json.dumps(note(payload='{"Records": []}')), None),
        (json.dumps(note(DDBStreamBatchInfo={"streamArn": STREAM.replace("of-actuals", "foreign")})), None),
        (json.dumps(note()), Stream(trimmed=True)),
        (json.dumps(note()), Stream([record(FIRST, "a")])),
        (json.dumps(note()), Stream(*([[]] * 1_000))),
    ],
    ids=[
        "text",
        "list",
        "empty",
        "deep",
        "message",
        "no event",
        "null",
        "no records",
        "table",
        "trimmed",
        "ended",
        "endless",
    ],
)
def test_anything_else_is_refused_by_name(text: str, stream: Any) -> None:
    with pytest.raises(UnreadableBatch, match="expected a batch that Lambda has given up, with its records, but: "):
        batches(stream).read(text)


def test_a_call_gets_no_more_than_lambda_takes() -> None:
    records = [{"image": "x" * 1_600_000} for _ in range(10)] + [{} for _ in range(250)]

    slices = list(_slices(records))

    assert [each for part in slices for each in part] == records
    assert all(len(json.dumps(part)) < PAYLOAD * 1.01 and len(part) <= BATCH for part in slices)
    assert len(slices) == 6
    assert list(_slices([])) == []
