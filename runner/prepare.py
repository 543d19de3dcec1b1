"""What must stand before replication can: the new tables with the right schema, streams on the old ones, the read flag, and
event sources that are on. Each is looked at first and only done where it is not there, so the verb may run as often as one
likes; after a rollback it is what starts replication again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remodel.hints import VIEW
from runner import event_sources, ownership, recovery
from runner.backup import taken
from runner.errors import NotReady
from runner.names import stream_parameter
from runner.schema import differences, missing_indexes
from runner.world import OLD, World

PAUSE = 1.0
"""Seconds between two looks at a table that is being made or changed."""

LONGEST = 900.0
"""Seconds that a table may take; an index on a table with rows takes about as long as a backfill of them."""


@dataclass(frozen=True, slots=True)
class Task:
    told: str
    do: Callable[[], None]


def planned(world: World) -> list[Task]:
    """Everything that is not as it must be. Raises NotReady where only a person can put it right."""
    return [*_new_tables(world), *_streams(world), *_flag(world), *_connection(world), *_event_sources(world)]


def prepare(world: World, watch: Callable[[str], None]) -> list[str]:
    """Raises Fenced, NotReady and Busy. Answers what was done."""
    ownership.check(world)
    if taken(world) is None:
        raise NotReady("expected a backup before anything is changed, found none: run `remodel backup --execute` first")
    with world.journal.step("prepare", "cutover", "rollback", "finish") as facts:
        done: list[str] = []
        facts["done"] = done
        while tasks := planned(world):
            watch(tasks[0].told)
            tasks[0].do()
            done.append(tasks[0].told)
    return done


def _new_tables(world: World) -> Iterator[Task]:
    for name in world.model.new_tables:
        declared = _declared(world, name)
        found = world.describe(name)
        if found is None:
            yield Task(f"make table {declared['TableName']}", lambda name=name, it=declared: _create(world, name, it))  # type: ignore[misc]
            continue
        if not _is_at_rest(found):
            yield Task(f"wait until {declared['TableName']} is at rest", lambda name=name: _rest(world, name))  # type: ignore[misc]
        for index in missing_indexes(declared, found):
            told = f"add index {index['IndexName']} to {declared['TableName']}"
            yield Task(told, lambda name=name, it=declared, index=index: _add(world, name, it, index))  # type: ignore[misc]
        wrong = [each for each in differences(declared, found) if "found none" not in each]
        if wrong:
            raise NotReady(f"{'; '.join(wrong)}: a key cannot be changed; name another table, or delete this one")


def _streams(world: World) -> Iterator[Task]:
    for name in world.sources:
        stream = world.place.store.stream(name)
        view = stream and stream.view
        if view is None:
            told = f"switch on the stream of {world.tables[name]}, with both images"
            yield Task(told, lambda name=name: _switch_on(world, name))  # type: ignore[misc]
        elif view != VIEW:
            raise NotReady(
                f"expected the stream of {world.tables[name]} to have {VIEW}, found {view}: a view type cannot be "
                "changed; once nobody needs that stream, switch it off, and prepare again"
            )


def _flag(world: World) -> Iterator[Task]:
    if world.flag.read() is None:
        yield Task(f"set the read flag {world.flag.name} to {OLD!r}", lambda: world.flag.write(OLD))


def _connection(world: World) -> Iterator[Task]:
    """The streams' ARNs, where the next deployment finds them."""
    facts = {stream_parameter(name): found for name in world.sources if (found := _arn(world, name))}
    facts |= {"CreateNewTables": "false"}
    if told := world.stack.missing(facts):
        yield Task(told, lambda: world.stack.connect(facts))


def _event_sources(world: World) -> Iterator[Task]:
    if off := event_sources.are_off(world):
        yield Task(f"switch on the event sources of {', '.join(off)}", lambda: event_sources.start(world))


def _create(world: World, name: str, declared: Mapping[str, Any]) -> None:
    known = ("TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    request: Any = {key: declared[key] for key in known if key in declared}
    world.dynamodb.create_table(**request, DeletionProtectionEnabled=world.stage != "sandbox")
    _until(world, f"table {request['TableName']}", lambda: world.describe(name)["TableStatus"] == "ACTIVE")
    recovery.switch_on(world.dynamodb, world.tables[name])


def _add(world: World, name: str, declared: Mapping[str, Any], index: Any) -> None:
    """One at a time, as DynamoDB has it: while one is being made or deleted, no other may be."""
    _rest(world, name)
    keys = {each["AttributeName"] for each in index["KeySchema"]}
    attributes = [each for each in declared["AttributeDefinitions"] if each["AttributeName"] in keys]
    world.dynamodb.update_table(
        TableName=declared["TableName"],
        AttributeDefinitions=attributes,
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    _until(world, f"index {index['IndexName']}", lambda: _is_active(world.describe(name), index["IndexName"]))


def _rest(world: World, name: str) -> None:
    _until(world, f"{world.tables[name]} with its indexes at rest", lambda: _is_at_rest(world.describe(name)))


def _is_at_rest(table: Any) -> bool:
    states = {each["IndexStatus"] for each in table.get("GlobalSecondaryIndexes", ())}
    return bool(table["TableStatus"] == "ACTIVE" and states <= {"ACTIVE"})


def _is_active(table: Any, index: str) -> bool:
    found = {each["IndexName"]: each["IndexStatus"] for each in table["GlobalSecondaryIndexes"]}
    return bool(table["TableStatus"] == found.get(index) == "ACTIVE")


def _switch_on(world: World, name: str) -> None:
    stream: Any = {"StreamEnabled": True, "StreamViewType": VIEW}
    world.dynamodb.update_table(TableName=world.tables[name], StreamSpecification=stream)
    _until(world, f"the stream of {world.tables[name]}", lambda: world.describe(name)["TableStatus"] == "ACTIVE")


def _arn(world: World, name: str) -> str:
    return str((world.describe(name) or {}).get("LatestStreamArn", ""))


def _declared(world: World, name: str) -> Mapping[str, Any]:
    return next(each for each in world.declared if each["TableName"] == world.tables[name])


def _until(world: World, what: str, there: Callable[[], bool]) -> None:
    deadline = world.clock.now() + LONGEST
    while not there():
        if world.clock.now() > deadline:
            raise NotReady(f"expected {what} within {LONGEST:.0f} s, found it still being made: prepare again later")
        world.clock.sleep(PAUSE)
