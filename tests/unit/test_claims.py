"""Two old rows, one new key: every comparison in every mode and the plan name both, for every kind of claim; and when one row is
removed, the other's is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid5

import pytest

from demo import oracle
from measures.model import MODEL
from remodel import compare
from remodel.backfill import backfill
from remodel.call import Place
from remodel.findings import Report
from remodel.hints import Hint
from remodel.items import Item
from remodel.keys import Key
from remodel.reconcile import reconcile
from remodel.replicate import replicate
from remodel.segments import Segment
from remodel_testing.memory import MemoryStore
from runner.claimed import Claimed
from tests.records import Stream
from tests.rows import actual, guid, link, milestone, reading, text
from tests.still import memory_place
from tests.unit.test_plan import planned, world

DERIVED = str(uuid5(oracle.NAMESPACE, f"{guid('milestone')}:{guid('second')}"))
LINKS = [link(), link("second", linked_at=text("2025-05-05"))]

CLAIMS: dict[str, dict[str, list[Item]]] = {
    "one id in three tables": {
        "links": [link()],
        "milestones": [milestone("x")],
        "actuals": [actual("x")],
        "readings": [reading("x")],
    },
    "an id that another row's is derived to": {
        "links": LINKS,
        "milestones": [milestone()],
        "actuals": [actual(id=text(DERIVED))],
    },
    "the same, of one table": {"links": LINKS, "milestones": [milestone(), milestone(id=text(DERIVED))]},
}
"""Old rows, with links of one measure."""

claims = pytest.mark.parametrize("name", CLAIMS)


def migrated(name: str) -> tuple[Place, MemoryStore]:
    place, store = memory_place(MODEL)
    for source, rows in CLAIMS[name].items():
        for row in rows:
            store.tables[source].put(row)
    for source in MODEL.order:
        assert backfill(place.call(600.0), Segment(source, 0, 1), float("inf")).done
    return place, store


def claimants(name: str, store: MemoryStore) -> dict[str, set[tuple[str, str]]]:
    """By new key, by the oracle."""
    told = oracle.expected({name: list(store.tables[name].items.values()) for name in MODEL.old_tables})
    return {new: set(rows) for (_, new), rows in told.claimants.items() if len(rows) > 1}


def parts(place: Place) -> Report:
    report = Report()
    for table in compare.tables(place.call(600.0)):
        report.add(compare.compare(place.call(600.0), Segment(table, 0, 1), float("inf")))
    return report


def as_a_cutover(place: Place) -> Report:
    rows = [Key(source, row["id"]["S"]) for each in CLAIMS.values() for source in each for row in each[source]]
    return compare.touched(place.call(600.0), [Hint(row) for row in rows])


MODES: dict[str, Callable[[Place], Report]] = {
    **{
        mode: lambda place, mode=mode: reconcile(place.call(600.0), mode, False)
        for mode in ("counts", "sample", "full")
    },  # type: ignore[misc]
    "part by part": parts,
    "of what was touched": as_a_cutover,
}


@claims
@pytest.mark.parametrize("mode", MODES)
def test_every_comparison_names_all_of_them(name: str, mode: str) -> None:
    place, store = migrated(name)

    report = MODES[mode](place)

    wanted = claimants(name, store)
    named: dict[str, set[tuple[str, str]]] = {}
    for each in report.examples:
        if each["what"] == "claims":
            named.setdefault(each["key"], set()).update(map(tuple, [each["origin"], *each["others"]]))
    assert named == wanted
    assert report.counts["claims"] >= 1
    if mode != "of what was touched":  # which only asks whether there are any
        assert report.counts["claims"] == sum(len(rows) - 1 for rows in wanted.values())
    assert report.drift == 0


@claims
def test_a_plan_names_all_of_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    it, store = world(MODEL, CLAIMS[name])

    found = planned(it, monkeypatch)

    assert {each.new.text: set(map(tuple, each.rows)) for each in found.claims} == claimants(name, store)
    (check,) = [each for each in found.checks if each.name == "keys claimed twice"]
    assert not check.stops


def test_a_plan_without_claims_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    it, _store = world(MODEL, {"links": LINKS, "actuals": [actual("a"), actual("b")]})

    found = planned(it, monkeypatch)

    assert (found.claims, found.checks) == ([], [])


def test_hostile_keys_are_told_apart() -> None:
    claimed, keys = (
        Claimed(),
        [Key("t", text) for text in ("a", "A", "a\x00", "e\u0301", "é", '"', "\ud7ff", "a" * 3_000)],
    )
    for n, key in enumerate(keys):
        claimed.add(Key("old", str(n)), [key])
    claimed.add(Key("old", "other"), [keys[2]])

    ((new, rows),) = [(each.new, each.rows) for each in claimed.several()]

    assert (new, rows) == (keys[2], [Key("old", "2"), Key("old", "other")])


@claims
def test_when_one_is_removed_the_others_row_is_there(name: str) -> None:
    """Whichever of them it is, and whoever wrote last."""
    _place, store = migrated(name)
    every = sorted(claimants(name, store).items())
    for _new, rows in every:
        for source, id in sorted(rows):
            assert removed(name, source, id) == []


def removed(name: str, source: str, id: str) -> list[Any]:
    """What is wrong once a row was removed, and its record was delivered."""
    place, store = migrated(name)
    row = store.tables[source].items[id]
    store.tables[source].delete(id)
    record = Stream(MODEL, {table: table for table in MODEL.old_tables}).record(source, row, None)
    assert replicate(place.call(600.0), source, source, {"Records": [record]}).failed is None
    told = oracle.expected({table: list(store.tables[table].items.values()) for table in MODEL.old_tables})
    stored = store.tables["measure_data"].items
    wrong = list(told.rows["measure_data"].keys() ^ stored.keys())
    return wrong + [key for key, rows in told.rows["measure_data"].items() if stored.get(key) not in rows]
