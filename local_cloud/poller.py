"""The poller between a stream and its function: what Lambda's event source mapping does, and the faults it may cause.

Batches of one shard, in order, parents before children, from TRIM_HORIZON. A partial answer retries from the lowest
failed record; an exception bisects the batch; what keeps failing goes to the failure destination, with its records.
"""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_cloud.function import FunctionFailed, RunningFunction

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

INTERVAL = 0.25
"""Seconds between polls of a shard, as Lambda's base rate of four a second."""

PAUSE = 0.2
"""Seconds before a batch is tried again whose call has failed."""

LOOK = 5.0
"""Seconds for which a list of shards counts; it changes only when a shard is closed, every four hours."""

LATEST_KILL = 0.4
"""Seconds from the beginning of a call in which a fault kills it."""

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities by batch: that the function is killed while it works on it, and that it is delivered once more.

    With a probability above 0, the first batch of a poller always meets the fault.
    """

    kill: float = 0.0
    again: float = 0.0
    random: random.Random = field(default_factory=random.Random)

    def kills(self, before: int) -> bool:
        return self.kill > 0 and (not before or self.random.random() < self.kill)

    def repeats(self, before: int) -> bool:
        return self.again > 0 and (not before or self.random.random() < self.again)


class Poller:
    """One mapping: a thread that reads one stream and invokes one function. `failed`: the failure destination, a folder.
    `problem`: what has ended the thread, apart from `stop`."""

    def __init__(
        self,
        streams: DynamoDBStreamsClient,
        stream_arn: str,
        function: RunningFunction,
        failed: Path,
        faults: Faults | None = None,
    ) -> None:
        mapping = function.function.mapping
        assert mapping is not None, "the function has a stream"
        self._streams, self._arn, self._function, self._mapping = streams, stream_arn, function, mapping
        self.failed, self._faults = failed, faults or Faults()
        self._stopping, self._disabled = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"poll {function.function.name}")
        self._iterators: dict[str, str] = {}
        self._finished: set[str] = set()
        self._last: dict[str, str] = {}
        self._known: list[Any] = []
        self._looked = 0.0
        self.records = self.kills = self.repeats = 0
        self.problem: BaseException | None = None
        self.polled = 0.0
        self.idle_since: float | None = None
        self.busy_since = 0.0
        self.idle = False

    @property
    def enabled(self) -> bool:
        return not self._disabled.is_set()

    def enable(self) -> None:
        """It goes on from behind the last batch that was done."""
        self._disabled.clear()

    def disable(self) -> None:
        """Nothing is begun any more; `idle` once the batch in hand is done or dropped."""
        self._disabled.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def drained(self, since: float) -> bool:
        """Whether a poll of every shard that began after `since` found nothing."""
        if self.problem is not None:
            raise self.problem
        return self.idle_since is not None and self.idle_since > since

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                began, self.idle = time.time(), self._disabled.is_set()
                if self.idle:
                    self.idle_since, self.polled = None, 0.0
                    self._stopping.wait(INTERVAL)
                    continue
                found = [self._poll(shard) for shard in self._shards()]
                self.idle_since = None if any(found) else began
                if not any(found):
                    self._stopping.wait(INTERVAL)
        except Exception as problem:
            self.problem = problem

    def _shards(self) -> list[str]:
        """The shards that may be read now: those whose parent is read to its end, or is no more."""
        if not self._known or time.time() > self._looked + LOOK:
            described = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]
            self._known, self._looked = list(described.get("Shards", ())), time.time()
        ids = {shard["ShardId"] for shard in self._known}
        return [
            shard["ShardId"]
            for shard in self._known
            if shard["ShardId"] not in self._finished
            and (shard.get("ParentShardId") not in ids or shard.get("ParentShardId") in self._finished)
        ]

    def _poll(self, shard: str) -> bool:
        iterator = self._iterators.get(shard) or self._iterator(shard)
        try:
            answer = self._streams.get_records(ShardIterator=iterator, Limit=min(1_000, self._mapping.batch_size))
        except (self._streams.exceptions.TrimmedDataAccessException, self._streams.exceptions.ExpiredIteratorException):
            # An iterator ages; and DynamoDB Local's first one of a stream that is still empty turns out too early.
            self._iterators.pop(shard, None)
            return True
        self.polled = time.time()
        if records := [lambda_record(record, self._arn) for record in answer["Records"]]:
            self.busy_since = time.time()
            done = self.deliver(records)
            self.busy_since = 0.0
            if not done:
                self._iterators.pop(shard, None)
                return True
            self.records += len(records)
            self._last[shard] = records[-1]["dynamodb"]["SequenceNumber"]
        if (after := answer.get("NextShardIterator")) is None:
            self._finished.add(shard)
            self._known = []
        else:
            self._iterators[shard] = after
        return bool(records)

    def _iterator(self, shard: str) -> str:
        """From behind the last record that was delivered, or from the oldest one that there is."""
        request: Any = {"StreamArn": self._arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if shard in self._last:
            request |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last[shard]}
        return self._streams.get_shard_iterator(**request)["ShardIterator"]

    def deliver(self, records: list[Record], attempt: int = 0) -> bool:
        """One batch until all of it is done or given up; False where the poller was stopped or disabled before."""
        while records:
            if self._stopping.is_set() or self._disabled.is_set():
                return False
            try:
                left = self._invoke(records)
            except FunctionFailed:
                self._stopping.wait(PAUSE)
                if self._mapping.bisect and len(records) > 1:
                    half = len(records) // 2
                    if not self.deliver(records[:half], attempt):
                        return False
                    records = records[half:]
                    continue
                left = records
            attempt = attempt + 1 if len(left) == len(records) else 0
            if attempt > self._mapping.attempts:
                self._give_up(left)
                return True
            records = left
            if records:
                self._stopping.wait(min(10.0, 0.1 * 2**attempt))
        return True

    def _invoke(self, records: list[Record]) -> list[Record]:
        """The records from the first one that is not done. Raises FunctionFailed."""
        killer = None
        if self._faults.kills(self.kills):
            killer = threading.Timer(self._faults.random.uniform(0.0, LATEST_KILL), self._kill)
            killer.start()
        try:
            answer = self._function.invoke({"Records": records})
        finally:
            if killer is not None:
                killer.cancel()
        left = not_done(records, answer)
        if not left and self._faults.repeats(self.repeats):
            self.repeats += 1
            return records
        return left

    def _kill(self) -> None:
        self.kills += 1
        self._function.kill()

    def _give_up(self, records: list[Record]) -> None:
        """What Lambda leaves in the failure bucket: metadata, and the event as text in `payload`."""
        self.failed.mkdir(parents=True, exist_ok=True)
        note = {
            "requestContext": {"functionArn": self._function.function.name, "condition": "RetryAttemptsExhausted"},
            "DDBStreamBatchInfo": {"streamArn": self._arn, "batchSize": len(records)},
            "payload": json.dumps({"Records": records}),
        }
        number = records[0]["dynamodb"]["SequenceNumber"]
        (self.failed / f"{self._function.function.name}-{number}.json").write_text(json.dumps(note))


def not_done(records: list[Record], answer: Any) -> list[Record]:
    """As Lambda reads an answer: from the lowest reported record on; all where the answer is not of its format."""
    failures = (answer or {}).get("batchItemFailures") or []
    if not failures:
        return []
    reported = {failure.get("itemIdentifier") for failure in failures}
    for n, record in enumerate(records):
        if record["dynamodb"]["SequenceNumber"] in reported:
            return records[n:]
    raise FunctionFailed(
        f"expected sequence numbers of the batch in batchItemFailures, found {sorted(map(str, reported))}"
    )


def lambda_record(record: Any, stream_arn: str) -> Record:
    """A record of the streams API as Lambda hands it over: JSON, binary as base64 text, time in whole seconds."""
    body = dict(record["dynamodb"])
    body["ApproximateCreationDateTime"] = int(body["ApproximateCreationDateTime"].timestamp())
    found: Record = {
        name: record[name] for name in ("eventID", "eventName", "eventVersion", "eventSource", "awsRegion")
    }
    if identity := record.get("userIdentity"):
        found["userIdentity"] = {"type": identity.get("Type"), "principalId": identity.get("PrincipalId")}
    found |= {"dynamodb": {name: _json(value) for name, value in body.items()}, "eventSourceARN": stream_arn}
    return found


def _json(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _json(each) for name, each in value.items()}
        case list() | set():
            return [_json(each) for each in value]
        case _:
            return value
