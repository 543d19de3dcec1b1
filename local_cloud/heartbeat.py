"""The pollers seen and switched from another process, through the migration's table.

A deployed stage shows the state of its event source mappings through their API and metrics. A local one writes a heartbeat for
each old table; and a poller is switched off and on by an item that it reads as often.

    subject (partition)   name (sort)   attributes
    poller                <source>      at, enabled, idle, polled, busy_since (seconds since the epoch), failed (a folder),
                                        records, kills, repeats (counts)
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

EVERY = 0.5
"""Seconds between two heartbeats."""

BATCH = 25
"""Items of one BatchWriteItem, at most."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`polled`: when the stream last answered a poll, 0 for never. `busy_since`: 0 while no batch is being delivered.
    `records`: delivered. `kills`, `repeats`: faults that were caused (`poller.Faults`)."""

    at: float
    enabled: bool
    idle: bool
    polled: float
    busy_since: float
    failed: Path
    records: int
    kills: int
    repeats: int


class Heartbeats:
    """A thread that writes them while the pollers live. The table may be created later."""

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
                self._switch()
                self._write()
            self._stopping.wait(EVERY)

    def _switch(self) -> None:
        asked = {item["name"]["S"]: item["enabled"]["BOOL"] for item in _all(self._dynamodb, self._table, SWITCH)}
        for source, poller in self._pollers.items():
            poller.enable() if asked.get(source, True) else poller.disable()

    def _write(self) -> None:
        items = [_item(source, poller) for source, poller in self._pollers.items() if poller.alive]
        for n in range(0, len(items), BATCH):
            puts: Any = [{"PutRequest": {"Item": item}} for item in items[n : n + BATCH]]
            self._dynamodb.batch_write_item(RequestItems={self._table: puts})


def heartbeats(dynamodb: DynamoDBClient, table: str) -> dict[str, Heartbeat]:
    """The last one of each source."""
    return {item["name"]["S"]: _heartbeat(item) for item in _all(dynamodb, table, POLLER)}


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


def _item(source: str, poller: Poller) -> dict[str, Any]:
    times = {"at": time.time(), "polled": poller.polled, "busy_since": poller.busy_since}
    counts = {"records": poller.records, "kills": poller.kills, "repeats": poller.repeats}
    return {
        **_key(POLLER, source),
        **{name: {"N": f"{value:.3f}"} for name, value in times.items()},
        **{name: {"N": str(value)} for name, value in counts.items()},
        "enabled": {"BOOL": poller.enabled},
        "idle": {"BOOL": poller.idle},
        "failed": {"S": str(poller.failed)},
    }


def _heartbeat(item: Any) -> Heartbeat:
    at, polled, busy_since = (float(item[name]["N"]) for name in ("at", "polled", "busy_since"))
    records, kills, repeats = (int(item[name]["N"]) for name in ("records", "kills", "repeats"))
    enabled, idle, failed = item["enabled"]["BOOL"], item["idle"]["BOOL"], Path(item["failed"]["S"])
    return Heartbeat(at, enabled, idle, polled, busy_since, failed, records, kills, repeats)
