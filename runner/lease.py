"""Leases: one person at a time runs a verb.

A lease is an item of the migration's table, renewed while its holder lives. Each one that is taken has a token that no other
has. A verb checks before each step that cannot be undone that the item still carries its token: a process that slept, or that
the network has cut off, finds that its lease was taken over, and stops.

A lease that has run out is taken over, and so is one of a process that died on this machine: each holder keeps a locked file,
and the operating system unlocks it when the process ends. Names of machines prove nothing: two can have the same.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from remodel.call import Clock
from remodel.items import Item
from runner.errors import Busy, LeaseLost
from runner.figures import time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 60.0
"""Seconds that a lease lasts unless it is renewed, which is done three times as often."""


@contextmanager
def lease(dynamodb: DynamoDBClient, table: str, clock: Clock, me: str, verb: str) -> Iterator[Callable[[], None]]:
    """Gives a check that raises LeaseLost when the lease is held no more. Raises Busy."""
    held = _Lease(dynamodb, table, clock, me, verb)
    with _locked(held.token):
        held.take()
        stop = threading.Event()
        keeper = threading.Thread(target=held.keep, args=(stop,), daemon=True)
        keeper.start()
        try:
            yield held.check
        finally:
            stop.set()
            keeper.join()
            held.give_back()
            _file(held.token).unlink(missing_ok=True)


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
    token: str = field(default_factory=lambda: uuid4().hex)

    def take(self) -> None:
        found, now = self._found(), self.clock.now()
        if found and float(found["until"]["N"]) > now and not _is_dead(found["token"]["S"]):
            raise Busy(
                f"expected to be the only one running {self.verb}, but {found['holder']['S']} has been since "
                f"{time(found['since']['S'])}: wait until it is done, or for {LEASE:.0f} s if it was killed on another machine"
            )
        item = {**self._key, **self._until(), "holder": {"S": self.me}, "token": {"S": self.token}}
        request: Any = {"TableName": self.table, "Item": {**item, "since": {"S": stamp(now)}}}
        if found:
            request |= _only_with(found["token"]["S"])
        else:
            request["ConditionExpression"] = "attribute_not_exists(subject)"
        try:
            self.dynamodb.put_item(**request)
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            raise Busy(
                f"expected to be the only one running {self.verb}, but another process has just begun it"
            ) from None

    def check(self) -> None:
        """Raises LeaseLost. The process that took it over may have begun the very step that is about to be made."""
        found = self._found()
        if not found or found["token"]["S"] != self.token:
            holder = found["holder"]["S"] if found else "no process"
            raise LeaseLost(
                f"expected to hold the lease on {self.verb} still, found that {holder} holds it: this process was stopped or "
                "cut off for longer than the lease lasts. See `remodel status`, then type the verb again"
            )

    def keep(self, stop: threading.Event) -> None:
        """Renews it, also when a request fails; a lease that was taken over is not taken back."""
        while not stop.wait(LEASE / 3):
            with suppress(ClientError, BotoCoreError):
                request = _only_with(self.token)
                request["ExpressionAttributeNames"] |= {"#until": "until"}
                request["ExpressionAttributeValues"] |= {":until": self._until()["until"]}
                self.dynamodb.update_item(
                    TableName=self.table, Key=self._key, UpdateExpression="SET #until = :until", **request
                )

    def give_back(self) -> None:
        with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
            self.dynamodb.delete_item(TableName=self.table, Key=self._key, **_only_with(self.token))

    def _found(self) -> Any:
        return self.dynamodb.get_item(TableName=self.table, Key=self._key, ConsistentRead=True).get("Item")

    @property
    def _key(self) -> dict[str, Any]:
        return {"subject": {"S": "lease"}, "name": {"S": self.verb}}

    def _until(self) -> Item:
        return {"until": {"N": f"{self.clock.now() + LEASE:.3f}"}}


def _only_with(token: str) -> dict[str, Any]:
    """The condition that the item still carries a token."""
    return {
        "ConditionExpression": "#token = :token",
        "ExpressionAttributeNames": {"#token": "token"},
        "ExpressionAttributeValues": {":token": {"S": token}},
    }


def stamp(seconds: float) -> str:
    """A time as the migration's table has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _file(token: str) -> Path:
    return Path(tempfile.gettempdir()) / f"remodel-{os.getuid()}" / f"{token}.lease"


@contextmanager
def _locked(token: str) -> Iterator[None]:
    """A file of this process, for as long as it lives."""
    path = _file(token)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_dead(token: str) -> bool:
    """Whether it was a process on this very machine, and is no more."""
    try:
        file: IO[str] = _file(token).open()
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
