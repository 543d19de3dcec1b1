"""One contract for the store in memory and the store on DynamoDB Local: the simulation is worth what this suite is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.worlds import tables

from local_cloud.cloud import Cloud
from measures import MODEL
from remodel.adapters.dynamodb import DynamoStore
from remodel.adapters.memory import MemoryStore
from remodel.core.errors import Rejected, TableNotFound
from remodel.core.model import NewKey
from remodel.core.record import VIEW
from remodel.core.wire import Item
from remodel.ports import INDEX, QUARANTINE, Condition, Guarded, Outcome, Store, Write

DONE, FAILED = Outcome.DONE, Outcome.CONDITION_FAILED


@pytest.fixture(params=["memory", "dynamodb-local"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore(tables())
    cloud: Cloud = request.getfixturevalue("cloud")
    return DynamoStore(cloud.dynamodb, cloud.tables)


def key(group: str, name: str = "rows#1") -> Item:
    return {"group_key": {"S": group}, "item_key": {"S": name}}


def version(value: str, **more: object) -> Item:
    return {"version": {"S": value}, **more}  # type: ignore[dict-item]


def row(id: str, **values: object) -> Write:
    return Write(NewKey("measure_data", id), {"id": {"S": id}, **values})  # type: ignore[dict-item]


def read(store: Store, group: str, name: str = "rows#1") -> Item | None:
    found, left = store.get(INDEX, [key(group, name)])
    assert not left
    return next(iter(found), None)


def older(value: str) -> Condition:
    return Condition("version", "<", {"S": value})


def test_what_is_written_is_read(store: Store) -> None:
    n = {"N": "1234567890123456789012345678.9012345678"}
    deep = {"M": {"a": {"L": [{"S": "ü✓"}, {"BOOL": True}, {"NULL": True}, {"B": b"\x00\xff"}]}}}

    assert store.write([row("a", n=n, deep=deep), row("b")]) == []
    found, left = store.get("measure_data", [{"id": {"S": "a"}}, {"id": {"S": "missing"}}])

    assert ([{"id": {"S": "a"}, "n": n, "deep": deep}], []) == (found, left)


def test_a_put_replaces_the_whole_row_and_a_delete_of_nothing_is_done(store: Store) -> None:
    store.write([row("a", x={"S": "1"})])
    store.write([row("a", y={"S": "2"}), Write(NewKey("measure_data", "nothing"), None)])

    assert store.get("measure_data", [{"id": {"S": "a"}}])[0] == [{"id": {"S": "a"}, "y": {"S": "2"}}]
    store.write([Write(NewKey("measure_data", "a"), None)])
    assert store.get("measure_data", [{"id": {"S": "a"}}])[0] == []


def test_writes_to_several_tables_in_one_request(store: Store) -> None:
    store.write([row("a"), Write(NewKey("measure_links", "a"), {"id": {"S": "a"}})])

    assert store.get("measure_links", [{"id": {"S": "a"}}])[0] == [{"id": {"S": "a"}}]


def test_an_insert_is_done_only_where_nothing_is(store: Store) -> None:
    assert store.guard([Guarded(INDEX, key("g"), version("1"))]) == [DONE]
    assert store.guard([Guarded(INDEX, key("g"), version("2"))]) == [FAILED]
    assert {**key("g"), **version("1")} == read(store, "g")


def test_a_replacement_is_done_only_over_an_older_version(store: Store) -> None:
    store.guard([Guarded(INDEX, key("g"), version("2"))])

    assert store.guard([Guarded(INDEX, key("g"), version("1"), older("1"))]) == [FAILED]
    assert store.guard([Guarded(INDEX, key("g"), version("2"), older("2"))]) == [FAILED]
    assert store.guard([Guarded(INDEX, key("g"), version("3"), older("3"))]) == [DONE]
    assert {**key("g"), **version("3")} == read(store, "g")


def test_a_replacement_is_not_an_insert(store: Store) -> None:
    assert store.guard([Guarded(INDEX, key("g"), version("1"), older("1"))]) == [FAILED]
    assert read(store, "g") is None


def test_a_replacement_drops_what_it_names_and_nothing_else(store: Store) -> None:
    kept = {"M": {"n": {"N": "1"}}}
    store.guard([Guarded(INDEX, key("g"), version("1", kept=kept, other={"S": "x"}))])
    store.guard([Guarded(INDEX, key("g"), version("2", expires={"N": "9"}), older("2"), drop=("kept",))])

    assert {**key("g"), **version("2", expires={"N": "9"}, other={"S": "x"})} == read(store, "g")


def test_a_condition_on_a_number_compares_numbers(store: Store) -> None:
    store.guard([Guarded(INDEX, key("g", "roster"), {"revision": {"N": "9"}})])
    nine, ten = ({"N": "9"}, {"N": "10"})

    assert store.guard([Guarded(INDEX, key("g", "roster"), {"revision": ten}, Condition("revision", "=", ten))]) == [
        FAILED
    ]
    assert store.guard([Guarded(INDEX, key("g", "roster"), {"revision": ten}, Condition("revision", "=", nine))]) == [
        DONE
    ]


def test_a_guarded_delete(store: Store) -> None:
    here = {"source": {"S": "links"}, "row": {"S": "1"}}
    store.guard([Guarded(QUARANTINE, here, version("2"))])

    assert store.guard([Guarded(QUARANTINE, here, None, Condition("version", "=", {"S": "1"}))]) == [FAILED]
    assert store.guard([Guarded(QUARANTINE, here, None, Condition("version", "=", {"S": "2"}))]) == [DONE]
    assert store.get(QUARANTINE, [here]) == ([], [])


def test_guarded_writes_of_one_request_succeed_and_fail_each_for_itself(store: Store) -> None:
    store.guard([Guarded(INDEX, key("2"), version("5"))])
    writes = [Guarded(INDEX, key(str(n)), version("1")) for n in range(25)]

    assert [FAILED if n == 2 else DONE for n in range(25)] == store.guard(writes)


@pytest.mark.parametrize(
    "request_",
    [
        lambda store: store.write([row(str(n)) for n in range(26)]),
        lambda store: store.write([row("a"), row("a")]),
        lambda store: store.get(INDEX, [key(str(n)) for n in range(101)]),
        lambda store: store.get(INDEX, [key("a"), key("a")]),
        lambda store: store.guard([Guarded(INDEX, key(str(n)), version("1")) for n in range(26)]),
    ],
    ids=["26 writes", "one key twice", "101 reads", "one key read twice", "26 statements"],
)
def test_requests_beyond_the_limits_are_rejected(store: Store, request_: Callable[[Store], object]) -> None:
    with pytest.raises(Rejected):
        request_(store)


def test_a_group_is_read_in_the_order_of_its_keys(store: Store) -> None:
    for group, name in [("g", "b"), ("g", "a"), ("other", "c")]:
        store.guard([Guarded(INDEX, key(group, name), version("1"))])

    page = store.query(INDEX, "g", None)

    assert ([item["item_key"]["S"] for item in page.items], page.next) == (["a", "b"], None)


def test_a_group_is_read_by_the_beginning_of_names(store: Store) -> None:
    for name in ("@b", "@a", "a#@", "roster"):
        store.guard([Guarded(INDEX, key("g", name), version("1"))])

    page = store.query(INDEX, "g", None, prefix="@")

    assert [item["item_key"]["S"] for item in page.items] == ["@a", "@b"]
    assert [item["item_key"]["S"] for item in store.query(INDEX, "g", key("g", "@a"), "@").items] == ["@b"]


def test_a_page_goes_on_behind_the_key_that_it_is_given(store: Store) -> None:
    for name in "abc":
        store.guard([Guarded(INDEX, key("g", name), version("1"))])

    page = store.query(INDEX, "g", key("g", "a"))

    assert [item["item_key"]["S"] for item in page.items] == ["b", "c"]


def test_segments_of_a_scan_are_the_whole_table_once(store: Store) -> None:
    ids = {f"{n:03}" for n in range(60)}
    for n in range(0, 60, 20):
        store.write([row(f"{m:03}") for m in range(n, n + 20)])
    seen: list[str] = []
    for segment in range(3):
        start: Item | None = None
        while True:
            page = store.scan("measure_data", segment, 3, start, 7)
            assert len(page.items) <= 7
            seen += [item["id"]["S"] for item in page.items]
            if (start := page.next) is None:
                break

    assert (ids, 60) == (set(seen), len(seen))


def test_an_index_finds_by_value(store: Store) -> None:
    people = [{"id": {"S": id}, "linked_user_id": {"S": user}} for id, user in [("p1", "u"), ("p2", "v"), ("p3", "u")]]
    for person in people:
        store.write([Write(NewKey("people", person["id"]["S"]), person)])

    page = store.find("people", "linked-user-index", "linked_user_id", "u", None)

    assert {"p1", "p3"} == {item["id"]["S"] for item in page.items}


def test_the_view_of_a_stream(store: Store) -> None:
    assert [store.stream_view(MODEL_LINKS), store.stream_view("measure_data")] == [VIEW, None]


MODEL_LINKS = next(iter(MODEL.sources))


def test_a_table_that_does_not_exist_is_named() -> None:
    with pytest.raises(TableNotFound, match="nowhere"):
        MemoryStore({}).stream_view("nowhere")


def test_a_table_that_does_not_exist_is_named_on_dynamodb_too(cloud: Cloud) -> None:
    store = DynamoStore(
        cloud.dynamodb, {**cloud.tables, "index": "nowhere", "links": "nowhere", "measure_data": "nowhere"}
    )
    for request in (
        lambda: store.get("index", [key("g")]),
        lambda: store.guard([Guarded("index", key("g"), version("1"))]),
        lambda: store.write([row("a")]),
        lambda: store.query("index", "g", None),
        lambda: store.scan("links", 0, 1, None),
        lambda: store.stream_view("links"),
    ):
        with pytest.raises(TableNotFound, match="expected"):
            request()
