"""Prepares a stage: new tables, streams with both images, the read flag, parameters for the deployment, and event
sources.

What is to be done follows from the readiness checks; each change is made only where its check still asks for it, so the
verb may run as often as needed. After a rollback it is what starts replication again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from remodel.hints import VIEW
from runner import event_sources, ownership, readiness, recovery, survey
from runner.check import Change, Step
from runner.groundwork import is_at_rest
from runner.watch import Tell
from runner.world import OLD, World


def planned(world: World, step: Step = Step.PLAN) -> list[Change]:
    """Everything that is not as it must be. Raises NotReady where a check stops the step."""
    found = readiness.checks(survey.groundwork(world), step)
    readiness.require(found, "the stage is prepared")
    return list(dict.fromkeys(each.change for each in found if each.change))


def prepare(world: World, tell: Tell) -> list[str]:
    """Raises Fenced, NotReady and Busy. Answers what was done."""
    ownership.check(world)
    planned(world, Step.PREPARE)
    with world.journal.step("prepare", "cutover", "rollback", "finish") as facts:
        done: list[str] = []
        facts["done"] = done
        while changes := planned(world, Step.PREPARE):
            tell(changes[0].told)
            _PROCEDURES[changes[0].procedure](world, changes[0])
            done.append(changes[0].told)
    return done


def _create(world: World, change: Change) -> None:
    name, declared = change.table, world.declaration(change.table)
    known = ("TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    request: Any = {key: declared[key] for key in known if key in declared}
    world.dynamodb.create_table(**request, **world.journal.keeping)
    _wait(world, f"table {request['TableName']}", lambda: world.describe(name)["TableStatus"] == "ACTIVE")
    recovery.switch_on(world.dynamodb, world.tables[name])


def _add(world: World, change: Change) -> None:
    """DynamoDB makes or deletes one index at a time."""
    _rest(world, change)
    name, declared = change.table, world.declaration(change.table)
    index = next(each for each in declared["GlobalSecondaryIndexes"] if each["IndexName"] == change.index)
    keys = {each["AttributeName"] for each in index["KeySchema"]}
    attributes = [each for each in declared["AttributeDefinitions"] if each["AttributeName"] in keys]
    world.dynamodb.update_table(
        TableName=declared["TableName"],
        AttributeDefinitions=attributes,
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    _wait(world, f"index {index['IndexName']}", lambda: _is_active(world.describe(name), index["IndexName"]))


def _rest(world: World, change: Change) -> None:
    name = change.table
    _wait(world, f"{world.tables[name]} with its indexes at rest", lambda: is_at_rest(world.describe(name)))


def _is_active(table: Any, index: str) -> bool:
    found = {each["IndexName"]: each["IndexStatus"] for each in table["GlobalSecondaryIndexes"]}
    return bool(table["TableStatus"] == found.get(index) == "ACTIVE")


def _enable(world: World, change: Change) -> None:
    stream: Any = {"StreamEnabled": True, "StreamViewType": VIEW}
    physical = world.tables[change.table]
    world.dynamodb.update_table(TableName=physical, StreamSpecification=stream)
    _wait(world, f"the stream of {physical}", lambda: world.describe(change.table)["TableStatus"] == "ACTIVE")


def _wait(world: World, what: str, reached: Callable[[], bool]) -> None:
    world.wait(reached, what, "it still being made: prepare again later")


_PROCEDURES: Mapping[str, Callable[[World, Change], None]] = {
    "table": _create,
    "rest": _rest,
    "index": _add,
    "stream": _enable,
    "flag": lambda world, _change: world.flag.write(OLD),
    "parameters": lambda world, _change: world.stack.connect(survey.parameters(survey.groundwork(world).tables)),
    "event sources": lambda world, _change: event_sources.start(world),
}
