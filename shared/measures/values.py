"""The kinds of values on old rows, and what makes one unreadable.

Text is kept as it stands: timestamps are checked, never converted (.NET writes seven fractional digits). Numbers are
Decimal, digit for digit. Booleans are native or, as the .NET SDK writes them by default, 0 and 1.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Strict

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_TIMESTAMP = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(T(?P<time>\d\d:\d\d(:\d\d)?)(\.(?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1)


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None


@lru_cache(maxsize=4_096)  # the links of a measure are put in order for each of its rows
def instant(text: str) -> tuple[int, str]:
    """A date or timestamp as whole seconds since 1970 UTC and nine fractional digits; without a zone it is UTC.

    Raises ValueError where it does not parse.
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError("expected a date or timestamp in ISO 8601")
    day, time, zone = found["day"], found["time"] or "00:00", found["zone"] or "Z"
    elapsed = datetime.fromisoformat(f"{day}T{time}") - _EPOCH
    return elapsed.days * 86_400 + elapsed.seconds - _offset(zone), (found["fraction"] or "").ljust(9, "0")


def _offset(zone: str) -> int:
    if zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 14 or minutes > 59:
        raise ValueError("expected an offset of at most 14 hours")
    return (hours * 3_600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def period_days(text: str) -> tuple[str | None, str]:
    """The first day (of a month only) and the last day of a period. Raises ValueError for neither date nor month."""
    if month := _MONTH.fullmatch(text):
        first = date(int(month[1]), int(month[2]), 1)
        return first.isoformat(), first.replace(day=calendar.monthrange(first.year, first.month)[1]).isoformat()
    if not _DATE.fullmatch(text):
        raise ValueError("expected a date (2025-03-31) or a month (2025-03)")
    return None, date.fromisoformat(text).isoformat()


def measure_group(measure_id: str) -> str:
    """The group of a measure. Line breaks come in pairs, so that no other kind of group is ever spelt like one."""
    return measure_id.replace("\n", "\n\n")


def _guid(text: str) -> str:
    if not is_guid(text):
        raise ValueError("expected a GUID, 8-4-4-4-12 hexadecimal digits")
    return text


def _timestamp(text: str) -> str:
    instant(text)
    return text


def _period(text: str) -> str:
    period_days(text)
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("expected text that is not blank")
    return text


def _short(text: str) -> str:
    if len(text.encode()) > 900:
        raise ValueError("expected at most 900 bytes, since the new tables have this in a key")
    return text


def _flag(value: object) -> object:
    if isinstance(value, Decimal) and value in (0, 1):
        return bool(value)
    return value


def _whole(value: Decimal) -> Decimal:
    _, digits, exponent = value.as_tuple()
    if isinstance(exponent, int) and exponent < 0 and any(digits[exponent:]):
        raise ValueError("expected a whole number")
    return value


def _within(low: int, high: int) -> AfterValidator:
    def check(value: Decimal) -> Decimal:
        if not low <= value <= high:
            raise ValueError(f"expected a number from {low} to {high}")
        return value

    return AfterValidator(check)


_SOURCES = {
    "manual": "Manual",
    "integration": "Integration",
    "automated": "Automated",
    "import": "Automated",
    "api": "Automated",
}


def _data_source(text: str) -> str:
    found = _SOURCES.get(text.lower())
    if found is None:
        raise ValueError(f"expected one of {', '.join(_SOURCES)}, in any letter case")
    return found


Text = Annotated[str, Strict()]
Guid = Annotated[str, Strict(), AfterValidator(_guid)]
KeyText = Annotated[str, Strict(), AfterValidator(_short)]
Actor = Annotated[str, Strict(), AfterValidator(_not_blank)]
Timestamp = Annotated[str, Strict(), AfterValidator(_timestamp)]
Period = Annotated[str, Strict(), AfterValidator(_period)]
DataSource = Annotated[str, Strict(), AfterValidator(_data_source)]
Number = Annotated[Decimal, Strict()]
Whole = Annotated[Decimal, Strict(), AfterValidator(_whole)]
Percent = Annotated[Decimal, Strict(), _within(0, 100)]
Share = Annotated[Decimal, Strict(), _within(0, 1)]
Confidence = Annotated[Decimal, Strict(), AfterValidator(_whole), _within(1, 5)]
Flag = Annotated[bool, Strict(), BeforeValidator(_flag)]
