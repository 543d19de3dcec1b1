"""Dates, instants and periods of the measure model."""

from __future__ import annotations

import pytest

from measures.values import instant, is_guid, period_days


def test_instants_are_compared_across_offsets_and_to_the_last_digit() -> None:
    ascending = [
        "0001-01-01",
        "2025-01-10T01:00:00+02:00",
        "2025-01-10T00:00:00.0000001",
        "2025-01-10T00:00:00.0000002Z",
        "2025-01-09T23:30:00-01:00",
    ]

    assert ascending == sorted([*ascending[3:], *ascending[:3]], key=instant)


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-30",
        "2025-1-1",
        "20250101",
        "2025-01-01 10:00",
        "2025-01-01T25:00:00Z",
        "2025-01-01T10:00:00.Z",
        "now",
        "2025-01-01T10:00:00+99:00",
        "٢٠٢٥-01-01",
        "2025-01-01T10:00:00Z\n",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError):
        instant(text)


@pytest.mark.parametrize(
    ("period", "days"),
    [
        ("2025-03", ("2025-03-01", "2025-03-31")),
        ("2024-02", ("2024-02-01", "2024-02-29")),
        ("2025-03-15", (None, "2025-03-15")),
    ],
)
def test_periods(period: str, days: tuple[str | None, str]) -> None:
    assert days == period_days(period)


@pytest.mark.parametrize("period", ["2025", "2025-13", "2025-00", "2025-03-32", "2025-03-15T00:00:00Z", "2025-Q1", ""])
def test_what_is_no_period(period: str) -> None:
    with pytest.raises(ValueError):
        period_days(period)


def test_guids_are_of_one_form() -> None:
    assert is_guid("A0C7A1DE-0b54-4f5e-8a39-1d6d2c7b0001")
    assert not is_guid("{a0c7a1de-0b54-4f5e-8a39-1d6d2c7b0001}")
    assert not is_guid("a0c7a1de0b544f5e8a391d6d2c7b0001")
