"""A link with very many rows behind it does not hold up its shard: the queue and its worker do the rest, page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.records import Stream
from tests.rows import MEASURE, actual, guid, link, text
from tests.worlds import NAMES, engine, patience, store

from measures.values import measure_group
from remodel.core.wire import Item
from remodel.flow.engine import Engine
from remodel.flow.fanout import work
from remodel.flow.replicate import replicate
from remodel.ports import INDEX, Fanout

ROWS = 50_000
BEYOND = 5_000


class Messages:
    def __init__(self, beyond: int) -> None:
        self.beyond = beyond
        self.sent: list[Fanout] = []

    def send(self, fanout: Fanout) -> None:
        self.sent.append(fanout)


def measured(rows: int, beyond: int) -> tuple[Engine, Messages, Stream]:
    """One measure with as many actuals in the index, as their streams have brought them, and no link yet."""
    queue = Messages(beyond)
    made = replace(engine(), queue=queue)
    for n in range(rows):
        row: Item = actual(f"{n}")
        store(made).tables["actuals"].items[row["id"]["S"],] = row
        entry = {
            "group_key": text(measure_group(MEASURE)),
            "item_key": text(f"actuals#{row['id']['S']}"),
            "version": text("2026-11-22T08:00:00.000#1"),
            "kept": {"M": row},
        }
        store(made).tables[INDEX].items[entry["group_key"]["S"], entry["item_key"]["S"]] = entry
    return made, queue, Stream(NAMES)


def change(made: Engine, stream: Stream, old: Item | None, new: Item | None) -> None:
    for item, there in ((old, False), (new, True)):
        if item is not None:
            rows = store(made).tables["links"].items
            rows[item["id"]["S"],] = item if there else rows.get((item["id"]["S"],), item)
    if new is None and old is not None:
        del store(made).tables["links"].items[old["id"]["S"],]
    event = {"Records": [stream.record("links", old, new)]}
    assert replicate(made, "links", "links", event, patience(made)).failed is None


def run_queue(made: Engine, queue: Messages, seconds: float = 0.0) -> int:
    """Calls of the worker until the queue is empty; each does one page, since the clock stands still."""
    calls = 0
    while queue.sent:
        left = work(made, queue.sent.pop(0), made.clock.now() + seconds, patience(made))
        calls += 1
        queue.sent += [left] if left else []
    return calls


def new_rows(made: Engine) -> int:
    return len(store(made).tables["measure_data"].items)


def test_a_link_with_very_many_rows_behind_it_is_done_at_once_and_its_rows_by_the_worker() -> None:
    made, queue, stream = measured(ROWS, BEYOND)

    change(made, stream, None, link())

    assert len(store(made).tables["measure_links"].items) == 1, "the link itself does not wait"
    assert (new_rows(made), [each.group for each in queue.sent]) == (0, [measure_group(MEASURE)])
    assert run_queue(made, queue) == ROWS // store(made).page + 1
    assert new_rows(made) == ROWS


def test_a_group_that_is_not_large_is_settled_in_place() -> None:
    made, queue, stream = measured(20, 20 + 1)

    change(made, stream, None, link())

    assert (new_rows(made), queue.sent) == (20, [])


def test_the_worker_begins_anew_where_the_roster_has_moved() -> None:
    made, queue, stream = measured(30, 5)
    store(made).page = 10
    change(made, stream, None, link())
    (first,) = queue.sent
    left = work(made, first, made.clock.now(), patience(made))
    assert left is not None
    assert left.cursor is not None

    change(made, stream, link(), None)
    queue.sent = [left]
    run_queue(made, queue)

    assert new_rows(made) == 0, "also those that the page before had written"


def test_a_page_that_is_not_done_is_not_answered_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from remodel.core.errors import Unavailable
    from remodel.ports import Write

    made, queue, stream = measured(30, 5)
    change(made, stream, None, link())

    def nothing(writes: list[Write]) -> list[Write]:
        return list(writes)

    monkeypatch.setattr(store(made), "write", nothing)
    with pytest.raises(Unavailable, match="30 rows were left"):
        work(made, queue.sent[0], made.clock.now(), patience(made))


def test_what_dynamodb_does_not_take_goes_to_quarantine(monkeypatch: pytest.MonkeyPatch) -> None:
    from remodel.core.errors import Rejected

    made, queue, stream = measured(3, 1)
    change(made, stream, None, link())
    real = store(made).write

    def picky(writes: list[object]) -> object:
        if any(each.key.id == guid("1") for each in writes):  # type: ignore[attr-defined]
            raise Rejected("too large")
        return real(writes)  # type: ignore[arg-type]

    monkeypatch.setattr(store(made), "write", picky)
    run_queue(made, queue)

    assert new_rows(made) == 2
    assert [key for key in store(made).tables["quarantine"].items if key[1].startswith(guid("1"))]
