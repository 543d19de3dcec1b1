"""Reconciliation: do both models say the same?

Both sides are scanned; what differs at first sight is looked at again, consistently, after the streams have had time to
pass it, before it is called a difference. Only then is it counted, and mended through `sync` where that was asked for.

    counts   as many new rows as the old ones make expect? (where not, the full comparison names them)
    sample   some rows of either side, attribute by attribute
    full     every row, both ways
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from remodel.core.change import Key
from remodel.core.compare import digest
from remodel.core.errors import Unavailable
from remodel.core.model import Facts, Get, NewKey
from remodel.core.record import KEY, Good, side
from remodel.core.wire import Item
from remodel.flow import index, inflight, lookup, quarantine
from remodel.flow.engine import Engine, Patience
from remodel.flow.recheck import Aside, Difference, claimants, counted, current, lost, recheck, recheck_new
from remodel.flow.sync import sync
from remodel.ports import Ledger

EXAMPLES = 20
"""Differences told in full in one report."""

LOOKS = (2.0, 5.0, 10.0)
"""Seconds to wait before each further look at what still differs."""


@dataclass(slots=True)
class Verdict:
    """Counts of new rows (missing, different, orphaned) and of old rows (unlinked, quarantined), of a whole or of a part.

    stale_lookups: new rows that differ only in what a lookup without a stream has changed since; not drift.
    old, expected, found: rows that were scanned, and new rows that follow from the old ones, by table.
    """

    missing: int = 0
    different: int = 0
    orphaned: int = 0
    stale_lookups: int = 0
    unlinked: int = 0
    quarantined: int = 0
    tenant_violations: int = 0
    uniqueness_violations: int = 0
    looked_twice: int = 0
    repaired: int = 0
    old: dict[str, int] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def drift(self) -> int:
        return self.missing + self.different + self.orphaned


@dataclass(slots=True)
class Report(Verdict):
    """What one run found. ambiguous_lookups: looked-up rows beyond the one that a value should find.

    oldest_quarantined, backfill_idle: seconds, of a sample alone: how long the oldest row has been in quarantine, and
    how long nobody has gone on with a backfill that was begun.
    """

    mode: str = ""
    ambiguous_lookups: int = 0
    oldest_quarantined: int = 0
    backfill_idle: int = 0


@dataclass(slots=True)
class Suspicions:
    """What differed at first sight: old rows to look at again with where traces of them may be, and new rows.

    groups: of links, as far as known. aside: links that were seen in the old tables, so that none hides its rows because
    the index has lost it.
    """

    old: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    new: set[NewKey] = field(default_factory=set)
    groups: dict[str, str] = field(default_factory=dict)
    aside: dict[str, set[Key]] = field(default_factory=dict)


def reconcile(engine: Engine, mode: str, repair: bool, sample: int, patience: Patience) -> Report:
    """`mode`: counts, sample or full. Raises Unavailable where the time does not suffice."""
    report = Report(mode=mode)
    if mode == "sample":
        suspicions = _sample(engine, sample, report, patience)
    else:
        suspicions = _scan_both(engine, mode == "full", report, patience)
    report.looked_twice = len(suspicions.old) + len(suspicions.new)
    differences = look_twice(engine, suspicions, patience)
    for kind, count in Counter(each.kind for each in differences).items():
        setattr(report, kind, count)
    report.examples = [example(each) for each in differences[:EXAMPLES]]
    if repair:
        report.repaired = mend(engine, differences, suspicions.aside, patience)
    return report


def look_twice(engine: Engine, suspicions: Suspicions, patience: Patience) -> list[Difference]:
    """The suspicions that hold after the streams had time to pass them, and look the same at the last two looks.

    A row that differs otherwise each time is one that is being changed; it is left to the next run.
    """
    differences: dict[NewKey, Difference] = {}
    before: dict[NewKey, Difference] = {}
    aside = suspicions.aside
    for pause in LOOKS:
        before = differences
        if not suspicions.old and not suspicions.new:
            break
        engine.clock.sleep(min(pause, max(0.0, patience.left)))
        differences = {}
        for (source, id), groups in suspicions.old.items():
            differences |= {each.key: each for each in recheck(engine, source, id, groups, aside, patience)}
        for key in suspicions.new:
            if key not in differences:
                differences |= {each.key: each for each in recheck_new(engine, key, suspicions.groups, aside, patience)}
        suspicions = _still(suspicions, differences)
    return [each for key, each in sorted(differences.items()) if key in before and _same(before[key], each)]


def _same(before: Difference, now: Difference) -> bool:
    return (before.kind, before.fields) == (now.kind, now.fields)


def _still(suspicions: Suspicions, differences: Mapping[NewKey, Difference]) -> Suspicions:
    old = {(each.source, each.id): set(each.groups) for each in differences.values() if each.source and each.id}
    new = {key for key, each in differences.items() if each.source is None}
    return Suspicions(old, new, suspicions.groups, suspicions.aside)


def _scan_both(engine: Engine, compare: bool, report: Report, patience: Patience) -> Suspicions:
    suspicions = Suspicions()
    with contextlib.closing(engine.ledger()) as ledger:
        _expect(engine, compare, ledger, suspicions, report, patience)
        _find(engine, compare, ledger, report, patience)
        _suspect(ledger, suspicions, report)
    for name, looked_up in engine.model.lookups.items():
        if looked_up.is_seated:
            _ambiguous(engine, name, report, patience)
    if not compare and all(report.expected.get(table, 0) == found for table, found in report.found.items()):
        return Suspicions()
    return suspicions


def _expect(
    engine: Engine, compare: bool, ledger: Ledger, suspicions: Suspicions, report: Report, patience: Patience
) -> None:
    """What the old tables make expect, links first, since the other rows are joined with them."""
    links: dict[str, dict[str, Facts]] = defaultdict(dict)
    for name, source in sorted(engine.model.sources.items(), key=lambda each: not each[1].is_link):
        for rows in _old_rows(engine, name, report, patience):
            if source.is_link:
                for row in rows:
                    links[row.group][row.item[KEY]["S"]] = source.facts(row.row)
                    suspicions.groups[row.item[KEY]["S"]] = row.group
                    suspicions.aside.setdefault(row.group, set()).add(Key(row.group, name, row.item[KEY]["S"]))
            ledger.expect(_expected(engine, name, compare, rows, links, report, patience))


def _find(engine: Engine, compare: bool, ledger: Ledger, report: Report, patience: Patience) -> None:
    for table in engine.model.new_tables:
        report.found[table] = 0
        for page in _pages(engine, table, patience):
            report.found[table] += len(page)
            ledger.find((NewKey(table, item[KEY]["S"]), digest(item) if compare else b"") for item in page)


def _suspect(ledger: Ledger, suspicions: Suspicions, report: Report) -> None:
    """Without a comparison all digests are the same, and only who is in one account alone stands out."""
    for each in ledger.postings():
        if each.old is None:
            suspicions.new.add(each.new)
            continue
        report.expected[each.new.table] = report.expected.get(each.new.table, 0) + 1
        if each.expected != each.found:
            suspicions.old.setdefault((each.old.source, each.old.id), set()).add(each.old.group)


def _expected(
    engine: Engine,
    name: str,
    compare: bool,
    rows: list[Good],
    links: Mapping[str, Mapping[str, Facts]],
    report: Report,
    patience: Patience,
) -> Iterator[tuple[NewKey, bytes, Key]]:
    source = engine.model.sources[name]
    lookups = {n: found for n, row in enumerate(rows) if (found := source.lookups(row.row)) is not None}
    contexts = lookup.resolve(engine, lookups, patience) if lookups else {}
    uniques: Counter[str] = Counter()
    for n, row in enumerate(rows):
        its_links = links.get(row.group, {})
        wanted = source.wanted(row.row, its_links, contexts.get(n))
        old = Key(row.group, name, row.item[KEY]["S"])
        yield from ((new, digest(item) if compare else b"", old) for new, item in wanted.items())
        report.unlinked += not wanted
        report.tenant_violations += source.strangers(row.row, its_links)
        if (unique := source.unique(row.row)) is not None:
            uniques[unique] += 1
    report.uniqueness_violations += sum(count - 1 for count in uniques.values())


def _old_rows(engine: Engine, name: str, report: Report, patience: Patience) -> Iterator[list[Good]]:
    """The rows that count, a page at a time; of refused ones the last good version, where there was one."""
    source = engine.model.sources[name]
    report.old[name] = 0
    for page in _pages(engine, name, patience):
        report.old[name] += len(page)
        rows, refused = counted(engine, source, page, patience)
        report.quarantined += len(refused)
        yield rows


def _ambiguous(engine: Engine, name: str, report: Report, patience: Patience) -> None:
    lookup_ = engine.model.lookups[name]
    uniques: Counter[str] = Counter()
    for item in _scan(engine, name, patience):
        row = side(item, item[KEY]["S"], lookup_)
        if isinstance(row, Good) and (unique := lookup_.unique(row.row)) is not None:
            uniques[unique] += 1
    report.ambiguous_lookups += sum(count - 1 for count in uniques.values())


def _sample(engine: Engine, size: int, report: Report, patience: Patience) -> Suspicions:
    """Rows from random places of every table. Sampled old rows are looked at as if they were under suspicion."""
    suspicions = Suspicions()
    for name, source in engine.model.sources.items():
        items = _random_rows(engine, name, size, patience)
        report.old[name] = len(items)
        for item in items:
            row = side(item, item[KEY]["S"], source)
            if recheck(engine, name, item[KEY]["S"], (), {}, patience):
                suspicions.old[name, item[KEY]["S"]] = {row.group} if row.group else set()
    for table in engine.model.new_tables:
        items = _random_rows(engine, table, size, patience)
        report.found[table] = len(items)
        for item in items:
            key = NewKey(table, item[KEY]["S"])
            if recheck_new(engine, key, {}, {}, patience):
                suspicions.new.add(key)
    _waiting(engine, report, patience)
    return suspicions


def _waiting(engine: Engine, report: Report, patience: Patience) -> None:
    seen = [each.seen for each in quarantine.all_held(engine)]
    report.quarantined = len(seen)
    report.oldest_quarantined = max(0, int(engine.clock.now()) - min(seen)) if seen else 0
    report.backfill_idle = max(inflight.idle(engine, source, patience) for source in engine.model.every)


def _random_rows(engine: Engine, table: str, size: int, patience: Patience) -> list[Item]:
    """From a random place on, in the order of the keys' hashes; from the start again where the end comes first."""
    start = {KEY: {"S": f"{int(engine.clock.jitter() * 2**128):032x}"}}
    found = {item[KEY]["S"]: item for item in _some(engine, table, start, size, patience)}
    if len(found) < size:
        found |= {item[KEY]["S"]: item for item in _some(engine, table, None, size - len(found), patience)}
    return list(found.values())


def _some(engine: Engine, table: str, start: Item | None, size: int, patience: Patience) -> list[Item]:
    found: list[Item] = []
    for page in _pages(engine, table, patience, start, size):
        found += page
        if len(found) >= size:
            break
    return found[:size]


def _scan(engine: Engine, table: str, patience: Patience) -> Iterator[Item]:
    for page in _pages(engine, table, patience):
        yield from page


def _pages(
    engine: Engine, table: str, patience: Patience, start: Item | None = None, limit: int | None = None
) -> Iterator[list[Item]]:
    for _ in patience.tries():
        try:
            while True:
                page = engine.store.scan(table, 0, 1, start, limit)
                yield page.items
                start = page.next
                if start is None:
                    return
        except Unavailable:
            continue
    raise Unavailable(f"expected to read all of table {table!r} in time, but could not: run it with more time")


def mend(engine: Engine, differences: Collection[Difference], aside: Aside, patience: Patience) -> int:
    """Mends these differences through `sync`, lost links of their groups first; says how many rows it was asked for."""
    around = {group for each in differences for group in each.groups}
    for key in lost(engine, sorted(key for group in around for key in aside.get(group, ())), patience):
        sync(engine, key.source, key.id, {key.group}, patience)
    repaired = {(each.source, each.id): each.groups for each in differences if each.source and each.id}
    for (name, id), groups in repaired.items():
        _repair_lookups(engine, str(name), str(id), patience)
        sync(engine, str(name), str(id), groups, patience)
    unexplained = [each for each in differences if each.source is None]
    for each in unexplained:
        _bury(engine, each, patience)
    return len(repaired) + len(unexplained)


def _bury(engine: Engine, orphan: Difference, patience: Patience) -> None:
    """Whoever has come to want it since it was looked at, and may have written it just before it went, writes it again."""
    for source in engine.model.sources.values():
        if orphan.key in source.possible(orphan.key.id, ()):
            sync(engine, source.name, orphan.key.id, orphan.groups or {orphan.key.id}, patience, bury=True)
    for name, id in claimants(engine, orphan.key, orphan.link, patience):
        sync(engine, name, id, (), patience)


def _repair_lookups(engine: Engine, name: str, id: str, patience: Patience) -> None:
    """What the row is computed from, as the index has it, may be what is wrong."""
    row = current(engine, engine.model.sources[name], [id], patience).get(id)
    lookups = engine.model.sources[name].lookups(row.row) if row else None
    asked = lookup.trace(engine, lookups, patience) if lookups else {}
    for request, found in asked.items():
        if request.table not in engine.live:
            continue
        place = engine.model.lookups[request.table].place(request)
        ids = {item[KEY]["S"] for item in found}
        rosters, _none = index.look(engine, [place], (), patience)
        ids |= {request.id} if isinstance(request, Get) else rosters[place].seats.keys()
        for each in sorted(ids):
            sync(engine, request.table, each, {place}, patience)


def example(each: Difference) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "table": each.key.table,
        "id": each.key.id,
        "source": each.source,
        "source_id": each.id,
        "fields": {name: {"expected": told, "found": found} for name, (told, found) in each.fields.items()},
    }
