"""The comparison in parts: the parts add up to the whole, nothing hides, nobody is accused too soon, and memory stays flat."""

from __future__ import annotations

import bisect
import gc
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.rows import MEASURE, OTHER_MEASURE, actual, guid, link, number, text
from tests.worlds import StillClock, engine, patience, store, tables

from measures import MODEL
from remodel.adapters.memory import MemoryStore
from remodel.core.change import Key, Refusal
from remodel.core.entry import Entry, entry_attributes, entry_key, roster_attributes, roster_key
from remodel.core.errors import BadRequest, Rejected, Unavailable
from remodel.core.expect import expect
from remodel.core.record import KEY, Good, side
from remodel.core.roster import Roster, Seat
from remodel.core.version import BACKFILL
from remodel.core.wire import Item
from remodel.flow import bulk, index
from remodel.flow import diff as flow
from remodel.flow.backfill import Segment, backfill
from remodel.flow.diff import Part, PartialReport, diff
from remodel.flow.engine import Engine
from remodel.flow.reconcile import EXAMPLES, reconcile
from remodel.flow.refuse import refuse
from remodel.ports import INDEX, Outcome, Page

TABLES = (*MODEL.sources, *MODEL.new_tables)
COUNTS = (
    "missing",
    "different",
    "orphaned",
    "stale_lookups",
    "unlinked",
    "quarantined",
    "tenant_violations",
    "uniqueness_violations",
)
ROWS = ("old", "expected", "found")


# ---------------------------------------------------------------------------------------------------- a small world


def migrated(*rows: tuple[str, Item], live: bool = True) -> Engine:
    """An engine whose old tables hold these rows, everything backfilled."""
    made = engine() if live else replace(engine(), live=frozenset())
    for source, row in rows:
        put(made, source, row)
    for source in MODEL.every if live else MODEL.sources:
        assert backfill(made, Segment(source, 0, 1), made.clock.now() + 60, patience(made)).done
    return made


def put(made: Engine, table: str, row: Item) -> None:
    store(made).tables[table].items[(row[KEY]["S"],)] = row


def items(made: Engine, table: str) -> dict[Any, Item]:
    return store(made).tables[table].items


def lose(made: Engine, key: Key, entry: bool = True, seat: bool = True) -> None:
    """The index forgets an old row, in part or altogether."""
    if entry:
        items(made, INDEX).pop((key.group, f"{key.source}#{key.id}"), None)
    rosters, _none = index.look(made, [key.group], (), patience(made))
    if seat and key.id in rosters[key.group].seats:
        seats = {id: it for id, it in rosters[key.group].seats.items() if id != key.id}
        roster = roster_attributes(replace(rosters[key.group], seats=seats))
        items(made, INDEX)[key.group, "roster"] = {**roster_key(key.group), **roster}


def parts(
    made: Engine, table: str, total: int = 1, astray: Sequence[Key] = (), repair: bool = False
) -> Iterator[PartialReport]:
    """All parts of a table, page by page: each call stops after its first."""
    for segment in range(total):
        cursor, done = None, False
        while not done:
            part = Part(Segment(table, segment, total, cursor), astray, repair)
            report = diff(made, part, made.clock.now(), patience(made, 600))
            yield report
            cursor, done = report.cursor, report.done


def keys(reports: list[PartialReport]) -> list[Key]:
    return sorted({Key(each["group"], each["source"], each["id"]) for report in reports for each in report.astray})


def whole(made: Engine, total: int = 1) -> list[PartialReport]:
    """All parts of all tables, again with those rows that are astray, until no more are named."""
    astray: list[Key] = []
    while True:
        reports = [report for table in TABLES for report in parts(made, table, total, astray)]
        named = sorted({*astray, *keys(reports)})
        if named == astray:
            return reports
        astray = named


def added(reports: list[PartialReport]) -> dict[str, Any]:
    told = [asdict(report) for report in reports]
    sums: dict[str, Any] = {name: sum(each[name] for each in told) for name in COUNTS}
    return sums | {name: dict(sum((Counter(each[name]) for each in told), Counter())) for name in ROWS}


def full(made: Engine) -> dict[str, Any]:
    report = asdict(reconcile(made, "full", False, 0, patience(made, 600)))
    return {name: report[name] for name in COUNTS} | {name: dict(Counter(report[name]) + Counter()) for name in ROWS}


def drift(made: Engine) -> tuple[int, int, int]:
    sums = added(whole(made))
    return sums["missing"], sums["different"], sums["orphaned"]


# ---------------------------------------------------------------------------------------------------- parts add up

MEASURES = st.sampled_from([MEASURE, OTHER_MEASURE])
TENANTS = st.sampled_from(["t", "t", "other"])


@st.composite
def old_rows(draw: st.DrawFn) -> list[tuple[str, Item]]:
    rows = []
    for n in range(draw(st.integers(0, 5))):
        row = link(f"link {n}", measure_id=text(draw(MEASURES)), tenant_id=text(draw(TENANTS)))
        row |= {"goal_id": text(draw(st.sampled_from("gh"))), "created_by": text(draw(st.sampled_from("uv")))}
        rows.append(("links", {**row, "linked_at": text(f"2025-01-0{draw(st.integers(1, 3))}")}))
    for n in range(draw(st.integers(0, 6))):
        row = actual(f"actual {n}", measure_id=text(draw(MEASURES)))
        rows.append(("actuals", row | ({"tenant_id": text(draw(TENANTS))} if draw(st.booleans()) else {})))
    for n in range(draw(st.integers(0, 3))):
        rows.append(("readings", reading(f"reading {n}", draw(MEASURES))))
    rows += [("people", person(n, draw(st.sampled_from("uvw")))) for n in range(draw(st.integers(0, 2)))]
    return [
        (source, spoilt(row) if source == "actuals" and not draw(st.integers(0, 7)) else row) for source, row in rows
    ]


def reading(name: str, measure: str) -> Item:
    row = {"id": text(guid(name)), "measure_id": text(measure), "period": text("2025-03"), "value": number(1)}
    return {**row, "created_at": text("2025-01-01")}


def person(n: int, user: str) -> Item:
    return {"id": text(f"person {n}"), "linked_user_id": text(user)}


def spoilt(row: Item) -> Item:
    return {**row, "created_at": text("?"), "recorded_at": text("?")}


def nth(made: Engine, table: str, n: int) -> tuple[Any, Item] | None:
    rows = sorted(items(made, table).items())
    return rows[n % len(rows)] if rows else None


KINDS = (
    "delete",
    "alter",
    "extra",
    "rename",
    "lookup",
    "refuse",
    "refuse early",
    "lose",
    "lose a seat",
    "remove",
    "move",
)
DRIFT = st.tuples(st.sampled_from(KINDS), st.sampled_from(TABLES), st.integers(0, 9))


def spoil(made: Engine, kind: str, table: str, n: int) -> None:
    """One thing goes wrong without anybody noticing."""
    old = table if table in MODEL.sources else "links"
    new = table if table in MODEL.new_tables else "measure_data"
    if (there := nth(made, new, n)) and kind in ("delete", "alter", "rename"):
        handle, row = there
        changes: dict[str, Item | None] = {
            "delete": None,
            "alter": {**row, "post_value": number(-1)},
            "rename": {**row, "measure_link_id": text(guid(f"link {n % 4}"))},
        }
        items(made, new).pop(handle)
        if changed := changes[kind]:
            put(made, new, changed)
    elif kind == "extra":
        put(made, new, {"id": text(guid(f"extra {n}")), "measure_link_id": text(guid(f"link {n % 6}"))})
    elif kind == "lookup":
        put(made, "people", person(n, "uvw"[n % 3]))
    elif there := nth(made, old, n):
        _spoil_old(made, kind, old, n, *there)


def _spoil_old(made: Engine, kind: str, table: str, n: int, handle: Any, row: Item) -> None:
    key = Key(row["measure_id"]["S"], table, row[KEY]["S"])
    if kind in ("refuse", "refuse early"):
        bad = spoilt(row)
        put(made, table, bad)
        if kind == "refuse" and not isinstance(side(bad, key.id, MODEL.every[table]), Good):
            refuse(made, [Refusal(table, key.id, BACKFILL, "spoilt", bad, frozenset({key.group}))], patience(made))
    elif kind == "remove":
        items(made, table).pop(handle)
    elif kind == "move":
        put(made, table, {**row, "measure_id": text((MEASURE, OTHER_MEASURE)[n % 2])})
    else:
        lose(made, key, entry=kind == "lose")


@settings(
    max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(old_rows(), st.lists(DRIFT, max_size=6), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_the_parts_add_up_to_the_whole(
    rows: list[tuple[str, Item]], wrongs: list[tuple[str, str, int]], total: int, page: int, live: bool
) -> None:
    made = migrated(*rows, live=live)
    for kind, table, n in wrongs:
        spoil(made, kind, table, n)

    with mock.patch.object(flow, "PAGE", page):
        assert added(whole(made, total)) == full(made)


# ---------------------------------------------------------------------------------------------------- guards


def test_an_orphan_is_seen() -> None:
    made = migrated(("links", link()), ("actuals", actual()))
    put(made, "measure_data", {"id": text(guid("stray")), "measure_link_id": text(guid("link"))})
    put(made, "measure_links", {"id": text(guid("nobody's"))})

    assert drift(made) == (0, 0, 2)


def test_a_copy_for_a_link_that_is_not_first_is_no_orphan() -> None:
    made = migrated(("links", link()), ("links", link("second", linked_at=text("2025-05-05"))), ("actuals", actual()))

    with mock.patch.object(flow, "PAGE", 1):
        assert [report.looked_twice for report in parts(made, "measure_data")] == [0, 0]


def test_a_row_under_its_own_id_is_found_without_the_index() -> None:
    made = migrated(("links", link()), ("actuals", actual()))
    lose(made, Key(MEASURE, "actuals", guid("actual")))

    assert [report.looked_twice for report in parts(made, "measure_data")] == [0]


def test_orphans_are_counted_where_they_are_scanned_alone() -> None:
    """The look at an old row of which something else is missing sees its orphans too."""
    made = migrated(("links", link()), ("links", link("second", linked_at=text("2025-05-05"))), ("actuals", actual()))
    items(made, "links").pop((guid("second"),))
    items(made, "measure_data").pop((guid("actual"),))

    assert drift(made) == (1, 0, 2)


def test_orphans_of_one_old_row_count_once_wherever_they_are() -> None:
    """The row has moved, and no stream told of it: the index still has it where its copies are."""
    made = migrated(("links", link()), ("links", link("second")), ("actuals", actual()))
    put(made, "actuals", actual(measure_id=text(OTHER_MEASURE)))

    with mock.patch.object(flow, "PAGE", 1):
        assert drift(made) == (0, 0, 2)


def test_what_settles_between_the_looks_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new row, the seat and the entry arrive while the diff waits."""
    made = migrated(("links", link()), ("actuals", actual()))
    key = Key(MEASURE, "links", guid("link"))
    before = {name: dict(items(made, name)) for name in ("measure_links", "measure_data", INDEX)}
    lose(made, key)
    items(made, "measure_links").clear()

    def arrives(_clock: StillClock, seconds: float) -> None:
        for name, rows in before.items():
            items(made, name).update(rows)

    monkeypatch.setattr(StillClock, "sleep", arrives)

    (report,) = parts(made, "links")

    assert (report.missing, report.lost, report.looked_twice, report.astray) == (0, 0, 1, [])


@pytest.mark.parametrize("late", [1, 3])
def test_a_row_that_the_index_takes_late_is_not_lost(late: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nothing follows from: nothing but the index can tell that it has arrived."""
    made = migrated(("actuals", actual()))
    key = Key(MEASURE, "actuals", guid("actual"))
    entry = items(made, INDEX)[MEASURE, f"actuals#{key.id}"]
    lose(made, key)
    sleeps: list[float] = []

    def arrives(_clock: StillClock, seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == late:
            items(made, INDEX)[MEASURE, f"actuals#{key.id}"] = entry

    monkeypatch.setattr(StillClock, "sleep", arrives)

    (report,) = parts(made, "actuals")

    assert (report.lost, len(sleeps)) == (0, late)


def test_a_link_that_has_moved_unseen_is_looked_for_where_it_is() -> None:
    made = migrated(("links", link()), ("actuals", actual()))
    put(made, "links", link(measure_id=text("elsewhere")))

    assert added(whole(made)) == full(made)
    assert drift(made) == (0, 1, 1)


def test_a_row_that_is_removed_meanwhile_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    made = migrated(("actuals", actual()))
    lose(made, Key(MEASURE, "actuals", guid("actual")))
    monkeypatch.setattr(StillClock, "sleep", lambda _clock, _seconds: items(made, "actuals").clear())

    assert [report.lost for report in parts(made, "actuals")] == [0]


@pytest.mark.parametrize(("entry", "seat"), [(True, True), (False, True), (True, False)])
def test_a_link_that_the_index_has_lost_hides_nothing(entry: bool, seat: bool) -> None:
    """It is the first: without it the roster would make its rows look like those of the second."""
    second = link("second", linked_at=text("2025-05-05"))
    made = migrated(("links", link()), ("links", second), ("actuals", actual()), ("actuals", actual("b")))
    lost = Key(MEASURE, "links", guid("link"))
    items(made, "measure_data").pop((guid("actual"),))
    lose(made, lost, entry, seat)

    (links,) = parts(made, "links")
    (actuals,) = parts(made, "actuals", astray=[lost])
    (data,) = parts(made, "measure_data", astray=[lost])

    assert (links.lost, links.astray) == (1, [{"source": "links", "id": lost.id, "group": MEASURE}])
    assert (actuals.missing, actuals.different, data.orphaned) == (1, 0, 0)
    assert full(made)["missing"] == 1


def test_a_data_row_that_the_index_has_lost_does_not_orphan_its_copies() -> None:
    second = link("second", linked_at=text("2025-05-05"))
    made = migrated(("links", link()), ("links", second), ("actuals", actual()))
    lose(made, Key(MEASURE, "actuals", guid("actual")))

    (report,) = parts(made, "actuals")

    assert report.lost == 1
    assert drift(made) == (0, 0, 0)


def test_a_new_row_that_names_a_wrong_link_is_different_and_no_orphan() -> None:
    second = link("second", linked_at=text("2025-05-05"))
    made = migrated(("links", link()), ("links", second), ("actuals", actual()))
    copy = next(row for row in items(made, "measure_data").values() if row[KEY]["S"] != guid("actual"))
    put(made, "measure_data", {**copy, "measure_link_id": text("x" * 3_000)})

    def refuses(_operation: str, _table: str, handle: Any) -> Outcome | None:
        if any(len(each) > 2_048 for each in handle):
            raise Rejected("ValidationException: a key may have 2,048 bytes")
        return None

    store(made).hook = refuses

    with mock.patch.object(flow, "PAGE", 1):
        assert drift(made) == (0, 1, 0)


def test_a_row_that_is_mended_between_the_looks_is_not_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    made = migrated(("links", link()), ("actuals", actual()))
    right = dict(items(made, "measure_data"))
    (row,) = right.values()
    put(made, "measure_data", {**row, "measure_link_id": text("another")})
    monkeypatch.setattr(StillClock, "sleep", lambda _clock, _seconds: items(made, "measure_data").update(right))

    assert [(report.looked_twice, report.astray) for report in parts(made, "actuals")] == [(1, [])]


@pytest.mark.parametrize("table", ["links", "actuals"])
def test_the_last_good_version_of_a_refused_row_counts(table: str) -> None:
    row = {"links": link(), "actuals": actual()}[table]
    made = migrated(("links", link()), ("actuals", actual()))
    spoil(made, "refuse", table, 0)
    assert items(made, table)[(row[KEY]["S"],)] != row

    sums = added(whole(made))

    assert (sums["missing"], sums["different"], sums["orphaned"]) == (0, 0, 0)
    assert (sums["quarantined"], sums["unlinked"]) == (1, 0)
    items(made, "measure_data").clear()
    assert drift(made) == (1, 0, 0)


def test_each_link_that_shares_a_goal_counts_but_the_first() -> None:
    rows = [("links", link(name, goal_id=text("g"))) for name in "abcd"]

    assert added(whole(migrated(*rows), 3))["uniqueness_violations"] == 3


def test_a_repair_mends_what_is_lost_and_what_differs() -> None:
    second = link("second", linked_at=text("2025-05-05"))
    made = migrated(("links", link()), ("links", second), *(("actuals", actual(name)) for name in "abcd"))
    right = dict(items(made, "measure_data"))
    lose(made, Key(MEASURE, "links", guid("link")))
    lose(made, Key(MEASURE, "actuals", guid("a")))
    items(made, "measure_data").popitem()
    put(made, "measure_data", {**actual("b"), "measure_link_id": text(guid("link"))})
    put(made, "measure_data", {"id": text(guid("stray")), "measure_link_id": text(guid("link"))})

    repaired = sum(report.repaired for table in TABLES for report in parts(made, table, repair=True))

    assert repaired >= 4
    assert drift(made) == (0, 0, 0)
    assert items(made, "measure_data") == right
    assert not keys(whole(made))


def test_the_whole_comparison_mends_a_lost_link_too() -> None:
    made = migrated(("links", link()), ("actuals", actual()))
    lose(made, Key(MEASURE, "links", guid("link")))
    items(made, "measure_data").clear()

    reconcile(made, "full", True, 0, patience(made, 600))

    assert (len(items(made, "measure_data")), full(made)["missing"]) == (1, 0)


# ---------------------------------------------------------------------------------------------------- calls


def test_it_goes_on_where_it_stopped() -> None:
    rows = [("actuals", actual(f"actual {n}")) for n in range(10)]
    made = migrated(*rows)

    with mock.patch.object(flow, "PAGE", 3):
        reports = list(parts(made, "actuals"))

    assert [report.old["actuals"] for report in reports] == [3, 3, 3, 1]
    assert [report.done for report in reports] == [False, False, False, True]


def test_it_stops_when_enough_is_under_suspicion(monkeypatch: pytest.MonkeyPatch) -> None:
    made = migrated(("links", link()), *(("actuals", actual(f"actual {n}")) for n in range(60)))
    items(made, "measure_data").clear()
    monkeypatch.setattr(flow, "PAGE", 5)
    monkeypatch.setattr(flow, "SUSPICIONS", 30)

    report = diff(made, Part(Segment("actuals", 0, 1)), made.clock.now() + 60, patience(made, 600))

    assert (report.done, report.old, report.missing) == (False, {"actuals": 30}, 30)
    assert len(report.examples) == EXAMPLES


def test_a_page_that_cannot_be_had_is_left_to_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    made = migrated(("links", link()), *(("actuals", actual(f"actual {n}")) for n in range(10)))
    items(made, "measure_data").pop((guid("actual 0"),))
    monkeypatch.setattr(flow, "PAGE", 6)
    scans = 0

    def fault(operation: str, table: str, handle: Any) -> Outcome | None:
        nonlocal scans
        scans += operation == "scan" and not handle
        if operation == "scan" and scans > 1:
            raise Unavailable("down")
        return None

    store(made).hook, began = fault, made.clock.now()
    report = diff(made, Part(Segment("actuals", 0, 1)), made.clock.now() + 60, patience(made, 600))

    assert (report.done, report.old, report.missing) == (False, {"actuals": 6}, 1)
    assert made.clock.now() < began + 100, "there was time left for the looks"
    assert report.cursor is not None
    with pytest.raises(Unavailable):
        diff(made, Part(Segment("actuals", 0, 1, report.cursor)), made.clock.now() + 60, patience(made, 600))


@pytest.mark.parametrize(
    "part",
    [
        Part(Segment("people", 0, 1)),
        Part(Segment("links", 1, 1)),
        Part(Segment("links", 0, 1), [Key("group", "people", "id")]),
    ],
)
def test_a_part_that_there_is_not_is_refused(part: Part) -> None:
    made = engine()
    with pytest.raises(BadRequest):
        diff(made, part, made.clock.now(), patience(made))


# ---------------------------------------------------------------------------------------------------- memory


def test_a_large_group_is_looked_at_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAIRS", 30)
    links = [("links", link(f"link {n}")) for n in range(9)]
    made = migrated(*links, *(("actuals", actual(f"actual {n}")) for n in range(12)))
    source = MODEL.sources["actuals"]
    rows = [
        row for each in items(made, "actuals").values() if isinstance(row := side(each, each[KEY]["S"], source), Good)
    ]

    slices = [sum(len(it.wanted) for it in some) for some in bulk.expectations(made, source, rows, {}, patience(made))]

    assert slices == [27, 27, 27, 27]


@dataclass
class Shelf(MemoryStore):
    """Scans without copying the table's keys, so that what is measured is the diff's own."""

    order: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        MemoryStore.__init__(self, tables())

    def scan(self, table: str, segment: int, total: int, start: Item | None, limit: int | None = None) -> Page:
        ids = self.order[table]
        begin = bisect.bisect_right(ids, start[KEY]["S"]) if start else 0
        found = ids[begin : begin + (limit or len(ids))]
        rows = [self.tables[table].items[(id,)] for id in found]
        return Page(rows, {KEY: text(found[-1])} if begin + len(found) < len(ids) else None)

    def query(self, table: str, group: str, start: Item | None, prefix: str = "") -> Page:
        return Page([it for it in map(self.tables[table].items.get, self.groups.get(group, ())) if it], None)

    groups: dict[str, list[Any]] = field(default_factory=dict)


def shelf(size: int) -> Engine:
    """A migrated world: measures of two links and one row each, so that a page is of as many measures in any size."""
    old: dict[str, list[Item]] = {"links": [], "actuals": []}
    for n in range(size):
        measure = text(f"measure {n}")
        old["links"] += [link(f"{n} {m}", measure_id=measure, linked_at=text(f"2025-01-0{m}")) for m in (1, 2)]
        old["actuals"].append(actual(f"{n}", measure_id=measure))
    kept = Shelf()
    for key, item in expect(MODEL, old).rows.items():
        kept.tables[key.table].items[(key.id,)] = item
    for source, rows in old.items():
        for row in rows:
            kept.tables[source].items[(row[KEY]["S"],)] = row
            _shelve(kept, source, row)
    kept.order = {name: sorted(id for (id,) in kept.tables[name].items) for name in TABLES}
    return Engine(MODEL, kept, StillClock(), frozenset(MODEL.lookups))


def _shelve(kept: Shelf, source: str, row: Item) -> None:
    good = side(row, row[KEY]["S"], MODEL.every[source])
    assert isinstance(good, Good)
    key, entry = Key(good.group, source, row[KEY]["S"]), Entry(BACKFILL, good.item)
    handle = (key.group, f"{source}#{key.id}")
    kept.tables[INDEX].items[handle] = {**entry_key(key), **entry_attributes(entry.version, entry.kept, 0)}
    kept.groups.setdefault(key.group, []).append(handle)
    if source == "links":
        before = kept.tables[INDEX].items.get((key.group, "roster"))
        seats = dict(index.roster_from(before).seats) if before else {}
        roster = Roster(1, 1, seats | {key.id: Seat(BACKFILL, MODEL.sources["links"].facts(good.row))})
        kept.tables[INDEX].items[key.group, "roster"] = {**roster_key(key.group), **roster_attributes(roster)}


def peak(size: int, table: str) -> tuple[int, int]:
    """Bytes at the most, and rows looked at."""
    made = shelf(size)
    gc.collect()
    freed = [tuple(range(n)) for n in range(1, 20) for _ in range(2_000)]
    del freed  # CPython keeps that many freed tuples for the next ones
    tracemalloc.start()
    try:
        report = diff(made, Part(Segment(table, 0, 1)), made.clock.now() + 60, patience(made))
        assert report.done and not report.looked_twice and not report.lost
        return tracemalloc.get_traced_memory()[1], sum((report.old | report.found).values())
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("table", ["actuals", "measure_data"])
def test_memory_does_not_grow_with_the_tables(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "PAGE", 20)
    peak(40, table)
    few, many = peak(100, table), peak(1_000, table)

    assert many[1] == 10 * few[1]
    assert many[0] < 1.2 * few[0] + 50_000, (
        "bytes; caches of the process add some thousand, a row kept would add 900 times its size"
    )
