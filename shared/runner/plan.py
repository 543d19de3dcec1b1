"""What the migration will write, cost and take, and everything that is in its way. Reads only.

Links are read in full, since how many a measure has decides what all else costs; of the other tables a sample, or all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from remodel.core import wire
from remodel.core.forecast import PRICES, Fanout, Forecast, Table, fanout, forecast
from remodel.core.model import Facts
from remodel.core.record import KEY, VIEW, Bad, Good, side
from remodel.core.roster import SEATS
from remodel.core.wire import Item
from runner.status import lookups
from runner.world import World

Schema = Mapping[str, Any]
"""A table as `create_table` takes it."""


@dataclass(slots=True)
class Seen:
    """What was read of one old table. `rows`: of the whole table, as far as is known."""

    rows: int = 0
    read: int = 0
    bytes: int = 0
    new_rows: int = 0
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
    """`sample`: rows of each table beside the links, None for all. `rate`: write units a second."""
    links: dict[str, dict[str, Facts]] = {}
    seen: dict[str, Seen] = {}
    for name, source in world.engine.model.sources.items():
        seen[name] = _read(world, name, links, None if source.is_link else sample)
    figures = [_figures(world, name, each) for name, each in seen.items()]
    spread = fanout({group: len(each) for group, each in links.items()})
    return Plan(
        stage=world.stage,
        lookups=lookups(world),
        tables={name: each.rows for name, each in seen.items()},
        read={name: each.read for name, each in seen.items()},
        fanout=spread,
        forecast=forecast(figures, rate),
        prices=PRICES,
        refused={name: dict(each.refused.most_common(10)) for name, each in seen.items() if each.refused},
        obstacles=[*_obstacles(world, declared), *_too_many(spread)],
    )


def _read(world: World, name: str, links: dict[str, dict[str, Facts]], most: int | None) -> Seen:
    source, seen = world.engine.model.sources[name], Seen()
    for item in _some(world, name, most):
        seen.read += 1
        seen.bytes += wire.size(item)
        row = side(item, item[KEY]["S"], source)
        if isinstance(row, Bad):
            seen.refused[row.reason] += 1
        elif source.is_link:
            links.setdefault(row.group, {})[item[KEY]["S"]] = source.facts(row.row)
            seen.new_rows += 1
        else:
            seen.new_rows += _copies(row, source, links)
    counted = world.dynamodb.describe_table(TableName=world.tables[name])["Table"]["ItemCount"]
    seen.rows = seen.read if most is None or seen.read < most else max(counted, seen.read)
    return seen


def _copies(row: Good, source: Any, links: Mapping[str, Mapping[str, Facts]]) -> int:
    return len(source.wanted(row.row, links.get(row.group, {}), None))


def _some(world: World, name: str, most: int | None) -> Iterator[Item]:
    start: Item | None = None
    left = most
    while left is None or left > 0:
        page = world.engine.store.scan(name, 0, 1, start, left)
        yield from page.items
        left = None if left is None else left - len(page.items)
        start = page.next
        if start is None:
            return


def _figures(world: World, name: str, seen: Seen) -> Table:
    """The new table's indexes as the model's page has them: a link stands in five, other rows in two."""
    source = world.engine.model.sources[name]
    read = max(1, seen.read)
    return Table(seen.rows, seen.bytes / read, seen.new_rows / read, 5 if source.is_link else 2, source.is_link)


def _too_many(spread: Fanout) -> list[str]:
    if spread.most <= SEATS:
        return []
    return [f"a measure has {spread.most} links, and {SEATS} fit on a roster: remove links from it"]


def _obstacles(world: World, declared: Iterable[Schema]) -> Iterator[str]:
    for name in world.sources:
        yield from _old_table(world, name)
    for schema in declared:
        if schema["TableName"] in {world.tables[name] for name in world.engine.model.new_tables}:
            yield from _new_table(world, schema)
    for reader in world.readers.look():
        if not reader.enabled:
            yield f"{reader.source}: expected its stream to be read, found {reader.told}: enable its event source"


def _old_table(world: World, name: str) -> Iterator[str]:
    view = world.engine.store.stream_view(name)
    if view != VIEW:
        yield f"{name}: expected a stream with {VIEW}, found {view or 'none'}: switch it on, and give its ARN to the stack"
    ttl = world.dynamodb.describe_time_to_live(TableName=world.tables[name])["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") == "ENABLED":
        yield f"{name}: rows expire by {ttl.get('AttributeName')}, and go from the new model with it: is that meant?"
    if _recovery(world, name) == "DISABLED":
        yield f"{name}: expected point-in-time recovery, found it off: switch it on, or rely on `remodel backup`"


def _recovery(world: World, name: str) -> str:
    """Empty where this DynamoDB knows nothing of it, as DynamoDB Local does not."""
    try:
        told = world.dynamodb.describe_continuous_backups(TableName=world.tables[name])["ContinuousBackupsDescription"]
    except ClientError:
        return ""
    return told.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus", "")


def _new_table(world: World, schema: Schema) -> Iterator[str]:
    """Attribute by attribute: keys and indexes, as the template declares them."""
    table = schema["TableName"]
    try:
        found: Any = world.dynamodb.describe_table(TableName=table)["Table"]
    except world.dynamodb.exceptions.ResourceNotFoundException:
        yield f"{table}: expected a table, found none: deploy with CreateNewTables=true, or create it"
        return
    if _keys(found) != _keys(schema):
        yield f"{table}: expected the key {_keys(schema)}, found {_keys(found)}"
    kinds = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
    for each in schema["AttributeDefinitions"]:
        if (kind := kinds.get(each["AttributeName"])) != each["AttributeType"]:
            yield f"{table}: expected attribute {each['AttributeName']} of type {each['AttributeType']}, found {kind}"
    indexes = {each["IndexName"]: each for each in found.get("GlobalSecondaryIndexes", ()) if _stays(each)}
    for each in schema.get("GlobalSecondaryIndexes", ()):
        if each["IndexName"] not in indexes:
            yield f"{table}: expected an index {each['IndexName']}, found none: add it"
        elif _keys(indexes[each["IndexName"]]) != _keys(each):
            yield f"{table}: expected index {each['IndexName']} on {_keys(each)}, found {_keys(indexes[each['IndexName']])}"


def _stays(index: Mapping[str, Any]) -> bool:
    """An index that is being deleted is listed for as long as that takes."""
    return index.get("IndexStatus") != "DELETING"


def _keys(schema: Schema) -> str:
    return ", ".join(f"{each['AttributeName']} {each['KeyType']}" for each in schema["KeySchema"])
