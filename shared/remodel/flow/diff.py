"""The full comparison in parts: a segment of one table from a cursor on, for as long as the call may take.

An old table is compared *forward*: is each new row that its rows make expect there, and equal? A new table is compared
*backward*: does an old row, as it is now, want each of its rows? Whatever differs at first sight is looked at again as
`flow.reconcile` does, once for the pages of a call. Memory is bounded by a page and SUSPICIONS: of the pages before
nothing is kept but counters and what looked wrong.

The parts of a database that stands still add up to what mode "full" finds, provided that no old row is *astray*: missing
from the index (which says where to look), or origin of a new row that names another link. A part can see that of the rows
that it scans, and no other part can, so it says so: `astray` is either mended (`repair`) or handed in to all parts once
more, until none names another row; then they add up again. `lost` counts those that the index lacks. Repair takes the old
tables first: to a new table alone, a new row that names a wrong link looks like an orphan.

Two limits: a new row that two old rows want is expected, and compared, once for each of them; and what a Find is ambiguous
about is counted by mode "full" alone, which sees a looked-up table as a whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from remodel.core.change import Key
from remodel.core.compare import differing
from remodel.core.errors import BadRequest, Unavailable
from remodel.core.model import NewKey, Source
from remodel.core.record import KEY
from remodel.core.wire import Item
from remodel.flow import index, reconcile
from remodel.flow.backfill import Segment, scan
from remodel.flow.bulk import Expected, expectations
from remodel.flow.engine import Engine, Patience
from remodel.flow.recheck import Aside, Difference, counted, current, lost, new_rows
from remodel.flow.reconcile import EXAMPLES, Suspicions, Verdict, look_twice, mend
from remodel.flow.sync import sync

PAGE = 300
"""Rows in one page."""

SUSPICIONS = 1_000
"""Rows to look at again after which no further page is begun: few enough to look at three times in the time kept for it."""


@dataclass(frozen=True, slots=True)
class Part:
    """astray: old rows that other parts have answered as astray."""

    segment: Segment
    astray: Sequence[Key] = ()
    repair: bool = False


@dataclass(slots=True)
class PartialReport(Verdict):
    """What one call found; the caller calls again with `cursor` until `done`, and adds up.

    expected: by the old rows that were scanned; found: the new rows that were. lost: old rows that the index lacks.
    astray: those, and the origins of new rows that name another link.
    """

    done: bool = False
    cursor: Item | None = None
    lost: int = 0
    astray: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Findings:
    """What pages came to. misnamed: rows of which a new row names another link than it should."""

    counts: Counter[str] = field(default_factory=Counter)
    old: Counter[str] = field(default_factory=Counter)
    expected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    suspicions: Suspicions = field(default_factory=Suspicions)
    lost: list[Key] = field(default_factory=list)
    misnamed: list[Key] = field(default_factory=list)

    @property
    def suspicious(self) -> int:
        return len(self.suspicions.old) + len(self.suspicions.new) + len(self.lost)

    def add(self, page: Findings) -> None:
        self.counts += page.counts
        self.old += page.old
        self.expected += page.expected
        self.found += page.found
        self.suspicions.old |= page.suspicions.old
        self.suspicions.new |= page.suspicions.new
        self.lost += page.lost
        self.misnamed += page.misnamed


def diff(engine: Engine, part: Part, stop_at: float, patience: Patience) -> PartialReport:
    """Page after page until the segment ends, the clock passes `stop_at`, or enough is under suspicion.

    Raises BadRequest, TableNotFound, and Unavailable where the time does not suffice for a page and the looks at it.
    """
    _check(engine, part)
    aside = _by_group(part.astray)
    report = PartialReport(cursor=part.segment.cursor)
    findings = _read(engine, part, aside, report, stop_at, patience)
    findings.suspicions.aside = aside
    differences = _differences(engine, part.segment.table, findings.suspicions, patience)
    still_lost = _still_lost(engine, findings.lost, patience)
    _tell(report, findings, differences, still_lost)
    if part.repair:
        for key in still_lost:
            sync(engine, key.source, key.id, {key.group}, patience)
        report.repaired = len(still_lost) + mend(engine, differences, aside, patience)
    return report


def _check(engine: Engine, part: Part) -> None:
    tables, segment = [*engine.model.sources, *engine.model.new_tables], part.segment
    if segment.table not in tables:
        raise BadRequest(f"expected table to be one of {', '.join(tables)}, found {segment.table!r}")
    if not 0 <= segment.segment < segment.total <= 1_000_000:
        raise BadRequest(f"expected 0 <= segment < total_segments, found {segment.segment} and {segment.total}")
    if unknown := {key.source for key in part.astray} - engine.model.sources.keys():
        raise BadRequest(f"expected sources of astray rows among {', '.join(engine.model.sources)}, found {unknown}")


def _by_group(keys: Iterable[Key]) -> dict[str, set[Key]]:
    groups: dict[str, set[Key]] = defaultdict(set)
    for key in keys:
        groups[key.group].add(key)
    return dict(groups)


def _read(
    engine: Engine, part: Part, aside: Aside, report: PartialReport, stop_at: float, patience: Patience
) -> Findings:
    """A page that cannot be had by `stop_at` is left to the next call, so that there is time for the looks."""
    segment, findings, pages = part.segment, Findings(), 0
    while not report.done and (not pages or (engine.clock.now() < stop_at and findings.suspicious < SUSPICIONS)):
        trying = Patience(engine.clock, stop_at) if pages else patience
        try:
            page = scan(engine, segment, report.cursor, PAGE, trying)
            findings.add(_look(engine, segment.table, page.items, aside, trying))
        except Unavailable:
            if pages:
                break
            raise
        report.cursor, report.done = page.next, page.next is None
        pages += 1
    return findings


def _look(engine: Engine, table: str, items: list[Item], aside: Aside, patience: Patience) -> Findings:
    if table in engine.model.sources:
        return _forward(engine, engine.model.sources[table], items, aside, patience)
    return _backward(engine, table, items, aside, patience)


def _differences(engine: Engine, table: str, suspicions: Suspicions, patience: Patience) -> list[Difference]:
    """Each difference belongs to one part: an orphan to that which scans it, all else to that which scans the old row.

    The second look at one orphan may find others of the same old row.
    """
    new, found = set(suspicions.new), look_twice(engine, suspicions, patience)
    if table in engine.model.new_tables:
        return [each for each in found if each.kind == "orphaned" and each.key in new]
    return [each for each in found if each.kind != "orphaned"]


def _tell(
    report: PartialReport, findings: Findings, differences: Sequence[Difference], still_lost: Sequence[Key]
) -> None:
    wrong = {(each.source, each.id) for each in differences}
    astray = {*still_lost, *(key for key in findings.misnamed if (key.source, key.id) in wrong)}
    counts = findings.counts + Counter(each.kind for each in differences)
    for name, count in counts.items():
        setattr(report, name, count)
    report.lost = len(still_lost)
    report.looked_twice = len(findings.suspicions.old) + len(findings.suspicions.new)
    report.old, report.expected, report.found = dict(findings.old), dict(findings.expected), dict(findings.found)
    report.astray = [{"source": key.source, "id": key.id, "group": key.group} for key in sorted(astray)]
    report.examples = [reconcile.example(each) for each in differences[:EXAMPLES]]


# -------------------------------------------------------------------------------------------------------- forward


def _forward(engine: Engine, source: Source, items: list[Item], aside: Aside, patience: Patience) -> Findings:
    findings = Findings(old=Counter({source.name: len(items)}))
    rows, refused = counted(engine, source, items, patience)
    findings.counts["quarantined"] = len(refused)
    findings.lost = lost(engine, [Key(row.group, source.name, row.item[KEY]["S"]) for row in rows], patience)
    for some in expectations(engine, source, rows, aside, patience):
        found = new_rows(engine, (key for each in some for key in each.wanted), patience)
        for each in some:
            _compare(engine, source, each, found, findings)
    return findings


def _compare(engine: Engine, source: Source, each: Expected, found: Mapping[NewKey, Item], findings: Findings) -> None:
    key = Key(each.row.group, source.name, each.row.item[KEY]["S"])
    findings.counts["unlinked"] += not each.wanted
    findings.counts["tenant_violations"] += each.strangers
    findings.counts["uniqueness_violations"] += each.rival
    findings.expected.update(new.table for new in each.wanted)
    if any(new not in found or differing(row, found[new]) for new, row in each.wanted.items()):
        findings.suspicions.old[key.source, key.id] = {key.group}
    link_of = engine.model.link_of
    if any(new in found and link_of(new, row) != link_of(new, found[new]) for new, row in each.wanted.items()):
        findings.misnamed.append(key)


def _still_lost(engine: Engine, keys: Sequence[Key], patience: Patience) -> list[Key]:
    """Those that the index lacks at every look; a row that is new, or that moves, is there before the last one."""
    left = list(keys)
    for pause in (*reconcile.LOOKS, 0.0):
        left = _standing(engine, lost(engine, left, patience), patience)
        if not left:
            break
        engine.clock.sleep(min(pause, max(0.0, patience.left)))
    return left


def _standing(engine: Engine, keys: Iterable[Key], patience: Patience) -> list[Key]:
    """Those of these rows that the old table still has in that group."""
    ids: dict[str, list[Key]] = defaultdict(list)
    for key in keys:
        ids[key.source].append(key)
    standing: list[Key] = []
    for name, some in ids.items():
        rows = current(engine, engine.model.sources[name], [key.id for key in some], patience)
        standing += [key for key in some if key.id in rows and rows[key.id].group == key.group]
    return standing


# -------------------------------------------------------------------------------------------------------- backward


def _backward(engine: Engine, table: str, items: list[Item], aside: Aside, patience: Patience) -> Findings:
    """First the old row of the same id is asked, then all that the index knows of the measure that the new row's link is
    of, then those astray."""
    open_ = {NewKey(table, item[KEY]["S"]): item for item in items}
    for origins in (_of_own_id, _of_link, _of_aside):
        if open_:
            wanted = _wanted(engine, origins(engine, open_, aside, patience), open_, aside, patience)
            open_ = {key: item for key, item in open_.items() if key not in wanted}
    return Findings(found=Counter({table: len(items)}), suspicions=Suspicions(new=set(open_)))


Origins = Mapping[str, Iterable[str]]
"""Old rows that may want some of the new rows: ids by source."""


def _wanted(
    engine: Engine, origins: Origins, open_: Mapping[NewKey, Item], aside: Aside, patience: Patience
) -> set[NewKey]:
    """Which of these new rows the old rows want as they are now."""
    wanted: set[NewKey] = set()
    for name, ids in origins.items():
        source = engine.model.sources[name]
        rows = current(engine, source, ids, patience)
        for some in expectations(engine, source, rows.values(), aside, patience):
            wanted.update(key for each in some for key in each.wanted if key in open_)
    return wanted


def _of_own_id(engine: Engine, open_: Mapping[NewKey, Item], aside: Aside, patience: Patience) -> Origins:
    return {
        name: [key.id for key in open_ if source.accepts(key.id) and key in source.possible(key.id, ())]
        for name, source in engine.model.sources.items()
    }


def _of_link(engine: Engine, open_: Mapping[NewKey, Item], aside: Aside, patience: Patience) -> Origins:
    origins: dict[str, set[str]] = defaultdict(set)
    for group, links in _groups(engine, open_, patience).items():
        for entries in index.pages(engine, group, patience):
            for key in entries:
                source = engine.model.sources.get(key.source)
                if source and open_.keys() & source.possible(key.id, links):
                    origins[key.source].add(key.id)
    return origins


def _of_aside(engine: Engine, open_: Mapping[NewKey, Item], aside: Aside, patience: Patience) -> Origins:
    origins: dict[str, set[str]] = defaultdict(set)
    for keys in aside.values():
        for key in keys:
            origins[key.source].add(key.id)
    return origins


def _groups(engine: Engine, open_: Mapping[NewKey, Item], patience: Patience) -> dict[str, set[str]]:
    """The links that these new rows name, by the group in which the old tables have them."""
    named = {link for key, row in open_.items() if (link := engine.model.link_of(key, row))}
    groups: dict[str, set[str]] = defaultdict(set)
    for source in engine.model.sources.values():
        if source.is_link:
            rows = current(engine, source, sorted(filter(source.accepts, named)), patience)
            for id, row in rows.items():
                groups[row.group].add(id)
    return groups
