"""Dates and timestamps in ISO 8601, checked, compared as instants, and kept as the text that they are.

`Timestamp` is a field type for kinds. A text is a date, or a date and a time with at most nine fractional digits and with an
offset of up to 14 hours, `Z`, or neither, which is read as UTC. Its instant lies within the years 1 to 9999 in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Strict

_TEXT = re.compile(
    r"\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.(?P<fraction>\d{1,9}))?)?(?:Z|[+-]\d\d:?[0-5]\d)?)?",
    re.ASCII,
)
_FARTHEST = timedelta(hours=14)

Instant = tuple[datetime, str]
"""The second in UTC, and nine fractional digits: all digits count."""


@lru_cache(maxsize=4_096)  # the members of a group are put in order for each of its rows
def instant(text: str) -> Instant:
    """Raises ValueError where the text is no date or timestamp."""
    found = _TEXT.fullmatch(text)
    try:
        moment = datetime.fromisoformat(text if found else "")
    except ValueError:
        raise ValueError("expected a date or timestamp in ISO 8601, found other text") from None
    if abs(moment.utcoffset() or timedelta()) > _FARTHEST:
        raise ValueError("expected an offset of at most 14 hours, found a larger one")
    try:
        second = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(microsecond=0).astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a timestamp within the years 1 to 9999 in UTC, found one outside") from None
    return second, ((found and found["fraction"]) or "").ljust(9, "0")


def _checked(text: str) -> str:
    instant(text)
    return text


Timestamp = Annotated[str, Strict(), AfterValidator(_checked)]
