"""DynamoDB's typed JSON, read with suspicion."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remodel.core import wire
from remodel.core.compare import differing, digest

DIGITS = st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**27), max_value=10**27)


@given(st.dictionaries(st.text(min_size=1), st.one_of(st.text(min_size=1), DIGITS, st.booleans())))
def test_a_row_survives_the_wire(values: dict[str, wire.Scalar]) -> None:
    """What is written is what is read, digit for digit."""
    assert values == {name: wire.scalar(value) for name, value in wire.item(values).items()}


@pytest.mark.parametrize("text", ["1" * 38, "0." + "1" * 38, "-9.99E+125", "1E-130", "0", "-0", "1" + "0" * 60])
def test_numbers_that_dynamodb_stores(text: str) -> None:
    assert Decimal(text) == wire.number(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "", "1" * 39, "1E+126", "1E-131", "0x1", "1_000", "١", "1e99999"])
def test_numbers_that_it_does_not(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        wire.number(text)


@pytest.mark.parametrize("value", [{"S": ""}, {"NULL": True}])
def test_null_and_empty_are_no_value(value: wire.Value) -> None:
    assert wire.scalar(value) is None


@pytest.mark.parametrize(
    "value", [{"S": 1}, {"N": 1}, {"BOOL": "true"}, {"M": {}}, {"S": "a", "N": "1"}, {}, None, "a", {"S": "\ud800"}]
)
def test_what_is_no_scalar(value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        wire.scalar(value)


def test_binary_of_an_event_is_decoded() -> None:
    """At any depth: stream events are JSON, so binary arrives as base64 text."""
    arrived = {"L": [{"B": "AAEC"}, {"M": {"a": {"BS": ["/w=="]}}}, {"S": "AAEC"}]}

    assert wire.decoded(arrived) == {"L": [{"B": b"\x00\x01\x02"}, {"M": {"a": {"BS": [b"\xff"]}}}, {"S": "AAEC"}]}


@pytest.mark.parametrize("value", [{"B": "no base64!"}, {"L": 1}, {"M": ["a"]}, {"BS": 3}, [], {"B": None}])
def test_what_is_no_typed_value(value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        wire.decoded(value)


def test_size_is_of_the_order_that_dynamodb_counts() -> None:
    assert 1_000 <= wire.size({"a": {"S": "x" * 1_000}}) <= 1_010


def test_numbers_are_compared_by_value() -> None:
    """DynamoDB normalises how a number is written."""
    assert differing({"n": {"N": "1.50"}}, {"n": {"N": "1.5"}}) == {}
    assert digest({"n": {"N": "100"}}) == digest({"n": {"N": "1E+2"}})


def test_a_difference_in_the_38th_digit_is_one() -> None:
    one, other = {"n": {"N": "1" * 37 + "1"}}, {"n": {"N": "1" * 37 + "2"}}

    assert {"n": (one["n"], other["n"])} == differing(one, other)
    assert digest(one) != digest(other)
