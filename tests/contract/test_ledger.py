"""One contract for the ledger in memory and the ledger on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from remodel.adapters.disk import DiskLedger
from remodel.core.change import Key
from remodel.core.errors import LedgerFull
from remodel.core.model import NewKey
from remodel.flow.ledger import MemoryLedger
from remodel.ports import Ledger, Posting

ONE, TWO = b"1" * 16, b"2" * 16


@pytest.fixture(params=[MemoryLedger, DiskLedger])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    make: Callable[[], Ledger] = request.param
    made = make()
    yield made
    made.close()


def new(id: str, table: str = "data") -> NewKey:
    return NewKey(table, id)


def old(id: str) -> Key:
    return Key("group", "rows", id)


def test_every_row_of_either_account_comes_once(ledger: Ledger) -> None:
    ledger.expect([(new("same"), ONE, old("a")), (new("different"), ONE, old("a")), (new("missing"), ONE, old("b"))])
    ledger.find([(new("different"), TWO), (new("same"), ONE), (new("orphan"), TWO)])

    assert list(ledger.postings()) == [
        Posting(new("different"), old("a"), ONE, TWO),
        Posting(new("missing"), old("b"), ONE, None),
        Posting(new("orphan"), None, None, TWO),
        Posting(new("same"), old("a"), ONE, ONE),
    ]


def test_tables_are_told_apart(ledger: Ledger) -> None:
    ledger.expect([(new("1", "links"), ONE, old("a"))])
    ledger.find([(new("1", "data"), ONE)])

    assert list(ledger.postings()) == [
        Posting(new("1", "data"), None, None, ONE),
        Posting(new("1", "links"), old("a"), ONE, None),
    ]


def test_of_two_old_rows_for_one_new_row_the_last_counts(ledger: Ledger) -> None:
    ledger.find([(new("1"), ONE)])
    ledger.expect([(new("1"), TWO, old("a"))])
    ledger.expect([(new("1"), ONE, old("b"))])

    assert list(ledger.postings()) == [Posting(new("1"), old("b"), ONE, ONE)]


def test_any_text_is_an_id(ledger: Ledger) -> None:
    ids = sorted(["", "a\0b", "a\0c", "a", "A", "é", "e\u0301", "漢", "\U0001f600", "1", "01", "x" * 2_048])
    ledger.expect((new(id), ONE, old(id)) for id in reversed(ids))

    assert [(each.new.id, each.old) for each in ledger.postings()] == [(id, old(id)) for id in ids]


def test_nothing_is_left_of_an_empty_one(ledger: Ledger) -> None:
    assert list(ledger.postings()) == []


def test_a_full_disk_is_named() -> None:
    ledger = DiskLedger()
    ledger._database.execute("PRAGMA max_page_count = 10")

    with pytest.raises(LedgerFull, match="EphemeralStorage"):
        ledger.expect((new(f"{n:0100}"), ONE, old("a")) for n in range(10_000))
