"""A migration remembers itself: what was done, when, by whom, by which version, with which outcome.

One table of the migration's own, so that it is nobody's laptop. Beside the steps it holds how far each segment of a
backfill is, and who is running what: a lease, renewed while its holder lives. Whoever finds a lease that has run out, or
one of a process that died on this very machine, takes it over; everybody else is refused by name.

    subject (partition)   name (sort)                 attributes
    step                  <began> <verb> <by>         verb, by, version, ended, outcome, facts
    progress              <table>/<segment>/<total>   cursor, done, scanned, written, quarantined
    lease                 <verb>                      holder, since, until
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from remodel.core.errors import RemodelError
from remodel.core.wire import Item
from remodel.ports import Clock
from runner.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = 60.0
"""Seconds that a lease lasts unless it is renewed, which is done three times as often."""

DONE, FAILED, STOPPED = "done", "failed", "stopped"


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a verb. `began`, `ended`: ISO 8601, UTC; `ended` empty while it runs, or where it was killed."""

    verb: str
    by: str
    version: str
    began: str
    ended: str = ""
    outcome: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one segment of one table is, over all runs."""

    table: str
    segment: int
    total: int
    cursor: Item | None = None
    done: bool = False
    scanned: int = 0
    written: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Journal:
    """`me`: who runs this, as others are to read it."""

    dynamodb: DynamoDBClient
    table: str
    clock: Clock
    me: str

    @contextmanager
    def step(self, verb: str) -> Iterator[dict[str, Any]]:
        """One run of a verb, alone; what the block puts into the given facts is remembered. Raises Busy."""
        with self._lease(verb):
            began = self._time()
            facts: dict[str, Any] = {}
            step = Step(verb, self.me, version("remodel"), began, facts=facts)
            self._write(step)
            try:
                yield facts
            except BaseException as problem:
                told = str(problem) if isinstance(problem, RemodelError) else type(problem).__name__
                outcome = STOPPED if isinstance(problem, KeyboardInterrupt) else FAILED
                facts["problem"] = told
                self._write(step, self._time(), outcome)
                raise
            self._write(step, self._time(), DONE)

    def steps(self, verb: str | None = None) -> list[Step]:
        """Everything that was done, oldest first."""
        steps = [_step(item) for item in self._items("step")]
        return [step for step in steps if verb in (None, step.verb)]

    def last_done(self, verb: str) -> Step | None:
        return next((step for step in reversed(self.steps(verb)) if step.outcome == DONE), None)

    def progress(self) -> list[Progress]:
        return [_progress(item) for item in self._items("progress")]

    def note(self, progress: Progress) -> None:
        facts = {name: value for name, value in asdict(progress).items() if name not in ("table", "segment", "total")}
        name = f"{progress.table}/{progress.segment}/{progress.total}"
        self._put("progress", name, {"facts": {"S": json.dumps(facts)}})

    def forget_progress(self) -> None:
        for each in self.progress():
            key = _key("progress", f"{each.table}/{each.segment}/{each.total}")
            self.dynamodb.delete_item(TableName=self.table, Key=key)

    def _write(self, step: Step, ended: str = "", outcome: str = "") -> None:
        attributes: Item = {
            "verb": {"S": step.verb},
            "by": {"S": step.by},
            "version": {"S": step.version},
            "began": {"S": step.began},
            "ended": {"S": ended},
            "outcome": {"S": outcome},
            "facts": {"S": json.dumps(step.facts, default=str)},
        }
        self._put("step", f"{step.began} {step.verb} {step.by}", attributes)

    @contextmanager
    def _lease(self, verb: str) -> Iterator[None]:
        self._take(verb)
        stop = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(verb, stop), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            stop.set()
            keeper.join()
            self._give_back(verb)

    def _take(self, verb: str) -> None:
        held = self.dynamodb.get_item(TableName=self.table, Key=_key("lease", verb), ConsistentRead=True).get("Item")
        now = self.clock.now()
        if held is not None and float(held["until"]["N"]) > now and not _is_dead(held["holder"]["S"]):
            raise Busy(
                f"expected to be the only one running {verb}, but {held['holder']['S']} has been since "
                f"{held['since']['S']}: wait until it is done, or for {LEASE:.0f} s if it was killed on another machine"
            )
        request: Any = {
            "TableName": self.table,
            "Item": {**_key("lease", verb), "holder": {"S": self.me}, "since": {"S": self._time()}, **self._until()},
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
            raise Busy(f"expected to be the only one running {verb}, but somebody else has just begun it") from None

    def _keep(self, verb: str, stop: threading.Event) -> None:
        while not stop.wait(LEASE / 3):
            with suppress(self.dynamodb.exceptions.ClientError):
                self.dynamodb.update_item(
                    TableName=self.table,
                    Key=_key("lease", verb),
                    UpdateExpression="SET #until = :until",
                    ConditionExpression="holder = :me",
                    ExpressionAttributeNames={"#until": "until"},
                    ExpressionAttributeValues={":me": {"S": self.me}, ":until": self._until()["until"]},
                )

    def _give_back(self, verb: str) -> None:
        with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=_key("lease", verb),
                ConditionExpression="holder = :me",
                ExpressionAttributeValues={":me": {"S": self.me}},
            )

    def _until(self) -> Item:
        return {"until": {"N": f"{self.clock.now() + LEASE:.3f}"}}

    def _items(self, subject: str) -> list[Item]:
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="subject = :subject",
            ExpressionAttributeValues={":subject": {"S": subject}},
        )
        return [cast(Item, item) for page in pages for item in page["Items"]]

    def _put(self, subject: str, name: str, attributes: Item) -> None:
        self.dynamodb.put_item(TableName=self.table, Item={**_key(subject, name), **attributes})

    def _time(self) -> str:
        return datetime.fromtimestamp(self.clock.now(), UTC).isoformat(timespec="milliseconds")


def myself() -> str:
    """User, machine and process: enough for a colleague to come over and ask."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.getuid())
    return f"{user}@{socket.gethostname()} (process {os.getpid()})"


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


def _key(subject: str, name: str) -> dict[str, Any]:
    return {"subject": {"S": subject}, "name": {"S": name}}


def _step(item: Item) -> Step:
    texts = {name: item[name]["S"] for name in ("verb", "by", "version", "began", "ended", "outcome")}
    return Step(**texts, facts=json.loads(item["facts"]["S"]))


def _progress(item: Item) -> Progress:
    table, segment, total = item["name"]["S"].split("/")
    return Progress(table, int(segment), int(total), **json.loads(item["facts"]["S"]))
