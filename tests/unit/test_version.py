"""Versions are text whose order is the order of changes."""

from __future__ import annotations

import pytest

from remodel.core.version import BACKFILL, newer, stream_version

EARLY, LATE = "2026-11-22T08:00:00.000", "2026-11-23T08:00:00.000"


def test_longer_sequence_numbers_are_later() -> None:
    """Numbers grow in length; as text 99 would be later than 100."""
    assert stream_version(EARLY, "9" * 21) < stream_version(EARLY, "1" + "0" * 21)


def test_a_stream_switched_on_again_wins_over_its_past() -> None:
    assert stream_version(EARLY, "9" * 40) < stream_version(LATE, "1" * 21)


def test_backfill_is_below_every_stream() -> None:
    assert stream_version("0001-01-01T00:00:00.000", "0") > BACKFILL


@pytest.mark.parametrize(
    ("version", "than", "expected"), [("b", "a", True), ("a", "a", False), ("a", "b", False), ("a", None, True)]
)
def test_newer(version: str, than: str | None, expected: bool) -> None:
    assert expected == newer(version, than)


@pytest.mark.parametrize(
    ("label", "number"), [("yesterday", "1"), (EARLY, ""), (EARLY, "12x"), (EARLY, "1" * 41), (EARLY, "٣")]
)
def test_what_is_no_version_is_refused(label: str, number: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        stream_version(label, number)
