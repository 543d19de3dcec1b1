"""What the migration will write, cost and take, and everything that is in its way. Reads only.

Of tables whose rows others have a new row for each of, every row is read, since how many there are of a group decides what all
else costs; of the others a sample, or all. What is written of a row comes from the model's own functions; a row that is looked
up counts as not found, which changes sizes by little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from remodel import mapping
from remodel.hints import VIEW
from remodel.items import Item, size
from remodel.joins import Bound, Group
from remodel.keys import Key
from remodel.kinds import Kind
from remodel.mapping import Candidates, Parsed, Snapshot
from runner import recovery
from runner.backup import taken
from runner.forecast import PRICES, Fanout, Forecast, Table, fanout, forecast, units
from runner.schema import Schema, differences
from runner.status import lookups
from runner.world import World

PAGE = 1_000

Members = dict[tuple[type[Kind], Group], dict[Key, Any]]
"""Accepted rows of the kinds that other rows have a new row for each of, by group."""


@dataclass(slots=True)
class Seen:
    """What was read of one old table. `rows`: of the whole table, as far as is known. `members`: in the index. `units`: write
    units of new rows."""

    rows: int = 0
    read: int = 0
    members: int = 0
    new_rows: int = 0
    units: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Plan:
    """`obstacles`: what must be put right first, each with what to do. `refused`: reasons, with how often each was met."""

    stage: str
    lookups: str
    tables: dict[str, int]
    read: dict[str, int]
    fanout: Fanout
    forecast: Forecast
    prices: str
    refused: dict[str, dict[str, int]]
    obstacles: list[str]


def plan(world: World, declared: Iterable[Schema], sample: int | None, rate: float) -> Plan:
    """`sample`: rows of each table that need not be read in full, None for all. `rate`: write units a second."""
    members = _members(world)
    whole = {kind.table.name for kind in _each_kinds(world)}
    seen = {name: _read(world, name, members, None if name in whole else sample) for name in world.sources}
    return Plan(
        stage=world.stage,
        lookups=lookups(world),
        tables={name: each.rows for name, each in seen.items()},
        read={name: each.read for name, each in seen.items()},
        fanout=fanout(map(len, members.values())),
        forecast=forecast([_figures(each) for each in seen.values()], rate),
        prices=PRICES,
        refused={name: dict(each.refused.most_common(10)) for name, each in seen.items() if each.refused},
        obstacles=list(_obstacles(world, declared)),
    )


def _each_joins(world: World) -> list[Bound]:
    return [rule.each for rule in world.model.mappings if rule.each is not None]


def _each_kinds(world: World) -> set[type[Kind]]:
    return {join.kind for join in _each_joins(world)}


def _members(world: World) -> Members:
    joins, found = _each_joins(world), Members()
    for name in sorted({join.kind.table.name for join in joins}):
        for key, parsed in _parsed(world, name, None):
            for join in joins:
                if parsed.row is not None and parsed.kind is join.kind:
                    group = join.group(join.provider_value(parsed.row))
                    if group is not None:
                        found.setdefault((join.kind, group), {})[key] = parsed.row
    return found


def _read(world: World, name: str, members: Members, most: int | None) -> Seen:
    seen = Seen()
    for key, parsed in _parsed(world, name, most):
        seen.read += 1
        if parsed.reason is not None:
            seen.refused[parsed.reason] += 1
        if parsed.row is None or parsed.kind is None:
            continue
        plan = world.model.plans[parsed.kind]
        seen.members += len(plan.member_groups(parsed.row)) + sum(join.depends for join in plan.receives)
        want = mapping.expected(world.model, key, _snapshot(world, parsed, members))
        if want.reason is not None:
            seen.refused[want.reason] += 1
        for new, item in want.rows.items():
            if new.table in world.model.new_tables:
                seen.new_rows += 1
                seen.units += _units(world, new.table, item)
    counted = world.rows([name])[name]
    seen.rows = seen.read if most is None or seen.read < most else max(counted, seen.read)
    return seen


def _snapshot(world: World, parsed: Parsed, members: Members) -> Snapshot:
    """The row with the members of its groups, and without what it looks up."""
    assert parsed.kind is not None
    joined = {join: Candidates(None, ()) for join in world.model.plans[parsed.kind].receives}
    for join in joined:
        group = join.group(join.value(parsed.row, {})) if join.mode == "each" else None
        if group is not None:
            others = sorted(members.get((join.kind, group), {}).items(), key=lambda each: each[0])
            joined[join] = Candidates(group, tuple((key, join.seen(row)) for key, row in others))
    return Snapshot({}, parsed, joined)


def _units(world: World, table: str, item: Item) -> int:
    """Write units of a new row: of the table, and of each index that the row stands in."""
    indexes = [index for index in world.model.new_tables[table].indexes if all(n in item for n, _ in index.attributes)]
    return units(size(item)) * (1 + len(indexes))


def _parsed(world: World, name: str, most: int | None) -> Iterator[tuple[Key, Parsed]]:
    schema = world.model.old_tables[name].schema
    for item in _some(world, name, most):
        key = Key(name, schema.encode(item))
        yield key, mapping.parse(world.model, key, item)


def _some(world: World, name: str, most: int | None) -> Iterator[Item]:
    start: str | None = None
    left = most
    while left is None or left > 0:
        page = world.call().scan(name, (0, 1), start, PAGE if left is None else min(PAGE, left))
        yield from page.items
        left = None if left is None else left - len(page.items)
        start = page.next
        if start is None:
            return


def _figures(seen: Seen) -> Table:
    read = max(1, seen.read)
    return Table(seen.rows, seen.members / read, seen.new_rows / read, seen.units / read)


def _obstacles(world: World, declared: Iterable[Schema]) -> Iterator[str]:
    schemas = {each["TableName"]: each for each in declared}
    for name in world.sources:
        yield from _old_table(world, name, schemas.get(world.tables[name]))
    for name in world.model.new_tables:
        yield from _new_table(world, name, schemas[world.tables[name]])
    for reader in world.readers.look():
        if not reader.enabled:
            yield f"{reader.source}: expected its stream to be read, found {reader.told}: enable its event source"
    if taken(world) is None:
        yield "expected a backup, found none: run `remodel backup --execute`"
    yield from world.stack.denied()


def _old_table(world: World, name: str, declared: Schema | None) -> Iterator[str]:
    found = world.describe(name)
    if declared is not None and found is not None:
        yield from differences(declared, found, indexes=not world.model.migrates(name))
    stream = world.place.store.stream(name)
    view = stream and stream.view
    if view != VIEW:
        yield f"{name}: expected a stream with {VIEW}, found {view or 'none'}: `remodel prepare --execute`"
    ttl = world.dynamodb.describe_time_to_live(TableName=world.tables[name])["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") == "ENABLED":
        yield f"{name}: rows expire by {ttl.get('AttributeName')}, and go from the new model with it: is that meant?"
    if recovery.status(world.dynamodb, world.tables[name]) == "DISABLED":
        yield f"{name}: expected point-in-time recovery, found it off: switch it on, or rely on `remodel backup`"


def _new_table(world: World, name: str, declared: Schema) -> Iterator[str]:
    found = world.describe(name)
    if found is None:
        yield f"{declared['TableName']}: expected a table, found none: `remodel prepare --execute`"
        return
    yield from differences(declared, found)
    if recovery.status(world.dynamodb, world.tables[name]) == "DISABLED":
        yield f"{name}: expected point-in-time recovery, found it off: switch it on"
