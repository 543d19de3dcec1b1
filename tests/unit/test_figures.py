"""Numbers, times and durations for people."""

from __future__ import annotations

import pytest

from runner.figures import SECOND, count, duration, number, time


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (0.2, "under 1 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3_600, "1 h"),
        (3_659, "1 h"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d"),
        (7 * 86_400 + 59, "7 d"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize("moment", ["2026-11-26T08:41:07.250+01:00", "2026-11-26T07:41:07Z", 1_795_678_867])
def test_a_time_is_utc(moment: str | float) -> None:
    assert time(moment) == "2026-11-26 07:41 UTC"
    assert time(moment, SECOND) == "2026-11-26 07:41:07 UTC"


def test_what_is_no_time_stays_as_it_is() -> None:
    assert time("since last year") == "since last year"


def test_numbers_have_separators() -> None:
    assert (number(12_345), number(1_234_567.6)) == ("12,345", "1,234,568")
    assert (count(1, "row"), count(1_200, "row"), count(2, "batch", "batches")) == ("1 row", "1,200 rows", "2 batches")
