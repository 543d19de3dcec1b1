"""Typed values: what is read is written back, numbers digit for digit, and nothing else is accepted."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remodel.items import (
    canonical_number,
    differences,
    from_event,
    number,
    same,
    size,
    to_event,
    to_item,
    to_python,
    to_wire,
)
from tests.unit.test_keys import numbers

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
DECIMALS = numbers().map(Decimal)
SCALARS = st.one_of(
    TEXTS, DECIMALS, st.integers(-(10**38) + 1, 10**38 - 1), st.booleans(), st.none(), st.binary(max_size=4)
)
SETS = st.one_of(*(st.frozensets(each, min_size=1, max_size=3) for each in (TEXTS, DECIMALS, st.binary(max_size=4))))
VALUES = st.recursive(
    st.one_of(SCALARS, SETS),
    lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(TEXTS, each, max_size=3)),
    max_leaves=6,
)


@given(VALUES)
def test_a_value_is_written_and_read_back(value: Any) -> None:
    assert to_python(to_wire(value)) == value


@given(numbers())
def test_numbers_keep_their_digits(text: str) -> None:
    assert number(text) == Decimal(text)
    assert to_wire(number(text)) == {"N": str(Decimal(text))}


@given(numbers(), numbers())
def test_a_number_has_one_canonical_spelling(one: str, other: str) -> None:
    assert (canonical_number(one) == canonical_number(other)) == (Decimal(one) == Decimal(other))
    assert Decimal(canonical_number(one)) == Decimal(one)
    assert canonical_number(canonical_number(one)) == canonical_number(one)


@given(st.dictionaries(TEXTS.filter(bool), VALUES.filter(lambda each: each is not None), max_size=3))
def test_an_event_carries_the_same_item_as_json(values: dict[str, Any]) -> None:
    item = to_item(values)
    event = json.loads(json.dumps(item, default=lambda binary: base64.b64encode(binary).decode()))

    assert {name: from_event(value) for name, value in event.items()} == item
    assert to_event(item) == event


@given(VALUES)
def test_a_value_is_the_same_whatever_the_spelling_and_order(value: Any) -> None:
    def respelled(wire: Any) -> Any:
        ((kind, inner),) = wire.items()
        match kind:
            case "N":
                return {kind: f"{Decimal(inner):E}"}
            case "NS":
                return {kind: [f"{Decimal(each):E}" for each in reversed(inner)]}
            case "SS" | "BS":
                return {kind: list(reversed(inner))}
            case "L":
                return {kind: [respelled(each) for each in inner]}
            case "M":
                return {kind: {name: respelled(inner[name]) for name in reversed(inner)}}
        return wire

    item = {"it": to_wire(value)}

    assert same(item, {"it": respelled(item["it"])})
    assert differences(item, {"it": respelled(item["it"])}) == {}
    assert differences(item, {}) == {"it": (item["it"], None)}
    assert not same(item, {"it": {"L": [item["it"]]}})


@pytest.mark.parametrize(
    "wire",
    [
        None,
        "x",
        [],
        {},
        {"S": "x", "N": "1"},
        {"X": "x"},
        {"S": 1},
        {"S": "\ud800"},
        {"N": 1},
        {"N": 1.5},
        {"N": "NaN"},
        {"N": "-Infinity"},
        {"N": "1_0"},
        {"N": "٣"},
        {"N": "1 "},
        {"N": "1\n"},
        {"N": ""},
        {"N": "0x1"},
        {"N": "1E126"},
        {"N": "1E-131"},
        {"N": "1E99999"},
        {"N": "1" * 39},
        {"BOOL": "true"},
        {"BOOL": 1},
        {"B": "AA=="},
        {"L": "x"},
        {"L": {"a": {"S": "x"}}},
        {"L": [{"S": 1}]},
        {"L": ["x"]},
        {"M": [{"S": "x"}]},
        {"M": {"a": "x"}},
        {"M": {"\ud800": {"S": "x"}}},
        {"SS": "x"},
        {"SS": [1]},
        {"SS": ["\ud800"]},
        {"SS": [["x"]]},
        {"NS": [1]},
        {"NS": ["x"]},
        {"NS": None},
        {"BS": ["x"]},
    ],
)
def test_what_dynamodb_cannot_hold_is_a_value_error(wire: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        to_python(wire)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        object(),
        "\ud800",
        {"a": 1.5},
        {"\ud800": 1},
        [1, 1.5],
        set(),
        {1, "x"},
        {True},
        {"\ud800"},
        {None},
        10**126,
        int("1" * 39),
        Decimal("NaN"),
        Decimal("sNaN1"),
        Decimal("Infinity"),
        Decimal("1E126"),
        Decimal("1E-131"),
        {Decimal("NaN")},
        {Decimal(1), 10**126},
    ],
)
def test_what_has_no_wire_form_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        to_wire(value)
    with pytest.raises(ValueError, match="attribute: expected"):
        to_item({"attribute": value})


@pytest.mark.parametrize(
    "text", ["0", "-0", "+5", ".5", "5.", "1e+125", "9.99E125", "1E-130", "0E400", "1" * 38 + "0" * 88, "00012"]
)
def test_numbers_that_dynamodb_takes(text: str) -> None:
    assert number(text) == Decimal(text)


@pytest.mark.parametrize(
    "wire",
    [
        None,
        [],
        {},
        {"S": "x", "N": "1"},
        {"B": "x"},
        {"B": "ü"},
        {"B": 1},
        {"B": None},
        {"BS": 1},
        {"BS": "AA=="},
        {"BS": [None]},
        {"L": 1},
        {"L": [1]},
        {"M": 1},
        {"M": []},
        {"M": {"a": 1}},
    ],
)
def test_an_event_that_is_not_typed_is_a_value_error(wire: Any) -> None:
    with pytest.raises(ValueError, match=r"expected|ASCII"):
        from_event(wire)


def test_sizes() -> None:
    assert size({"name": {"S": "ü"}}) == 6
    assert size({"b": {"B": b"123"}, "t": {"BOOL": True}, "n": {"NULL": True}}) == 4 + 2 + 2
    assert size({"s": {"SS": ["a", "bc"]}}) == 4


def test_nothing_is_left_out_but_none() -> None:
    assert to_item({"a": None, "b": "", "c": False, "d": 0}) == {"b": {"S": ""}, "c": {"BOOL": False}, "d": {"N": "0"}}
