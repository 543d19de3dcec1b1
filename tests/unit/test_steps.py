"""What a call holds at a time is bounded in keys, and in bytes: new rows of a large old row are looked at a few at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from measures.model import MODEL
from remodel import compare, materialize
from remodel.converge import converge
from remodel.hints import of_row
from remodel.items import Item
from remodel.keys import Key
from remodel.store import Change
from tests.rows import actual, link, text
from tests.still import memory_place

LINKS, ROOM = 20, 100


@pytest.mark.parametrize(("length", "at_once"), [(100, LINKS), (10 * materialize.LIGHT, ROOM // 11)])
def test_of_a_large_row_fewer_new_rows_are_written_at_once(
    length: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materialize, "PAIRS", ROOM)
    place, store = memory_place(MODEL)
    row = actual(override_comment=text("x" * length))
    rows: list[tuple[str, Item]] = [("links", link(f"link {n}")) for n in range(LINKS)]
    for source, each in [*rows, ("actuals", row)]:
        store.tables[source].put(each)
    write, written = store.write, list[int]()

    def counted(changes: Sequence[Change]) -> list[Change]:
        if changes[0].key.table == "measure_data":
            written.append(len(changes))
        return write(changes)

    monkeypatch.setattr(store, "write", counted)
    for source, each in [*rows, ("actuals", row)]:
        converge(place.call(600.0), [of_row(MODEL, Key(source, each["id"]["S"]), each)])

    assert sum(written) == len(store.tables["measure_data"].items) == LINKS
    assert max(written) == at_once


@pytest.mark.parametrize(("length", "at_once"), [(100, LINKS), (10 * materialize.LIGHT, 1 + ROOM // 11)])
def test_of_large_rows_fewer_are_compared_at_once(length: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "PAIRS", ROOM)
    place, store = memory_place(MODEL)
    rows = [actual(f"{n}", override_comment=text("x" * length)) for n in range(LINKS)]
    keys = [Key("actuals", row["id"]["S"]) for row in rows]
    for source, row in [("links", link()), *(("actuals", row) for row in rows)]:
        store.tables[source].put(row)
        converge(place.call(600.0), [of_row(MODEL, Key(source, row["id"]["S"]), row)])
    get, looked = store.get, list[int]()

    def counted(keys: Sequence[Key], consistent: bool = True) -> tuple[dict[Key, Item], list[Key]]:
        looked.append(sum(key.table == "measure_data" for key in keys))
        return get(keys, consistent)

    monkeypatch.setattr(store, "get", counted)
    report = compare.look(place.call(600.0), "actuals", keys)

    assert (report.drift, report.counts["expected"]) == (0, LINKS)
    assert max(looked) == at_once
