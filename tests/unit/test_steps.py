"""What a call holds at a time is bounded in keys, and in bytes: new rows of a large old row are looked at a few at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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

HEAVY = 390_000
"""Bytes of text of a row that DynamoDB still takes."""

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


@contextmanager
def memory(store: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Megabytes that were held at most, of a store that makes a text anew each time it is read, as a real one does."""
    get = store.get

    def anew(keys: Sequence[Key], consistent: bool = True) -> tuple[dict[Key, Item], list[Key]]:
        items, left = get(keys, consistent)
        return {key: {name: _anew(value) for name, value in item.items()} for key, item in items.items()}, left

    monkeypatch.setattr(store, "get", anew)
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1] // 1_000_000
    finally:
        tracemalloc.stop()


def _anew(value: Any) -> Any:
    return {"S": "".join([value["S"][:-1], value["S"][-1]])} if len(value.get("S", "")) > 1_000 else value


def test_of_many_heavy_rows_on_the_other_side_only_what_is_seen_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 links of 390 KB are 117 MB; a request for 100 of them holds 39."""
    place, store = memory_place(MODEL)
    links = [link(f"link {n}", description=text("x" * HEAVY)) for n in range(300)]
    for source, row in [*(("links", row) for row in links), ("actuals", actual())]:
        store.tables[source].put(row)
    hints = [of_row(MODEL, Key("links", row["id"]["S"]), row) for row in links]
    for n in range(0, len(hints), 10):
        converge(place.call(600.0), hints[n : n + 10])
    row = actual()
    key = Key("actuals", row["id"]["S"])
    with memory(store, monkeypatch) as held:
        done = converge(place.call(600.0), [of_row(MODEL, key, row)])
        report = compare.look(place.call(600.0), "actuals", [key])

        assert held() < 100
    assert done.written == len(links)
    assert (report.drift, report.counts["expected"]) == (0, len(links))


def test_of_a_heavy_row_a_few_new_rows_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 new rows of 390 KB."""
    place, store = memory_place(MODEL)
    row = actual(override_comment=text("x" * HEAVY))
    links = [link(f"link {n}") for n in range(300)]
    key = Key("actuals", row["id"]["S"])
    for source, each in [*(("links", each) for each in links), ("actuals", row)]:
        store.tables[source].put(each)
        converge(place.call(600.0), [of_row(MODEL, Key(source, each["id"]["S"]), each)])
    with memory(store, monkeypatch) as held:
        report = compare.look(place.call(600.0), "actuals", [key])
        touched = compare.touched(place.call(600.0), [of_row(MODEL, key, row)])

        assert held() < 100
    assert (report.drift, report.counts["expected"]) == (0, len(links))
    assert (touched.drift, touched.counts["expected"]) == (0, len(links))
