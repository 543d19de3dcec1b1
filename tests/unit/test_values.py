"""Values of old rows: instants, periods, booleans, numbers, texts; what is accepted, and what becomes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from measures.values import (
    Carried,
    Confidence,
    DataSource,
    Flag,
    Guid,
    KeyText,
    Named,
    Share,
    Whole,
    has_value,
    is_blank,
    is_guid,
    is_never_set,
    period_days,
)
from remodel.items import Item
from remodel.timestamps import instant


def test_instants_are_compared_across_offsets_and_to_the_last_digit() -> None:
    ascending = [
        "0001-01-01",
        "2025-01-09T23:59:59.999999999Z",
        "2025-01-10",
        "2025-01-10T00:00:00.0000001",
        "2025-01-10T00:00:00.0000002Z",
        "2025-01-10T00:00:00.00000021",
        "2025-01-09T23:30:00-01:00",
        "2025-01-10T14:30:01+14:00",
        "9999-12-31T23:59:59.9999999Z",
    ]

    assert sorted(ascending[::2] + ascending[1::2], key=instant) == ascending


def test_one_instant_has_many_spellings() -> None:
    spellings = ["2025-01-10T00:00:00Z", "2025-01-10", "2025-01-10T00:00", "2025-01-09T22:00:00.000-0200"]

    assert len({instant(each) for each in spellings}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-30",
        "2025-1-1",
        "20250101",
        "2025-01-01 10:00",
        "2025-01-01T25:00:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T24:00:00",
        "2016-12-31T23:59:60Z",
        "2025-01-01T10:60",
        "2025-01-01T10:00:00.Z",
        "2025-01-01T10:00.5Z",
        "2025-01-01T10:00:00.1234567890Z",
        "2025-01-01T10:00:00z",
        "2025-01-01T",
        "2025-01-01Z",
        "now",
        "",
        " 2025-01-01",
        "2025-01-01T10:00:00+99:00",
        "2025-01-01T10:00:00+14:01",
        "2025-01-01T10:00:00-14:30",
        "2025-01-01T10:00:00+02:60",
        "0000-01-01",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59.9999999-00:01",
        "٢٠٢٥-01-01",
        "2025-01-01T10:00:00Z\n",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected .*, found"):
        instant(text)


def test_never_set_is_one_moment_in_few_spellings() -> None:
    assert all(
        is_never_set(text) for text in ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000000Z")
    )
    assert not any(is_never_set(text) for text in ("0001-01-01T00:00:00.0000001", "0001-01-01T00:00:01", "0001-01-02"))


@pytest.mark.parametrize(
    ("period", "days"),
    [
        ("2025-03", ("2025-03-01", "2025-03-31")),
        ("2024-02", ("2024-02-01", "2024-02-29")),
        ("1900-02", ("1900-02-01", "1900-02-28")),
        ("2025-03-15", (None, "2025-03-15")),
        ("2025-03-31T00:00:00.000Z", (None, "2025-03-31")),
        ("2025-03-31T00:00:00", (None, "2025-03-31")),
    ],
)
def test_periods(period: str, days: tuple[str | None, str]) -> None:
    assert period_days(period) == days


@pytest.mark.parametrize(
    "period",
    [
        *("2025", "2025-13", "2025-00", "0000-01", "2025-03-32", "2025-Q1", "2025-W12", "", " ", "2025-3", "٢٠٢٥-03"),
        *("2025-03-15T00:00:01Z", "2025-03-15T24:00:00Z", "2025-03-15T00:00:00.001Z", "2025-03-15T00:00:00+02:00"),
    ],
)
def test_what_is_no_period(period: str) -> None:
    with pytest.raises(ValueError, match="expected a date"):
        period_days(period)


def test_guids_are_of_one_form_in_any_letter_case() -> None:
    assert is_guid("A0C7A1DE-0b54-4f5e-8a39-1d6d2c7b0001")
    assert not is_guid("{a0c7a1de-0b54-4f5e-8a39-1d6d2c7b0001}")
    assert not is_guid("a0c7a1de0b544f5e8a391d6d2c7b0001")
    assert not is_guid("a0c7a1de-0b54-4f5e-8a39-1d6d2c7b0001\n")


@pytest.mark.parametrize(
    ("type_", "value", "becomes"),
    [
        (Flag, True, True),
        (Flag, Decimal("1.0"), True),
        (Flag, Decimal(0), False),
        (Flag, "TRUE", True),
        (Flag, "False", False),
        (Carried, "text", "text"),
        (Carried, Decimal("2.50"), Decimal("2.50")),
        (Whole, Decimal("5.0"), Decimal("5.0")),
        (Whole, Decimal("9" * 38), Decimal("9" * 38)),
        (Confidence, Decimal(5), Decimal(5)),
        (Share, Decimal(1), Decimal(1)),
        (DataSource, "AUTOMATED", "Automated"),
        (DataSource, "api", "Automated"),
        (DataSource, "Import", "Automated"),
        (DataSource, "integration", "Integration"),
        (KeyText, "é" * 450, "é" * 450),
        (KeyText, " ", " "),
    ],
)
def test_what_is_accepted(type_: Any, value: Any, becomes: Any) -> None:
    found = TypeAdapter(type_).validate_python(value)

    assert (found, str(found)) == (becomes, str(becomes))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (Flag, "yes"),
        (Flag, " true"),
        (Flag, Decimal(2)),
        (Flag, Decimal("0.5")),
        (Flag, []),
        (Carried, True),
        (Carried, []),
        (Carried, {"a"}),
        (Whole, Decimal("0.5")),
        (Whole, Decimal("1E-130")),
        (Whole, "5"),
        (Confidence, Decimal(0)),
        (Confidence, Decimal(6)),
        (Confidence, Decimal("4.5")),
        (Share, Decimal("1.01")),
        (Share, Decimal("-0.1")),
        (DataSource, "manual "),
        (DataSource, " "),
        (DataSource, Decimal(1)),
        (KeyText, "é" * 451),
        (KeyText, Decimal(1)),
        (Named, "\t\u00a0\n"),
        (Guid, "x"),
    ],
)
def test_what_is_refused(type_: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(type_).validate_python(value)


@pytest.mark.parametrize(
    ("value", "has", "blank"),
    [
        (None, False, True),
        ({"NULL": True}, False, True),
        ({"S": ""}, False, True),
        ({"S": " "}, True, True),
        ({"S": "x"}, True, False),
        ({"N": "0"}, True, False),
        ({"BOOL": False}, True, False),
        ({"L": []}, True, False),
    ],
)
def test_no_value_is_absent_null_or_empty(value: Any, has: bool, blank: bool) -> None:
    item: Item = {} if value is None else {"a": value}

    assert (has_value(item, "a"), is_blank(item, "a")) == (has, blank)
