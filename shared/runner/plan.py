"""What the migration will write, cost and take, and everything that is in its way. Reads only.

Links are read in full, since how many a measure has decides what all else costs; of the other tables a sample, or all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from remodel.core import wire
from remodel.core.forecast import PRICES, Fanout, Forecast, Table, fanout, forecast
from remodel.core.model import Facts
from remodel.core.record import KEY, VIEW, Bad, Good, side
from remodel.core.roster import SEATS
from remodel.core.wire import Item
from runner import recovery
from runner.backup import taken
from runner.schema import Schema, differences
from runner.status import lookups
from runner.world import World


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
    schemas = {each["TableName"]: each for each in declared}
    for name in world.sources:
        yield from _old_table(world, name, schemas.get(world.tables[name]))
    for name in world.engine.model.new_tables:
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
        yield from differences(declared, found, indexes=name in world.engine.model.lookups)
    view = world.engine.store.stream_view(name)
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
