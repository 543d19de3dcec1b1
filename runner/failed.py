"""A batch that Lambda has given up, in each form in which AWS documents what is kept of it.

In S3 it is a note with the event in `payload`, as text or as an object. A queue and a topic get the note alone, a topic as
text in `Message`: it says where in the stream the records are, and there they are read, as long as the stream keeps them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from remodel.items import to_event
from runner.errors import UnreadableBatch

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

PAGES = 100
"""Pages of a stream that are looked at for one batch, which has 10,000 records at most; some pages are empty."""

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """`source`: logical name of the old table; `records`: in Lambda's format."""

    source: str
    records: list[Record]


@dataclass(frozen=True, slots=True)
class Batches:
    """`tables`: logical names of the old tables by physical ones."""

    tables: Mapping[str, str]
    streams: DynamoDBStreamsClient

    def read(self, text: str | bytes) -> Batch:
        """Raises UnreadableBatch for anything that is no batch of one of these tables, and where its records are gone."""
        try:
            note = json.loads(text)
            note = json.loads(note["Message"]) if "Message" in note else note
            place = note["DDBStreamBatchInfo"]
            source = self.tables[place["streamArn"].split("/")[1]]
            payload = note.get("payload")
            event = json.loads(payload) if isinstance(payload, str) else payload
            records = event["Records"] if "payload" in note else list(self._records(place))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, ClientError) as problem:
            found = f"{type(problem).__name__}: {problem}"
            raise UnreadableBatch(
                f"expected a batch that Lambda has given up, with its records, but: {found}"
            ) from problem
        if not records:
            raise UnreadableBatch("expected a batch that Lambda has given up, with its records, but: it has none")
        return Batch(source, records)

    def _records(self, place: Mapping[str, Any]) -> Iterator[Record]:
        """From the first to the last of the batch. Raises LookupError where the last one is not found."""
        stream, last = place["streamArn"], int(place["endSequenceNumber"])
        position: Any = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": place["startSequenceNumber"]}
        found = self.streams.get_shard_iterator(StreamArn=stream, ShardId=place["shardId"], **position)
        iterator = found.get("ShardIterator")
        for _page in range(PAGES):
            if not iterator:
                break
            page = self.streams.get_records(ShardIterator=iterator)
            iterator = page.get("NextShardIterator")
            for record in page["Records"]:
                number = int(record["dynamodb"]["SequenceNumber"])
                if number <= last:
                    yield as_event(record)
                if number >= last:
                    return
        raise LookupError(f"record {last} is not in shard {place['shardId']}")


def as_event(record: Any) -> Record:
    """A record of a stream as Lambda hands it over: its key and images, with binary as text."""
    body = {name: to_event(value) for name, value in record["dynamodb"].items() if isinstance(value, dict)}
    return {"eventName": record["eventName"], "dynamodb": body}
