"""Reads the old tables and works out what a backfill of them does, and what is not ready. Writes nothing.

Rows are read in the pages in which a backfill reads them, because rows of one page share notes, sets of the index, and
reads. Tables whose rows others have a new row for each of are read whole, since how many there are of a group decides
what all else costs; of the others a sample, or all. What is written of a row comes from the model's own functions; a
row that is looked up counts as not found, which changes sizes by little.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from remodel import mapping
from remodel.backfill import PAGE
from remodel.index import SET_BYTES
from remodel.items import Item, size
from remodel.joins import Bound, Group
from remodel.keys import Key
from remodel.kinds import Kind
from remodel.mapping import Candidates, Parsed, Snapshot
from remodel.store import INDEX, QUARANTINE
from runner import readiness, survey
from runner.check import Check, State, Step
from runner.claimed import Claim, Claimed
from runner.drive import asked_rate
from runner.facts import Facts
from runner.forecast import (
    PRICES,
    READ_SIZE,
    Fanout,
    Forecast,
    Rate,
    Use,
    assumed_rate,
    dollars,
    fanout,
    read_units,
    tight,
    write_units,
)
from runner.pace import SEGMENTS
from runner.status import lookups
from runner.world import World

HINT = 25
"""Bytes of a row in the note of its page, packed."""

Members = dict[tuple[type[Kind], Group], dict[Key, Any]]
"""Accepted rows of the kinds that other rows have a new row for each of, by group."""


@dataclass(slots=True)
class Seen:
    """What was read of one old table. `rows`: of the whole table, as far as is known. `writes`: units by table, and by
    `table/index`. `reads`: units by table. `sets`: bytes of each set of the index, as it grows."""

    rows: int = 0
    read: int = 0
    new_rows: int = 0
    writes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    reads: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    sets: Counter[tuple[type[Kind], Group]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    claimed: Claimed = field(default_factory=Claimed)

    @property
    def scale(self) -> float:
        return self.rows / self.read if self.read else 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`refused`: reasons, with how often each was met. `claims`: new keys that several of the rows expect that were read.
    `checks`: of everything that concerns the beginning."""

    stage: str
    lookups: str
    tables: dict[str, int]
    read: dict[str, int]
    fanout: Fanout
    forecast: Forecast
    prices: str
    refused: dict[str, dict[str, int]]
    claims: list[Claim]
    checks: list[Check]


def plan(world: World, sample: int | None, rate: float | None) -> Plan:
    """`sample`: rows of each table that need not be read in full, None for all. `rate`: write units a second, None for
    what the backfill is held to, or else reaches."""
    facts = survey.groundwork(world, thorough=True)
    there = [each.name for each in facts.tables if each.found is not None]
    sources = [name for name in world.sources if name in there]
    members = _members(world, there)
    whole = {join.kind.table.name for join in _each_joins(world)}
    claimed = Claimed()
    seen = {name: _read(world, name, members, None if name in whole else sample, claimed) for name in sources}
    claims = claimed.several()
    foreseen = _forecast(facts, seen, _rate(world, rate))
    return Plan(
        stage=world.stage,
        lookups=lookups(world),
        tables={name: each.rows for name, each in seen.items()},
        read={name: each.read for name, each in seen.items()},
        fanout=fanout(map(len, members.values())),
        forecast=foreseen,
        prices=PRICES,
        refused={name: dict(each.refused.most_common(10)) for name, each in seen.items() if each.refused},
        claims=claims,
        checks=[
            *readiness.checks(facts, Step.PLAN),
            *(_capacity(*each) for each in foreseen.tight.items()),
            *([_twice(claims)] if claims else []),
        ],
    )


def _capacity(name: str, found: str) -> Check:
    return Check(
        f"capacity of {name}", State.TODO, found, "raise it for the backfill, or hold the backfill to that", False
    )


def _twice(claims: list[Claim]) -> Check:
    found = f"{sum(len(each.rows) - 1 for each in claims):,} rows"
    return Check("keys claimed twice", State.TODO, found, "give one of the rows another id", False)


def _each_joins(world: World) -> list[Bound]:
    return [rule.each for rule in world.model.mappings if rule.each is not None]


def _members(world: World, there: list[str]) -> Members:
    joins, found = _each_joins(world), Members()
    for name in sorted({join.kind.table.name for join in joins}.intersection(there)):
        for page in _pages(world, name, None):
            for key, _item, parsed in page:
                for join in joins:
                    if parsed.row is not None and parsed.kind is join.kind:
                        group = join.group(join.provider_value(parsed.row))
                        if group is not None:
                            found.setdefault((join.kind, group), {})[key] = parsed.row
    return found


Row = tuple[Key, Item, Parsed]


def _read(world: World, name: str, members: Members, most: int | None, claimed: Claimed) -> Seen:
    seen = Seen(claimed=claimed)
    for page in _pages(world, name, most):
        seen.read += len(page)
        written = [_count_new_rows(world, row, members, seen) for row in page]
        _count_index(world, page, any(written), seen)
        _count_reads(world, page, members, written, seen)
    counted = world.rows([name])[name]
    seen.rows = seen.read if most is None or seen.read < most else max(counted, seen.read)
    return seen


def _count_index(world: World, page: list[Row], writes: bool, seen: Seen) -> None:
    """Memberships; the segment's cursor; and where rows are written, a note with its marker, which is deleted again."""
    sets: Counter[tuple[type[Kind], Group]] = Counter()
    for key, _item, parsed in page:
        if parsed.kind is None or parsed.row is None:
            continue
        plan = world.model.plans[parsed.kind]
        groups = plan.member_groups(parsed.row)
        whole = {group for group in groups if group.name in plan.provider_names}
        sets.update({(parsed.kind, group): len(key.text) + 3 for group in whole})
        seen.writes[INDEX] += len(groups - whole) + sum(join.depends for join in plan.receives)
    seen.sets.update(sets)
    seen.writes[INDEX] += sum(write_units(min(SET_BYTES, seen.sets[each])) for each in sets)
    seen.writes[INDEX] += 1 + (2 + write_units(HINT * len(page)) if writes else 0)


def _count_new_rows(world: World, row: Row, members: Members, seen: Seen) -> int:
    """Answers how many are written, quarantine included."""
    key, _item, parsed = row
    want = mapping.expected(world.model, key, _snapshot(world, parsed, members))
    seen.refused.update([want.reason] if want.reason is not None else [])
    seen.claimed.add(key, want.rows)
    for new, item in want.rows.items():
        seen.writes[new.table] += write_units(size(item))
        if new.table in world.model.new_tables:
            seen.new_rows += 1
            seen.reads[new.table] += read_units(size(item))
            for index in world.model.new_tables[new.table].indexes:
                if all(name in item for name, _ in index.attributes):
                    seen.writes[f"{new.table}/{index.name}"] += write_units(size(item))
    return len(want.rows)


def _count_reads(world: World, page: list[Row], members: Members, written: list[int], seen: Seen) -> None:
    """A scan, eventually consistent; then the rows of the page and what they are joined with, and once more those for
    which something is written. `written`: how many new rows of each."""
    seen.reads[INDEX] += len(page)
    for key, item, _parsed in page:
        seen.reads[key.table] += size(item) / (2 * READ_SIZE)
    again = [row for row, count in zip(page, written, strict=True) if count]
    for rows in (page, again):
        for key, item, _parsed in rows:
            seen.reads[key.table] += read_units(size(item))
        for table, _row in {each for _key, _item, parsed in rows for each in _joined(world, parsed, members)}:
            seen.reads[table] += 1


def _joined(world: World, parsed: Parsed, members: Members) -> Iterator[tuple[str, Key | Group]]:
    """The rows that a row is joined with, by table; one for the value of a lookup, which may find none."""
    for join, candidates in _snapshot(world, parsed, members).joined.items():
        yield from ((join.kind.table.name, key) for key, _row in candidates.rows)
        if join.mode != "each":
            group = join.group(join.value(parsed.row, {each.label: None for each in join.before}))
            if group is not None:
                yield join.kind.table.name, group


def _snapshot(world: World, parsed: Parsed, members: Members) -> Snapshot:
    """The row with the members of its groups, and without what it looks up."""
    if parsed.row is None or parsed.kind is None:
        return Snapshot({}, parsed)
    joined = {join: Candidates(None, ()) for join in world.model.plans[parsed.kind].receives}
    for join in joined:
        group = join.group(join.value(parsed.row, {})) if join.mode == "each" else None
        if group is not None:
            others = sorted(members.get((join.kind, group), {}).items(), key=lambda each: each[0])
            joined[join] = Candidates(group, tuple((key, join.seen(row)) for key, row in others))
    return Snapshot({}, parsed, joined)


def _pages(world: World, name: str, most: int | None) -> Iterator[list[Row]]:
    """As many rows as are wanted, in the pages of a backfill."""
    schema, left = world.model.old_tables[name].schema, most
    for n in range(SEGMENTS):
        start: str | None = None
        while left is None or left > 0:
            page = world.call().scan(name, (n, SEGMENTS), start, PAGE if left is None else min(PAGE, left))
            keys = [Key(name, schema.encode(item)) for item in page.items]
            yield [
                (key, item, mapping.parse(world.model, key, item)) for key, item in zip(keys, page.items, strict=True)
            ]
            left = None if left is None else left - len(page.items)
            start = page.next
            if start is None:
                break


def _forecast(facts: Facts, seen: dict[str, Seen], asked: Rate | None) -> Forecast:
    writes, reads = _sum(seen, "writes"), _sum(seen, "reads")
    units = sum(writes.values())
    rate = asked or assumed_rate(units, sum(each.rows for each in seen.values()))
    seconds = units / rate.units
    written = {name: Use(each, _capacity_of(facts, name, "Write")) for name, each in writes.items()}
    read = {name: Use(each, _capacity_of(facts, name, "Read")) for name, each in reads.items()}
    own = writes.get(INDEX, 0.0) + writes.get(QUARANTINE, 0.0)
    return Forecast(
        new_rows=round(sum(each.new_rows * each.scale for each in seen.values())),
        index_units=round(own),
        new_units=round(units - own),
        units=round(units),
        reads={name: Use(round(each.units), each.capacity) for name, each in read.items() if name in seen},
        dollars=dollars(written.values(), read.values(), seconds),
        seconds=seconds,
        rate=rate,
        tight=tight(written, read, rate.units, seconds),
    )


def _sum(seen: dict[str, Seen], what: str) -> dict[str, float]:
    """Of whole tables."""
    units: dict[str, float] = {}
    for each in seen.values():
        for name, count in getattr(each, what).items():
            units[name] = units.get(name, 0.0) + count * each.scale
    return units


def _rate(world: World, asked: float | None) -> Rate | None:
    if asked is not None:
        return Rate(asked, "as asked for by `--rate`")
    held = asked_rate(world.journal)
    return None if held is None else Rate(held, "what `remodel rate` holds the backfill to")


def _capacity_of(facts: Facts, name: str, what: str) -> float | None:
    """Units a second that are provisioned; None on demand, and for a table that is not there yet."""
    table, _, index = name.partition("/")
    found: Any = next((each.found for each in facts.tables if each.name == table), None) or {}
    if index:
        found = next((each for each in found.get("GlobalSecondaryIndexes", ()) if each["IndexName"] == index), {})
    return float(found.get("ProvisionedThroughput", {}).get(f"{what}CapacityUnits", 0)) or None
