"""The pollers seen and switched from another process, through a table that both know.

What Lambda's event source mappings tell through their state and metrics, the local cloud tells like this: once a second,
for each source, when, whether it is on, when its stream was last read to its end, and since when there have been records
that are not done. And as a mapping is switched off and on by its API, a poller is by an item there, which it looks at as
often.

    subject (partition)   name (sort)   attributes
    poller                <source>      at, enabled, idle, polled, busy_since (seconds since the epoch), failed (a folder)
    switch                <source>      enabled
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.poller import Poller

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

POLLER, SWITCH = "poller", "switch"
EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Sign:
    """`polled`: when a poll began that found nothing, 0 for never. `busy_since`: 0 where nothing is in hand."""

    at: float
    enabled: bool
    idle: bool
    polled: float
    busy_since: float
    failed: Path


class Signs:
    """A thread that gives them for as long as the pollers live. The table may come into being later."""

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
            with contextlib.suppress(ClientError, BotoCoreError):
                switches = {
                    item["name"]["S"]: item["enabled"]["BOOL"] for item in _all(self._dynamodb, self._table, SWITCH)
                }
                for source, poller in self._pollers.items():
                    poller.enable() if switches.get(source, True) else poller.disable()
                    if poller.alive:
                        self._give(source, poller)
            self._stopping.wait(EVERY)

    def _give(self, source: str, poller: Poller) -> None:
        times = {"at": time.time(), "polled": poller.idle_since or 0.0, "busy_since": poller.busy_since}
        sign: dict[str, Any] = {name: {"N": f"{value:.3f}"} for name, value in times.items()}
        sign |= {
            "enabled": {"BOOL": poller.enabled},
            "idle": {"BOOL": poller.idle},
            "failed": {"S": str(poller.failed)},
        }
        self._dynamodb.put_item(TableName=self._table, Item={**_key(POLLER, source), **sign})


def signs_of_life(dynamodb: DynamoDBClient, table: str) -> dict[str, Sign]:
    """The last one of each source."""
    return {item["name"]["S"]: _sign(item) for item in _all(dynamodb, table, POLLER)}


def switch(dynamodb: DynamoDBClient, table: str, source: str, enabled: bool) -> None:
    dynamodb.put_item(TableName=table, Item={**_key(SWITCH, source), "enabled": {"BOOL": enabled}})


def _all(dynamodb: DynamoDBClient, table: str, subject: str) -> list[Any]:
    return dynamodb.query(
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="subject = :subject",
        ExpressionAttributeValues={":subject": {"S": subject}},
    )["Items"]


def _key(subject: str, name: str) -> dict[str, Any]:
    return {"subject": {"S": subject}, "name": {"S": name}}


def _sign(item: Any) -> Sign:
    at, polled, busy_since = (float(item[name]["N"]) for name in ("at", "polled", "busy_since"))
    return Sign(at, item["enabled"]["BOOL"], item["idle"]["BOOL"], polled, busy_since, Path(item["failed"]["S"]))
