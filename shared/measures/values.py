"""The values of old rows: what is accepted, and what becomes of it.

Text is kept as it stands, and numbers are Decimal, digit for digit. An attribute that is absent, NULL or the empty text has no
value; a message never repeats a row's content.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict

from remodel.items import Item
from remodel.timestamps import Timestamp, instant

__all__ = ["Timestamp", "instant"]

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Guid.Empty, which .NET writes for a reference to no one."""

LONGEST_KEY = 900
"""Bytes of a text that becomes a key, or one of two in a key: a key holds 2,048."""

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:T00:00(?::00(?:\.0{1,9})?)?(?:Z|[+-]00:?00)?)?", re.ASCII)
_NEVER_SET = re.compile(r"0001-01-01T00:00:00(\.0{1,9})?Z?", re.ASCII)
_SOURCES = {
    "manual": "Manual",
    "integration": "Integration",
    "automated": "Automated",
    "import": "Automated",
    "api": "Automated",
}


def has_value(item: Item, name: str) -> bool:
    """Whether the row has a value of any type under this name."""
    value = item.get(name)
    return value is not None and "NULL" not in value and value != {"S": ""}


def is_blank(item: Item, name: str) -> bool:
    """Whether the row has no value under this name, or text that is only white space."""
    text = item[name].get("S") if has_value(item, name) else ""
    return isinstance(text, str) and not text.strip()


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None


def is_short(text: str) -> bool:
    """Whether the text may be part of a key."""
    return len(text) * 4 <= LONGEST_KEY or len(text.encode(errors="replace")) <= LONGEST_KEY


def is_never_set(text: str) -> bool:
    """Whether this is .NET's DateTime that nothing was ever assigned to."""
    return _NEVER_SET.fullmatch(text) is not None


def period_days(period: str) -> tuple[str | None, str]:
    """The first day (of a month only) and the last day of a period. Raises ValueError for neither date nor month."""
    try:
        if month := _MONTH.fullmatch(period):
            first = date(int(month[1]), int(month[2]), 1)
            return first.isoformat(), first.replace(day=calendar.monthrange(first.year, first.month)[1]).isoformat()
        if day := _DAY.fullmatch(period):
            return None, date.fromisoformat(day[1]).isoformat()
    except ValueError:
        pass
    raise ValueError("expected a date (2025-03-31) or a month (2025-03), found other text")


def _period(text: str) -> str:
    period_days(text)
    return text


def _data_source(text: str) -> str:
    if (found := _SOURCES.get(text.lower())) is None:
        raise ValueError(f"expected one of {', '.join(_SOURCES)} in any letter case, found another")
    return found


def _flag(value: Any) -> Any:
    if isinstance(value, Decimal) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, bool):
        return value
    raise ValueError("expected true or false, 0 or 1, found another value")


def _must(holds: Callable[[Any], object], told: str) -> AfterValidator:
    def checked(value: Any) -> Any:
        if not holds(value):
            raise ValueError(told)
        return value

    return AfterValidator(checked)


def _within(low: int, high: int) -> AfterValidator:
    return _must(lambda value: low <= value <= high, f"expected a number from {low} to {high}, found one outside")


_NOT_BLANK = _must(str.strip, "expected text that is not blank, found only white space")
_SHORT = _must(is_short, f"expected at most {LONGEST_KEY} bytes in a text that becomes part of a key, found more")
_WHOLE = _must(lambda value: value == value.to_integral_value(), "expected a whole number, found one with a fraction")

Guid = Annotated[str, Strict(), _must(is_guid, "expected a GUID (8-4-4-4-12 hexadecimal digits), found other text")]
Text = Annotated[str, Strict()]
Named = Annotated[str, Strict(), _NOT_BLANK]
"""Text that is required: blank text is missing."""
KeyText = Annotated[str, Strict(), _SHORT]
NamedKey = Annotated[str, Strict(), _NOT_BLANK, _SHORT]
Carried = Annotated[
    Any, _must(lambda value: isinstance(value, str | Decimal), "expected text or a number, found another type")
]
"""What is only carried over: text or a number (.NET writes enums as numbers), as it is."""
Number = Annotated[Decimal, Strict()]
Whole = Annotated[Decimal, Strict(), _WHOLE]
Percent = Annotated[Decimal, Strict(), _within(0, 100)]
Share = Annotated[Decimal, Strict(), _within(0, 1)]
Confidence = Annotated[Decimal, Strict(), _WHOLE, _within(1, 5)]
Flag = Annotated[bool, BeforeValidator(_flag)]
DataSource = Annotated[str, Strict(), AfterValidator(_data_source)]
Period = Annotated[str, Strict(), AfterValidator(_period)]
