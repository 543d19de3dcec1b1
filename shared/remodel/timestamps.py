"""Dates and timestamps in ISO 8601, checked, compared as instants, and kept as the text that they are.

`Timestamp` is a field type for kinds. A text is a date, or a date and a time with at most nine fractional digits and with an
offset of up to 14 hours, `Z`, or neither, which is read as UTC. Its instant lies within the years 1 to 9999 in UTC.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Strict

_TEXT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:T(?P<hours>[01]\d|2[0-3]):(?P<minutes>[0-5]\d)"
    r"(?::(?P<seconds>[0-5]\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:?[0-5]\d)?)?",
    re.ASCII,
)
_DAY = 86_400
_FIRST, _END = date.min.toordinal() * _DAY, (date.max.toordinal() + 1) * _DAY

Instant = tuple[int, str]
"""Whole seconds in UTC, and nine fractional digits: all digits count, so this is no float and no datetime."""


@lru_cache(maxsize=4_096)  # the members of a group are put in order for each of its rows
def instant(text: str) -> Instant:
    """Raises ValueError where the text is no date or timestamp."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError("expected a date or timestamp in ISO 8601, found other text")
    try:
        day = date.fromisoformat(found["day"]).toordinal()
    except ValueError:
        raise ValueError("expected a date or timestamp in ISO 8601, found a day that is in no calendar") from None
    time = int(found["hours"] or 0) * 3_600 + int(found["minutes"] or 0) * 60 + int(found["seconds"] or 0)
    seconds = day * _DAY + time - _offset(found["zone"])
    if not _FIRST <= seconds < _END:
        raise ValueError("expected a timestamp within the years 1 to 9999 in UTC, found one outside")
    return seconds, (found["fraction"] or "").ljust(9, "0")


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3_600 + int(zone[-2:]) * 60
    if seconds > 14 * 3_600:
        raise ValueError("expected an offset of at most 14 hours, found a larger one")
    return -seconds if zone[0] == "-" else seconds


def _checked(text: str) -> str:
    instant(text)
    return text


Timestamp = Annotated[str, Strict(), AfterValidator(_checked)]
