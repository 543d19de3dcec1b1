"""The tips of the streams: own readers behind the last record of every old table's stream.

They prove that the application is quiet, and name each row that it changes after that. Metrics come one to three minutes late
and prove nothing about the last one. A reader that begins at LATEST sees every record that is written after it was opened; a
shard that ends is followed into its children from their beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from remodel.hints import Hint, read_record
from remodel.model import Model
from runner.errors import NotReady
from runner.failed import as_event

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


class Tips:
    """`tables`: physical names of the old tables by logical name, of those whose streams are connected."""

    def __init__(
        self, dynamodb: DynamoDBClient, streams: DynamoDBStreamsClient, model: Model, tables: Mapping[str, str]
    ) -> None:
        self._dynamodb, self._streams, self._model = dynamodb, streams, model
        self._arns = {name: self._arn(name, table) for name, table in tables.items()}
        self._iterators: dict[tuple[str, str], str] = {}
        self._seen: set[tuple[str, str]] = set()
        for name in self._arns:
            for shard in self._shards(name):
                self._seen.add((name, shard["ShardId"]))
                if "EndingSequenceNumber" not in shard["SequenceNumberRange"]:
                    self._open(name, shard["ShardId"], "LATEST")

    def read(self) -> list[Hint]:
        """What was written since the last reading. Raises NotReady where a stream cannot be followed."""
        return [hint for name, shard in list(self._iterators) for hint in self._read(name, shard)]

    def _read(self, name: str, shard: str) -> Iterator[Hint]:
        """Until a page is empty or the shard has ended."""
        while (name, shard) in self._iterators:
            try:
                page = self._streams.get_records(ShardIterator=self._iterators.pop((name, shard)))
            except (
                self._streams.exceptions.TrimmedDataAccessException,
                self._streams.exceptions.ExpiredIteratorException,
            ) as problem:
                raise NotReady(
                    f"expected to follow the stream of {name} without a gap, but: {problem}: cut over again"
                ) from problem
            if "NextShardIterator" in page:
                self._iterators[name, shard] = page["NextShardIterator"]
            else:
                self._follow(name)
            yield from (self._hint(name, record) for record in page["Records"])
            if not page["Records"]:
                return

    def _follow(self, name: str) -> None:
        for shard in self._shards(name):
            if (name, shard["ShardId"]) not in self._seen:
                self._seen.add((name, shard["ShardId"]))
                self._open(name, shard["ShardId"], "TRIM_HORIZON")

    def _hint(self, name: str, record: Any) -> Hint:
        found = read_record(self._model, name, as_event(record))
        if found.hint is None:
            raise NotReady(f"expected records of {name} with a key, found one without: see the logs of its function")
        return found.hint

    def _open(self, name: str, shard: str, kind: Any) -> None:
        answer = self._streams.get_shard_iterator(StreamArn=self._arns[name], ShardId=shard, ShardIteratorType=kind)
        self._iterators[name, shard] = answer["ShardIterator"]

    def _shards(self, name: str) -> Iterator[Any]:
        start: dict[str, Any] = {}
        while True:
            page: Any = self._streams.describe_stream(StreamArn=self._arns[name], **start)["StreamDescription"]
            yield from page["Shards"]
            if "LastEvaluatedShardId" not in page:
                return
            start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def _arn(self, name: str, table: str) -> str:
        arn = self._dynamodb.describe_table(TableName=table)["Table"].get("LatestStreamArn")
        if not arn:
            raise NotReady(f"expected table {table} to have a stream, found none: `remodel prepare --execute`")
        return arn
