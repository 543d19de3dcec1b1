"""The limits of DynamoDB, which the store in memory has as well: what is refused, what is taken, what is cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from remodel.errors import Rejected
from remodel.items import ITEM_LIMIT, Item, Wire, size
from remodel.keys import Key
from remodel.store import Change, Store, Update
from tests.contract.test_store import member, plain, put, read, scanned, write


@pytest.mark.parametrize(
    "request_",
    [
        lambda store: store.write([plain(str(n)) for n in range(26)]),
        lambda store: store.write([]),
        lambda store: store.write([plain("a"), plain("a", v={"S": "1"})]),
        lambda store: store.write([plain("a"), Change(Key("plain", "a"), None)]),
        lambda store: store.get([Key("plain", str(n)) for n in range(101)]),
        lambda store: store.get([Key("plain", str(n)) for n in range(51)] + [member("g", str(n)) for n in range(51)]),
        lambda store: store.get([]),
        lambda store: store.get([Key("plain", "a"), Key("plain", "a")]),
        lambda store: store.query("g", "", None, 0),
        lambda store: store.scan("plain", (0, 1), None, 0),
        lambda store: store.scan("plain", (2, 2), None, 1),
    ],
    ids=[
        "26 writes",
        "no write",
        "twice",
        "put and delete",
        "101 reads",
        "over two tables",
        "no read",
        "read twice",
        "limit",
        "scan",
        "segment",
    ],
)
def test_requests_beyond_the_limits_are_rejected(store: Store, request_: Callable[[Store], object]) -> None:
    with pytest.raises(Rejected):
        request_(store)
    assert scanned(store, "plain") == []


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        (put("pair", PK={"S": "é" * 1024}, SK={"S": "é" * 512}), True),
        (put("pair", PK={"S": "é" * 1024 + "x"}, SK={"S": "x"}), False),
        (put("pair", PK={"S": "x"}, SK={"S": "é" * 512 + "x"}), False),
        (put("pair", PK={"S": "x"}, SK={"S": ""}), False),
        (put("pair", PK={"S": ""}, SK={"S": "x"}), False),
        (put("plain", id={"S": ""}), False),
        (put("binary_pair", b={"B": b"x" * 2048}, r={"B": b"x" * 1024}), True),
        (put("binary_pair", b={"B": b"x" * 2049}, r={"B": b"x"}), False),
        (put("binary_pair", b={"B": b"x"}, r={"B": b"x" * 1025}), False),
        (put("binary", b={"B": b""}), False),
    ],
    ids=range(10),
)
def test_the_limits_of_keys(change: Change, taken: bool, store: Store) -> None:
    for request in (
        lambda: store.get([change.key]),
        lambda: store.write([change]),
        lambda: store.write([Change(change.key, None)]),
        lambda: store.update(Update(change.key, put={"v": {"S": "1"}})),
    ):
        if taken:
            request()
        else:
            with pytest.raises(Rejected):
                request()


def test_a_key_of_another_type_is_rejected(store: Store) -> None:
    for change in (Change(Key("plain", "1"), {"id": {"N": "1"}}), Change(Key("plain", "1"), {"other": {"S": "1"}})):
        with pytest.raises(Rejected):
            store.write([change])


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ({}, True),
        ({"email": {"S": "x"}, "customer": {"S": "c"}, "day": {"N": "1"}}, True),
        ({"customer": {"S": "c"}}, True),
        ({"email": {"N": "1"}}, False),
        ({"email": {"NULL": True}}, False),
        ({"email": {"S": ""}}, False),
        ({"email": {"SS": ["a"]}}, False),
        ({"day": {"S": "1"}}, False),
        ({"email": {"S": "é" * 1024}}, True),
        ({"email": {"S": "é" * 1024 + "x"}}, False),
        ({"email": {"S": "x"}, "label": {"S": "é" * 512}}, True),
        ({"email": {"S": "x"}, "label": {"S": "é" * 512 + "x"}}, False),
    ],
    ids=range(12),
)
def test_index_keys(values: dict[str, Any], taken: bool, store: Store) -> None:
    changes = [plain("first"), put("indexed", id={"S": "1"}, **values)]
    if taken:
        write(store, *changes)
    else:
        with pytest.raises(Rejected):
            store.write(changes)
        assert read(store, Key("plain", "first")) == [None]


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ({"SS": []}, False),
        ({"SS": ["a", "a"]}, False),
        ({"NS": ["1", "1.0"]}, False),
        ({"SS": [""]}, True),
        ({"NULL": False}, False),
        ({"N": "1E126"}, False),
        ({"N": "1" * 39}, False),
        ({"N": "NaN"}, False),
        ({"N": " 1"}, False),
        ({"S": "\ud800"}, False),
        ({"M": {"a": {"N": "x"}}}, False),
        ({"S": "x", "N": "1"}, False),
    ],
    ids=range(12),
)
def test_values(value: Wire, taken: bool, store: Store) -> None:
    if taken:
        write(store, plain("a", v=value))
    else:
        with pytest.raises(Rejected):
            store.write([plain("a", v=value)])


@pytest.mark.parametrize(("levels", "taken"), [(31, True), (32, False)])
@pytest.mark.parametrize("kind", ["L", "M"])
def test_nesting(levels: int, taken: bool, kind: str, store: Store) -> None:
    value: Wire = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]} if kind == "L" else {"M": {"m": value}}
    if taken:
        write(store, plain("a", v=value))
    else:
        with pytest.raises(Rejected):
            store.write([plain("a", v=value)])


def padded(**values: Wire) -> Item:
    item = {"id": {"S": "a"}, **values, "v": {"S": ""}}
    item["v"] = {"S": "x" * (ITEM_LIMIT - size(item))}
    return item


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"ü": {"S": "ü" * 100}},
        {"b": {"B": b"x" * 1000}, "bs": {"BS": [bytes([n]) for n in range(250)]}},
        {f"n{n}": {"N": str(10**37 - n)} for n in range(100)},
        {f"n{n}": {"N": f"-0.00{n}1"} for n in range(100)},
        {"ns": {"NS": [str(n * 7 - 500) for n in range(500)]}},
        {"ss": {"SS": [str(n) for n in range(500)]}},
        {"l": {"L": [{"L": []}] * 500}},
        {"l": {"L": [{"NULL": True}, {"BOOL": False}] * 500}},
        {"m": {"M": {f"k{n}": {"M": {"a": {"N": str(n)}}} for n in range(500)}}},
    ],
    ids=["text", "unicode", "binary", "digits", "fractions", "numbers", "texts", "lists", "constants", "maps"],
)
def test_a_row_that_size_admits_is_taken(values: dict[str, Any], store: Store) -> None:
    item = padded(**values)
    assert size(item) == ITEM_LIMIT

    write(store, Change(Key("plain", "a"), item))


def test_a_row_of_more_is_rejected(store: Store) -> None:
    item = padded()
    item["v"] = {"S": item["v"]["S"] + "x"}

    with pytest.raises(Rejected):
        store.write([plain("b"), Change(Key("plain", "a"), item)])
    assert read(store, Key("plain", "b")) == [None]


@pytest.mark.parametrize("text", ["x", "ü", '"'])
def test_25_rows_of_400_kb_are_one_request(text: str, store: Store) -> None:
    """Escaped to ASCII, the second would have 30 MB."""
    length = 250_000 if text == '"' else 390_000 // len(text.encode())
    write(store, *(plain(str(n), v={"S": text * length}) for n in range(25)))


def test_a_request_of_more_than_16_mb_is_rejected(store: Store) -> None:
    with pytest.raises(Rejected):
        store.write([plain(str(n), v={"S": "\x01" * 400_000}) for n in range(25)])


def test_an_answer_of_more_than_16_mb_is_cut(store: Store) -> None:
    changes = [plain(f"{n:02}", v={"S": "x" * 399_000}) for n in range(60)]
    write(store, *changes)

    found, left = store.get([change.key for change in changes])

    assert {change.key for change in changes} == {*found, *left}
    assert (len(found), len(left)) == (42, 18)
