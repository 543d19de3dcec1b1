"""One contract for the store in memory and the store on DynamoDB Local: the simulation is worth what this suite is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from remodel.errors import Rejected, TableNotFound, Unavailable
from remodel.items import ITEM_LIMIT, Item, Wire, canonical_number, same
from remodel.keys import Key
from remodel.store import GROUP, INDEX, INDEX_KEY, NAME, QUARANTINE, Change, Store, Update, wire_key
from tests.contract.tables import TABLES


def key_of(table: str, item: Item) -> Key:
    return Key(table, TABLES[table].schema.encode(item))


def put(table: str, **item: Wire) -> Change:
    return Change(key_of(table, item), item)


def plain(id: str, **values: Wire) -> Change:
    return put("plain", id={"S": id}, **values)


def entry(group: str, name: str = "a", **values: Wire) -> Change:
    return Change(member(group, name), {GROUP: {"S": group}, NAME: {"S": name}, **values})


def member(group: str, name: str = "a") -> Key:
    return Key(INDEX, INDEX_KEY.encode({GROUP: {"S": group}, NAME: {"S": name}}))


def write(store: Store, *changes: Change) -> None:
    for n in range(0, len(changes), 25):
        assert store.write(changes[n : n + 25]) == []


def read(store: Store, *keys: Key, consistent: bool = True) -> list[Item | None]:
    found, left = store.get(keys, consistent)
    assert left == []
    assert found.keys() <= set(keys)
    return [found.get(key) for key in keys]


def names(items: list[Item], attribute: str = NAME) -> list[str]:
    return [item[attribute]["S"] for item in items]


EVERYTHING: Item = {
    "text": {"S": "ü✓ \n \x00 😀"},
    "number": {"N": "1234567890123456789012345678.9012345678"},
    "small": {"N": "-1E-130"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "binary": {"B": b"\x00\xff"},
    "deep": {"M": {"a": {"L": [{"S": ""}, {"BOOL": True}, {"B": b"x"}, {"M": {}}, {"NS": ["1", "-2.5"]}]}}},
    "texts": {"SS": ["a", "b", "ü"]},
    "binaries": {"BS": [b"1", b"\xff"]},
    "empty": {"L": []},
    "blank": {"B": b""},
}


def test_what_is_written_is_read(store: Store) -> None:
    change = plain("a", **EVERYTHING)
    write(store, change, plain("b"))

    found, missing = read(store, change.key, Key("plain", "missing"))

    assert found is not None and change.item is not None and same(found, change.item)
    assert missing is None


@pytest.mark.parametrize("consistent", [True, False])
def test_a_batch_reads_several_tables(consistent: bool, store: Store) -> None:
    changes = [
        plain("a", n={"N": "1"}),
        put("number", n={"N": "1"}),
        put("pair", PK={"S": "1"}, SK={"S": "a"}),
        entry("g"),
    ]
    write(store, *changes)

    found = read(store, *(change.key for change in changes), Key(QUARANTINE, "1:ab"), consistent=consistent)

    assert found == [*(change.item for change in changes), None]


def test_a_composite_key_names_one_item(store: Store) -> None:
    texts = ["x", ":", "1:", "2:x", "12", "\n", "#", "ü", "😀", " ", "ü\x00", "é", "e\u0301"]
    changes = [put("pair", PK={"S": first}, SK={"S": second}) for first in texts for second in texts]
    changes += [put("pair", PK={"S": f"{first}{first}"}, SK={"S": "x"}) for first in texts]
    write(store, *changes)

    for n in range(0, len(changes), 100):
        part = changes[n : n + 100]
        assert read(store, *(change.key for change in part)) == [change.item for change in part]
        assert [wire_key(store, change.key) for change in part] == [change.item for change in part]
    assert {key_of("pair", item) for item in scanned(store, "pair")} == {change.key for change in changes}


def test_a_number_is_one_key_in_every_spelling(store: Store) -> None:
    write(store, put("number", n={"N": "1E1"}, v={"S": "first"}))
    write(store, put("number", n={"N": "10.0"}, v={"S": "second"}), put("number", n={"N": "-10"}))

    found = read(store, key_of("number", {"n": {"N": "+1.0e+1"}}))[0]

    assert found == {"n": {"N": "10"}, "v": {"S": "second"}}
    assert len(scanned(store, "number")) == 2
    with pytest.raises(Rejected):
        store.write([put("number", n={"N": "10"}), put("number", n={"N": "1E1"})])


@pytest.mark.parametrize(
    "number", ["0", "-0.0", "1E125", "9.9E+125", "1E-130", "-123.4500", "12345678901234567890123456789012345678E10"]
)
def test_numbers_at_the_edges_are_keys(number: str, store: Store) -> None:
    change = put("lines", order={"S": "o"}, line={"N": number})
    write(store, change)

    found = read(store, change.key)[0]

    assert found is not None and canonical_number(found["line"]["N"]) == canonical_number(number)
    assert key_of("lines", found) == change.key == key_of("lines", scanned(store, "lines")[0])
    write(store, Change(change.key, None))
    assert read(store, change.key) == [None]


def test_binary_keys(store: Store) -> None:
    changes = [
        put("binary", b={"B": b"\x00\xff"}),
        put("binary", b={"B": b"AP8="}),
        put("binary_pair", b={"B": b"\x00"}, r={"B": b"\xff\xfe"}),
        put("binary_pair", b={"B": b"\x00\xff"}, r={"B": b"\xfe"}),
    ]
    write(store, *changes)

    assert read(store, *(change.key for change in changes)) == [change.item for change in changes]
    assert {key_of("binary", item) for item in scanned(store, "binary", 1)} == {change.key for change in changes[:2]}


def test_a_put_replaces_the_whole_row_and_a_delete_of_nothing_is_done(store: Store) -> None:
    write(store, plain("a", x={"S": "1"}))
    write(store, plain("a", y={"S": "2"}), Change(Key("plain", "nothing"), None))

    assert read(store, Key("plain", "a")) == [{"id": {"S": "a"}, "y": {"S": "2"}}]
    write(store, Change(Key("plain", "a"), None), plain("b"))
    assert read(store, Key("plain", "a"), Key("plain", "b")) == [None, {"id": {"S": "b"}}]


# Updates.


def test_an_update_creates_the_item_and_answers_it_whole(store: Store) -> None:
    update = Update(
        member("g"), add={"n": {"N": "2"}, "keys": {"SS": ["b", "a"]}}, put={"text": {"S": "x"}, "m": {"M": {}}}
    )

    made = store.update(update)

    expected = {
        GROUP: {"S": "g"},
        NAME: {"S": "a"},
        "n": {"N": "2"},
        "keys": {"SS": ["a", "b"]},
        "text": {"S": "x"},
        "m": {"M": {}},
    }
    assert made is not None and same(made, expected)
    assert read(store, member("g")) == [made]


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        ({"SS": ["a", "b"]}, {"SS": ["b", "ü"]}, {"SS": ["a", "b", "ü"]}),
        ({"NS": ["1", "10"]}, {"NS": ["1E1", "2"]}, {"NS": ["1", "2", "10"]}),
        ({"BS": [b"1"]}, {"BS": [b"\xff", b"1"]}, {"BS": [b"1", b"\xff"]}),
        ({"N": "1"}, {"N": "-3.5"}, {"N": "-2.5"}),
        ({"N": "1"}, {"N": "-1"}, {"N": "0"}),
    ],
)
def test_add_extends_sets_and_adds_numbers(before: Wire, added: Wire, after: Wire, store: Store) -> None:
    write(store, entry("g", it=before, other={"S": "kept"}))

    made = store.update(Update(member("g"), add={"it": added}))

    assert made is not None and same(made, {GROUP: {"S": "g"}, NAME: {"S": "a"}, "it": after, "other": {"S": "kept"}})


def test_an_update_of_nothing_but_the_key_creates_the_item(store: Store) -> None:
    assert store.update(Update(Key("plain", "a"))) == {"id": {"S": "a"}}
    assert read(store, Key("plain", "a")) == [{"id": {"S": "a"}}]


@pytest.mark.parametrize(
    ("served", "below", "applied"),
    [
        (None, 1, True),
        ({"N": "9"}, 10, True),
        ({"N": "10"}, 10, False),
        ({"N": "11"}, 10, False),
        ({"N": "-1"}, 0, True),
        ({"S": "1"}, 10, False),
    ],
)
def test_a_condition_holds_where_the_attribute_is_absent_or_smaller(
    served: Wire | None, below: int, applied: bool, store: Store
) -> None:
    write(store, entry("g", **({"served": served} if served else {})))
    before = read(store, member("g"))[0]

    made = store.update(Update(member("g"), put={"served": {"N": str(below)}}, below=("served", below)))

    assert (made is not None) == applied
    assert read(store, member("g")) == [made if applied else before]


def test_a_condition_holds_for_an_item_that_does_not_exist(store: Store) -> None:
    assert store.update(Update(member("g"), add={"n": {"N": "1"}}, below=("n", 1))) is not None
    assert store.update(Update(member("g"), add={"n": {"N": "1"}}, below=("n", 1))) is None


def test_a_new_item_is_made_only_where_none_is(store: Store) -> None:
    made = Update(Key("plain", "a"), put={"it": {"S": "first"}}, new=True)
    assert store.update(made) == {"id": {"S": "a"}, "it": {"S": "first"}}
    assert store.update(replace(made, put={"it": {"S": "second"}})) is None
    assert read(store, Key("plain", "a")) == [{"id": {"S": "a"}, "it": {"S": "first"}}]


@pytest.mark.parametrize(
    "update",
    [
        Update(member("g"), add={"it": {"N": "1"}}),
        Update(member("g"), add={"it": {"NS": ["1"]}}),
        Update(member("g"), add={"new": {"S": "x"}}),
        Update(member("g"), add={"it": {"SS": []}}),
        Update(member("g"), add={"it": {"SS": ["c"]}}, put={"it": {"S": "x"}}),
        Update(member("g"), put={NAME: {"S": "x"}}),
        Update(member("g"), put={"it": {"S": "x" * ITEM_LIMIT}}),
        Update(member("g"), add={"big": {"N": "1"}}),
        Update(member("", "a"), put={"it": {"S": "x"}}),
        Update(Key("indexed", "1"), put={"email": {"S": ""}}),
    ],
    ids=["number to set", "other set", "text", "empty", "twice", "key", "too long", "39 digits", "no key", "index key"],
)
def test_updates_that_are_rejected_change_nothing(update: Update, store: Store) -> None:
    write(store, entry("g", it={"SS": ["a"]}, big={"N": "1E40"}))
    before = read(store, member("g"))

    with pytest.raises(Rejected):
        store.update(update)

    assert read(store, member("g")) == before
    assert scanned(store, "indexed") == []


# Pages.


def test_a_group_is_read_in_the_order_of_its_names(store: Store) -> None:
    ordered = ["a", "a\x00", "a#", "aa", "b", "é", "ﬀ", "😀"]
    write(store, *(entry("g", name) for name in reversed(ordered)), entry("other", "c"))

    page = store.query("g", "", None, 100)

    assert (names(page.items), page.next) == (ordered, None)


def test_a_group_is_read_by_the_beginning_of_names(store: Store) -> None:
    write(store, *(entry("g", name) for name in ("m#2", "m#1", "m", "n#1", "é#1")))

    assert names(store.query("g", "m#", None, 9).items) == ["m#1", "m#2"]
    assert names(store.query("g", "m#", "m#1", 9).items) == ["m#2"]
    assert names(store.query("g", "é", None, 9).items) == ["é#1"]
    assert store.query("g", "x", None, 9) == ([], None)
    assert store.query("absent", "", None, 9) == ([], None)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_of_a_group_are_the_whole_group_once(limit: int, store: Store) -> None:
    write(store, *(entry("g", f"m{n}") for n in range(5)))
    seen: list[str] = []
    start: str | None = None
    for _ in range(7):
        page = store.query("g", "m", start, limit)
        assert len(page.items) <= limit
        assert page.next is not None or len(page.items) < limit
        seen += names(page.items)
        if (start := page.next) is None:
            break

    assert seen == [f"m{n}" for n in range(5)]


def test_a_page_starts_behind_a_name_that_is_gone(store: Store) -> None:
    write(store, *(entry("g", name) for name in "abd"))

    assert names(store.query("g", "", "c", 9).items) == ["d"]


@pytest.mark.parametrize("start", ["", "l", "n"])
def test_a_page_cannot_start_outside_of_its_prefix(start: str, store: Store) -> None:
    with pytest.raises(Rejected):
        store.query("g", "m", start, 9)


def test_a_page_ends_at_a_megabyte(store: Store) -> None:
    write(store, *(entry("g", f"{n}", v={"S": "x" * 300_000}) for n in range(5)))
    write(store, *(plain(f"{n}", v={"S": "x" * 300_000}) for n in range(5)))

    page = store.query("g", "", None, 100)

    assert (names(page.items), page.next) == (list("0123"), "3")
    assert names(store.query("g", "", "3", 100).items) == ["4"]
    assert len(store.scan("plain", (0, 1), None, 100).items) == 4
    assert len(scanned(store, "plain", 100)) == 5


def scanned(store: Store, table: str, limit: int = 7, segments: int = 1) -> list[Item]:
    seen: list[Item] = []
    for segment in range(segments):
        start: str | None = None
        while True:
            page = store.scan(table, (segment, segments), start, limit)
            assert len(page.items) <= limit
            seen += page.items
            if (start := page.next) is None:
                break
    return seen


@pytest.mark.parametrize(("limit", "segments"), [(1, 1), (7, 3), (100, 2)])
def test_segments_of_a_scan_are_the_whole_table_once(limit: int, segments: int, store: Store) -> None:
    changes = [put("pair", PK={"S": f"p{n % 9}"}, SK={"S": f"{n}:\n"}) for n in range(30)]
    changes += [put("lines", order={"S": f"p{n % 9}"}, line={"N": str(n * 5 - 40)}) for n in range(30)]
    write(store, *changes)

    for table in ("pair", "lines"):
        seen = [key_of(table, item) for item in scanned(store, table, limit, segments)]
        assert sorted(seen) == sorted(change.key for change in changes if change.key.table == table)


def test_a_scan_has_the_rows_of_a_partition_in_the_order_of_their_sort_key(store: Store) -> None:
    write(store, *(put("lines", order={"S": "o"}, line={"N": number}) for number in ("10", "9", "-1", "1E2", "0.5")))

    assert [item["line"]["N"] for item in scanned(store, "lines", 2)] == ["-1", "0.5", "9", "10", "100"]


def test_an_index_finds_by_value_on_all_pages(store: Store) -> None:
    padding = {"S": "x" * 350_000}
    write(store, *(put("indexed", id={"S": str(n)}, email={"S": "it"}, v=padding) for n in range(7)))
    write(store, put("indexed", id={"S": "other"}, email={"S": "IT"}), put("indexed", id={"S": "absent"}))
    write(
        store,
        put("indexed", id={"S": "day"}, customer={"S": "c"}, day={"N": "2"}),
        put("indexed", id={"S": "no"}, day={"N": "2"}),
    )

    assert sorted(names(store.find("indexed", "by-email", "email", {"S": "it"}), "id")) == [str(n) for n in range(7)]
    assert names(store.find("indexed", "by-day", "customer", {"S": "c"}), "id") == ["day"]
    assert store.find("indexed", "by-email", "email", {"S": "nobody"}) == []


@pytest.mark.parametrize("value", [{"N": "1"}, {"S": ""}])
def test_a_value_that_the_index_cannot_have_is_rejected(value: Wire, store: Store) -> None:
    with pytest.raises(Rejected):
        store.find("indexed", "by-email", "email", value)


def test_the_stream_of_a_table(store: Store) -> None:
    found = store.stream("plain")
    assert found is not None
    assert (found.view, bool(found.label)) == ("NEW_AND_OLD_IMAGES", True)
    assert store.stream("pair") is None


@pytest.mark.parametrize(
    "request_",
    [
        lambda store: store.get([Key("plain", "a"), Key("nowhere", "a")]),
        lambda store: store.write([plain("a"), Change(Key("nowhere", "a"), None)]),
        lambda store: store.update(Update(Key("nowhere", "a"))),
        lambda store: store.find("nowhere", "i", "a", {"S": "x"}),
        lambda store: store.scan("nowhere", (0, 1), None, 1),
        lambda store: store.stream("nowhere"),
        lambda store: store.schema("nowhere"),
    ],
)
def test_a_table_that_the_store_does_not_have_is_named(request_: Callable[[Store], object], store: Store) -> None:
    with pytest.raises(TableNotFound, match="nowhere"):
        request_(store)


# What was spent, and requests side by side.


def test_units(store: Store) -> None:
    write(store, plain("small"), plain("big", v={"S": "x" * 5_000}))
    assert store.spent().write_units == 1 + 5
    write(store, plain("big"))
    assert store.spent().write_units == 6 + 5
    store.update(Update(Key("plain", "small"), put={"v": {"S": "x" * 3_000}}))
    assert store.spent().write_units == 11 + 3
    assert store.spent().requests == 3


def test_read_units(store: Store) -> None:
    write(store, *(entry("g", f"{n}", v={"S": "x" * 3_000}) for n in range(4)), plain("big", v={"S": "x" * 9_000}))
    steps: list[tuple[Callable[[], object], float]] = [
        (lambda: store.get([Key("plain", "big"), member("g", "1")]), 3 + 1),
        (lambda: store.get([Key("plain", "big"), member("g", "1")], False), 2),
        (lambda: store.query("g", "", None, 9), 3),
        (lambda: store.scan(INDEX, (0, 1), None, 9), 1.5),
    ]
    for step, units in steps:
        before = store.spent().read_units
        step()
        assert store.spent().read_units - before == units


def test_jobs_end_before_the_first_error_is_raised(store: Store) -> None:
    def job(n: int) -> Callable[[], int]:
        def run() -> int:
            if n in (2, 5):
                raise Unavailable(f"{n}")
            write(store, plain(f"{n}"))
            return n

        return run

    with pytest.raises(Unavailable, match="2"):
        store.together([job(n) for n in range(20)])

    assert len(scanned(store, "plain")) == 18
    assert store.together([job(n) for n in (7, 6, 9)]) == [7, 6, 9]
    assert store.together([job(7)]) == [7]
    assert store.together([]) == []


def test_jobs_may_have_jobs(store: Store) -> None:
    def outer() -> list[list[Item | None]]:
        return store.together([lambda: read(store, Key("plain", "a"))] * 3)

    assert store.together([outer] * 30) == [[[None]] * 3] * 30
