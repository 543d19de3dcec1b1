"""How the store in memory misbehaves, and where it is stricter than DynamoDB Local."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remodel.errors import Rejected, Unavailable
from remodel.items import Item
from remodel.keys import Key, KeySchema
from remodel.store import INDEX, INDEX_KEY, Change, Update
from remodel_testing.memory import Fault, MemoryStore, MemoryTable

A, B, C = (Key("t", text) for text in "abc")


def item(key: Key, value: str = "1") -> Item:
    return {"id": {"S": key.text}, "v": {"S": value}}


class Script:
    """A hook with a fault for the n-th time that a key's turn comes, and a record of the turns."""

    def __init__(self, faults: dict[int, Fault] | None = None) -> None:
        self.faults, self.turns = faults or {}, list[tuple[str, str | None]]()
        self.then: Callable[[], object] = lambda: None

    def __call__(self, operation: str, key: Key | None) -> Fault | None:
        self.turns.append((operation, key.text if key else None))
        if len(self.turns) == 2:
            self.then()
        return self.faults.get(len(self.turns))


def made(*keys: Key, **more: object) -> MemoryStore:
    tables = {"t": MemoryTable(KeySchema((("id", "S"),)), (("v", "S"),)), INDEX: MemoryTable(INDEX_KEY)}
    store = MemoryStore(tables, **more)  # type: ignore[arg-type]
    for key in keys:
        store.tables[key.table].put(item(key) if key.table == "t" else INDEX_KEY.decode(key.text))
    return store


def stored(store: MemoryStore) -> list[str]:
    return sorted(store.tables["t"].items)


def test_items_that_are_not_processed_come_back() -> None:
    store = made(A, B, C, hook=Script({2: Fault.UNPROCESSED, 5: Fault.UNPROCESSED}))

    assert store.get([A, B, C]) == ({A: item(A), C: item(C)}, [B])
    assert store.write([Change(A, None), Change(B, None), Change(C, None)]) == [Change(B, None)]
    assert stored(store) == ["b"]
    assert store.spent().throttled == 2


def test_a_failed_batch_may_be_applied_in_part() -> None:
    store = made(hook=Script({2: Fault.FAIL}))

    with pytest.raises(Unavailable):
        store.write([Change(key, item(key)) for key in (A, B, C)])
    assert stored(store) == ["a"]


def test_a_lost_batch_is_applied_whole() -> None:
    store = made(hook=Script({2: Fault.LOST}))

    with pytest.raises(Unavailable):
        store.write([Change(key, item(key)) for key in (A, B, C)])
    assert stored(store) == ["a", "b", "c"]


@pytest.mark.parametrize(("fault", "applied"), [(Fault.FAIL, False), (Fault.UNPROCESSED, False), (Fault.LOST, True)])
def test_a_failed_update(fault: Fault, applied: bool) -> None:
    store = made(hook=Script({1: fault}))

    with pytest.raises(Unavailable):
        store.update(Update(A, put={"v": {"S": "x"}}))
    assert stored(store) == (["a"] if applied else [])


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_failed_page(fault: Fault, turn: int) -> None:
    members = [Key(INDEX, INDEX_KEY.encode({"group_key": {"S": "g"}, "item_key": {"S": name}})) for name in "ab"]
    for request in (
        lambda store: store.query("g", "", None, 9),
        lambda store: store.scan("t", (0, 1), None, 9),
        lambda store: store.find("t", "i", "v", {"S": "1"}),
    ):
        with pytest.raises(Unavailable):
            request(made(A, B, *members, hook=Script({turn: fault})))


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.LOST])
def test_a_failed_read(fault: Fault) -> None:
    with pytest.raises(Unavailable):
        made(A, hook=Script({1: fault})).get([A, B])


def test_the_hook_has_its_turn_before_each_item() -> None:
    script = Script()
    store = made(A, B, hook=script)
    store.get([A, C])
    store.scan("t", (0, 1), None, 9)
    store.find("t", "i", "v", {"S": "1"})
    store.stream("t")
    store.update(Update(A, put={"v": {"S": "x"}}))
    store.write([Change(B, None)])

    assert script.turns[:2] == [("get", "a"), ("get", "c")]
    assert sorted(script.turns[2:8], key=str) == sorted(
        [(operation, key) for operation in ("scan", "find") for key in (None, "a", "b")], key=str
    )
    assert script.turns[8:] == [("stream", None), ("update", "a"), ("write", "b")]


def test_a_page_is_not_a_snapshot() -> None:
    script = Script()
    store = made(A, B, C, hook=script)

    def meanwhile() -> None:
        for text in stored(store):
            store.tables["t"].delete(text)
        store.tables["t"].put(item(Key("t", "new")))
        store.tables["t"].put(item(C, "2"))

    script.then = meanwhile
    assert store.scan("t", (0, 1), None, 9).items == [item(C, "2")]


def test_a_stale_read_answers_the_version_before() -> None:
    store = made(A, stale=lambda key: key.text != "c")
    store.write([Change(A, item(A, "2")), Change(B, item(B, "2")), Change(C, item(C, "2"))])

    assert store.get([A, B, C]) == ({A: item(A, "2"), B: item(B, "2"), C: item(C, "2")}, [])
    assert store.get([A, B, C], consistent=False) == ({A: item(A), C: item(C, "2")}, [])
    assert sorted(store.scan("t", (0, 1), None, 9).items, key=str) == [item(A), item(C, "2")]
    assert store.find("t", "i", "v", {"S": "1"}) == [item(A)]
    assert store.find("t", "i", "v", {"S": "2"}) == [item(C, "2")]
    store.write([Change(A, None)])
    assert item(A, "2") in store.scan("t", (0, 1), None, 9).items
    assert store.get([A], consistent=False) == ({A: item(A, "2")}, [])
    assert store.get([A]) == ({}, [])


def test_an_item_that_nobody_wrote_has_no_other_version() -> None:
    store = made(stale=lambda key: True)
    store.tables["t"].items["a"] = item(A)

    assert store.get([A], consistent=False) == ({A: item(A)}, [])


def test_items_do_not_change_with_what_was_given_or_taken() -> None:
    store, given = made(), item(A)
    store.write([Change(A, given)])
    given["v"] = {"S": "changed"}
    store.get([A])[0][A]["v"] = {"S": "changed"}
    store.scan("t", (0, 1), None, 9).items[0]["v"] = {"S": "changed"}

    assert store.get([A])[0] == {A: item(A)}


def test_absent_items_and_empty_pages_cost_a_unit() -> None:
    store = made()
    store.get([A, B])
    assert store.spent().read_units == 2
    store.get([A], consistent=False)
    assert store.spent().read_units == 2.5
    store.query("g", "", None, 9)
    assert store.spent().read_units == 3.5
    store.write([Change(A, None)])
    assert store.update(Update(B, below=("n", 1))) is not None
    assert store.spent().write_units == 2
    assert (store.requests, store.reads) == ({"get": 2, "query": 1, "write": 1, "update": 1}, {"t": 3})
    assert store.writes == {"t": 2}


def test_what_dynamodb_rejects_and_dynamodb_local_takes() -> None:
    store = made()
    numbers = MemoryStore({"n": MemoryTable(KeySchema((("n", "N"),)))})
    for request in (
        lambda: store.update(Update(A, put={"v": {"N": "1"}})),
        lambda: store.find("t", "i", "v", {"S": "x" * 2_049}),
        lambda: numbers.get([Key("n", "1"), Key("n", "1.0")]),
    ):
        with pytest.raises(Rejected):
            request()


def test_an_item_must_have_the_key_of_its_change() -> None:
    with pytest.raises(AssertionError, match="key of its change"):
        made().write([Change(A, item(B))])


def test_an_error_waits_for_the_other_jobs() -> None:
    store, done = made(), list[int]()

    def failing() -> None:
        raise Unavailable("first")

    with pytest.raises(Unavailable, match="first"):
        store.together([failing, lambda: done.append(1), failing])
    assert done == [1]
