"""Who is running what: a lease on a verb, in the migration's table, renewed while its holder lives.

Whoever finds a lease that has run out, or one of a process that died on this very machine, takes it over; everybody else
is refused by name.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from remodel.call import Clock
from remodel.items import Item
from runner.errors import Busy
from runner.figures import time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 60.0
"""Seconds that a lease lasts unless it is renewed, which is done three times as often."""


@contextmanager
def lease(dynamodb: DynamoDBClient, table: str, clock: Clock, me: str, verb: str) -> Iterator[None]:
    """Raises Busy."""
    held = _Lease(dynamodb, table, clock, me, verb)
    held.take()
    stop = threading.Event()
    keeper = threading.Thread(target=held.keep, args=(stop,), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()
        held.give_back()


def myself() -> str:
    """User, machine and process: enough for a colleague to come over and ask."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.getuid())
    return f"{user}@{socket.gethostname()} (process {os.getpid()})"


@dataclass(frozen=True, slots=True)
class _Lease:
    dynamodb: DynamoDBClient
    table: str
    clock: Clock
    me: str
    verb: str

    def take(self) -> None:
        held = self.dynamodb.get_item(TableName=self.table, Key=self._key, ConsistentRead=True).get("Item")
        now = self.clock.now()
        if held is not None and float(held["until"]["N"]) > now and not _is_dead(held["holder"]["S"]):
            raise Busy(
                f"expected to be the only one running {self.verb}, but {held['holder']['S']} has been since "
                f"{time(held['since']['S'])}: wait until it is done, or for {LEASE:.0f} s if it was killed on another machine"
            )
        since = {"S": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")}
        request: Any = {
            "TableName": self.table,
            "Item": {**self._key, "holder": {"S": self.me}, "since": since, **self._until()},
        }
        if held is None:
            request["ConditionExpression"] = "attribute_not_exists(subject)"
        else:
            request["ConditionExpression"] = "holder = :holder AND #until = :until"
            request["ExpressionAttributeNames"] = {"#until": "until"}
            request["ExpressionAttributeValues"] = {":holder": held["holder"], ":until": held["until"]}
        try:
            self.dynamodb.put_item(**request)
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            raise Busy(
                f"expected to be the only one running {self.verb}, but somebody else has just begun it"
            ) from None

    def keep(self, stop: threading.Event) -> None:
        while not stop.wait(LEASE / 3):
            with suppress(self.dynamodb.exceptions.ClientError):
                self.dynamodb.update_item(
                    TableName=self.table,
                    Key=self._key,
                    UpdateExpression="SET #until = :until",
                    ConditionExpression="holder = :me",
                    ExpressionAttributeNames={"#until": "until"},
                    ExpressionAttributeValues={":me": {"S": self.me}, ":until": self._until()["until"]},
                )

    def give_back(self) -> None:
        with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=self._key,
                ConditionExpression="holder = :me",
                ExpressionAttributeValues={":me": {"S": self.me}},
            )

    @property
    def _key(self) -> dict[str, Any]:
        return {"subject": {"S": "lease"}, "name": {"S": self.verb}}

    def _until(self) -> Item:
        return {"until": {"N": f"{self.clock.now() + LEASE:.3f}"}}


def _is_dead(holder: str) -> bool:
    """Whether it was a process on this very machine that is no more."""
    where, _, process = holder.rpartition(" (process ")
    if not where.endswith(f"@{socket.gethostname()}"):
        return False
    try:
        os.kill(int(process.rstrip(")")), 0)
    except (ProcessLookupError, ValueError):
        return True
    except PermissionError:
        return False
    return False
