"""Signs of life of the pollers, in the migration's table, for whoever asks from another process whether a stream is read.

What Lambda's event source mappings tell through their state and metrics, the local cloud tells like this: once a second,
for each source, when, and since when its poller has had records that are not done (0: it has none).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.poller import Poller

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SUBJECT = "poller"
EVERY = 1.0


class Signs:
    """A thread that gives them for as long as the pollers live."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, pollers: Mapping[str, Poller]) -> None:
        self._dynamodb, self._table, self._pollers = dynamodb, table, dict(pollers)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for source, poller in self._pollers.items():
                if poller.alive:
                    with contextlib.suppress(ClientError, BotoCoreError):
                        self._give(source, poller.busy_since)
            self._stopping.wait(EVERY)

    def _give(self, source: str, busy_since: float) -> None:
        sign = {"at": {"N": f"{time.time():.3f}"}, "busy_since": {"N": f"{busy_since:.3f}"}}
        key = {"subject": {"S": SUBJECT}, "name": {"S": source}}
        self._dynamodb.put_item(TableName=self._table, Item={**key, **sign})


def signs_of_life(dynamodb: DynamoDBClient, table: str) -> dict[str, tuple[float, float]]:
    """By source: the last sign, and since when there have been records that are not done."""
    found = dynamodb.query(
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="subject = :subject",
        ExpressionAttributeValues={":subject": {"S": SUBJECT}},
    )["Items"]
    return {item["name"]["S"]: (float(item["at"]["N"]), float(item["busy_since"]["N"])) for item in found}
