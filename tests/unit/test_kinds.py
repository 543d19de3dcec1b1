"""What a backfill counts of each kind, where one old table has several."""

from __future__ import annotations

import pytest

from remodel.backfill import LEFT_BEHIND, NO_KIND, RUN, Done, Kinds, backfill, kinds_of
from remodel.call import Call
from remodel.segments import Segment, progress
from shop.model import MODEL as SHOP
from tests.rows import customer, item, number, order, text
from tests.still import memory_place

ROWS = [
    *(customer(), customer("2", tier=text("lead"))),
    *(order(), order("10"), order("11", "2")),
    *(item(1), item(2), item(3, quantity=None), item(4, quantity=text("two"))),
    {"PK": text("CUST#1"), "SK": text("CART"), "sku": text("tea")},
    {"PK": text("elsewhere"), "SK": text("x"), "n": number(1)},
]
COUNTED = {
    "Customer": {"scanned": 2, "written": 2, "quarantined": 1},
    "Order": {"scanned": 3, "written": 3, "quarantined": 0},
    "Item": {"scanned": 4, "written": 4, "quarantined": 2},
    LEFT_BEHIND: {"scanned": 1, "written": 0, "quarantined": 0},
    NO_KIND: {"scanned": 1, "written": 1, "quarantined": 1},
}
"""A rejected row has a row in quarantine written for it."""


@pytest.fixture
def call() -> Call:
    place, store = memory_place(SHOP)
    for row in ROWS:
        store.tables["shop"].put(row)
    return place.call(600.0)


def summed(kinds: Kinds) -> dict[str, int]:
    return {name: sum(each[name] for each in kinds.values()) for name in ("scanned", "written", "quarantined")}


def test_rows_are_counted_by_kind(call: Call) -> None:
    done = backfill(call, Segment("shop", 0, 1), call.deadline)

    assert done.kinds == COUNTED
    assert summed(done.kinds) == {"scanned": done.scanned, "written": done.written, "quarantined": done.quarantined}


def test_a_run_sums_up_what_its_calls_have_counted(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remodel.backfill.PAGE", 2)
    calls, done = 0, Done()
    while not done.done:
        calls, done = calls + 1, backfill(call, Segment("shop", 0, 1), 0.0, run=RUN)
    assert calls > 3

    (stored,) = progress(call, RUN)
    found = kinds_of(stored.counts)
    assert {kind: each["scanned"] for kind, each in found.items()} == {
        kind: each["scanned"] for kind, each in COUNTED.items()
    }
    assert summed(found) == {name: stored.counts[name] for name in ("scanned", "written", "quarantined")}
