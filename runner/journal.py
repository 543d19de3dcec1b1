"""A migration remembers itself: what was done, when, by whom, by which version, with which outcome.

One table of the migration's own, so that no laptop holds it; made by the first verb that writes, before anything is
deployed, and still there when the stack is gone. Beside the steps it holds notes: which run of a verb goes on, settings that
may change while a verb runs; and leases (`lease`).

    subject (partition)   name (sort)            attributes
    step                  <began> <verb> <by>    verb, by, version, ended, outcome, facts
    lease                 <verb>                 holder, since, until
    <any other>           <the note's own>       facts (JSON)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from remodel.call import Clock
from remodel.errors import RemodelError
from remodel.items import Item
from runner import recovery
from runner.lease import lease, stamp
from runner.recovery import keeping

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

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
class Journal:
    """`me`: who runs this, as others are to read it. `keeping`: of every table that a verb makes."""

    dynamodb: DynamoDBClient
    table: str
    clock: Clock
    me: str
    keeping: Mapping[str, Any] = field(default_factory=keeping)
    _checks: list[Callable[[], None]] = field(default_factory=list, compare=False, repr=False)

    def check(self) -> None:
        """Before each step that cannot be undone: whether this process still holds its leases. Raises LeaseLost."""
        for each in self._checks:
            each()

    @contextmanager
    def step(self, verb: str, *others: str) -> Iterator[dict[str, Any]]:
        """One run of a verb, alone, and while none of the others runs; what the block puts into the given facts is
        remembered. Raises Busy."""
        self._create()
        with ExitStack() as leases:
            for each in (verb, *others):
                check = leases.enter_context(lease(self.dynamodb, self.table, self.clock, self.me, each))
                self._checks.append(check)
                leases.callback(self._checks.remove, check)
            facts: dict[str, Any] = {}
            step = Step(verb, self.me, version("remodel"), stamp(self.clock.now()), facts=facts)
            self._write(step)
            try:
                yield facts
            except BaseException as problem:
                stopped = isinstance(problem, KeyboardInterrupt)
                told = str(problem) if isinstance(problem, RemodelError) else type(problem).__name__
                facts["problem"] = "Ctrl-C" if stopped else told
                self._end(step, STOPPED if stopped else FAILED)
                raise
            self._end(step, DONE)

    def steps(self, verb: str | None = None) -> list[Step]:
        """Everything that was done, oldest first."""
        steps = [_step(item) for item in self._items("step")]
        return [step for step in steps if verb in (None, step.verb)]

    def last_done(self, verb: str) -> Step | None:
        return last_done(self.steps(), verb)

    def remember(self, subject: str, name: str, facts: Any) -> None:
        self._create()
        self._put(subject, name, {"facts": {"S": json.dumps(facts, default=str)}})

    def recall(self, subject: str) -> dict[str, Any]:
        """The notes on a subject, by name."""
        return {item["name"]["S"]: json.loads(item["facts"]["S"]) for item in self._items(subject)}

    def forget(self, subject: str, *names: str) -> None:
        """These notes on a subject; all of them where none is named."""
        for name in names or self.recall(subject):
            self.dynamodb.delete_item(TableName=self.table, Key=_key(subject, name))

    def _create(self) -> None:
        """Where it is not there yet; with point-in-time recovery, where there is such a thing."""
        try:
            self.dynamodb.describe_table(TableName=self.table)
            return
        except self.dynamodb.exceptions.ResourceNotFoundException:
            pass
        with suppress(self.dynamodb.exceptions.ResourceInUseException):
            self.dynamodb.create_table(
                TableName=self.table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": "subject", "KeyType": "HASH"},
                    {"AttributeName": "name", "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("subject", "name")],
                **self.keeping,
            )
        self.dynamodb.get_waiter("table_exists").wait(TableName=self.table, WaiterConfig={"Delay": 1})
        recovery.switch_on(self.dynamodb, self.table)

    def _write(self, step: Step) -> None:
        texts = {each.name: getattr(step, each.name) for each in fields(Step)}
        texts["facts"] = json.dumps(step.facts, default=str)
        self._put("step", f"{step.began} {step.verb} {step.by}", {name: {"S": text} for name, text in texts.items()})

    def _end(self, step: Step, outcome: str) -> None:
        self._write(replace(step, ended=stamp(self.clock.now()), outcome=outcome))

    def _items(self, subject: str) -> list[Item]:
        """None where the table is not there yet."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="subject = :subject",
            ExpressionAttributeValues={":subject": {"S": subject}},
        )
        try:
            return [cast(Item, item) for page in pages for item in page["Items"]]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return []

    def _put(self, subject: str, name: str, attributes: Item) -> None:
        self.dynamodb.put_item(TableName=self.table, Item={**_key(subject, name), **attributes})


def last_done(steps: list[Step], verb: str) -> Step | None:
    return next((step for step in reversed(steps) if step.verb == verb and step.outcome == DONE), None)


def _key(subject: str, name: str) -> dict[str, Any]:
    return {"subject": {"S": subject}, "name": {"S": name}}


def _step(item: Item) -> Step:
    texts = {each.name: item[each.name]["S"] for each in fields(Step)}
    return Step(**{**texts, "facts": json.loads(texts["facts"])})
