"""The values of old rows, for the oracle: each function answers a typed value or text, or refuses the row."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

Item = dict[str, Any]
LONGEST_KEY = 900
NOBODY = "00000000-0000-0000-0000-000000000000"
SOURCES = {
    "manual": "Manual",
    "integration": "Integration",
    "automated": "Automated",
    "import": "Automated",
    "api": "Automated",
}


class Refused(Exception):
    """The new model does not take this row."""


def S(found: str | None) -> Any:  # noqa: N802 (as DynamoDB has it)
    return None if found is None else {"S": found}


def value(item: Item, name: str) -> Any:
    """The typed value; None where there is none: absent, NULL or empty text."""
    found = item.get(name)
    return None if found is None or "NULL" in found or found == {"S": ""} else found


def required(found: Any) -> Any:
    if found is None:
        raise Refused
    return found


def text(item: Item, name: str) -> str | None:
    found = value(item, name)
    if found is not None and "S" not in found:
        raise Refused
    return found["S"] if found else None


def named(item: Item, name: str) -> str:
    """Required text: blank is missing."""
    found: str = required(text(item, name))
    if not found.strip():
        raise Refused
    return found


def short(found: str | None) -> str | None:
    if found is not None and len(found.encode()) > LONGEST_KEY:
        raise Refused
    return found


def key_text(item: Item, name: str) -> str:
    found: str = required(short(named(item, name)))
    return found


def guid(item: Item) -> str:
    id: str = item["id"]["S"]
    if not re.fullmatch(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", id):
        raise Refused
    return id


def measure_of(item: Item) -> str:
    found = value(item, "measure_id")
    is_missing = found is None or ("S" in found and not found["S"].strip())
    return key_text(item, "kpi_id" if is_missing else "measure_id")


def carried(item: Item, name: str) -> Any:
    """What is only carried over: text or a number, as it is."""
    found = value(item, name)
    if found is not None and "S" not in found and "N" not in found:
        raise Refused
    return found


def number(item: Item, name: str, low: int | None = None, high: int | None = None, whole: bool = False) -> Any:
    found = value(item, name)
    if found is None:
        return None
    if "N" not in found:
        raise Refused
    amount = Decimal(found["N"])
    if (
        (low is not None and amount < low)
        or (high is not None and amount > high)
        or (whole and amount != amount.to_integral_value())
    ):
        raise Refused
    return found


def required_number(item: Item, name: str) -> Any:
    return required(number(item, name))


def flag(item: Item, name: str, absent: bool | None) -> Any:
    found = value(item, name)
    if found is None:
        return None if absent is None else {"BOOL": absent}
    if "BOOL" in found:
        return {"BOOL": found["BOOL"]}
    if "N" in found and Decimal(found["N"]) in (0, 1):
        return {"BOOL": Decimal(found["N"]) == 1}
    if "S" in found and found["S"].lower() in ("true", "false"):
        return {"BOOL": found["S"].lower() == "true"}
    raise Refused


def data_source(item: Item) -> Any:
    found = text(item, "data_source")
    if found is not None and found.lower() not in SOURCES:
        raise Refused
    return S("Manual" if found is None else SOURCES[found.lower()])


def optional_date(item: Item, name: str) -> str | None:
    found = text(item, name)
    if found is not None:
        instant(found)
    return found


def required_date(item: Item, name: str) -> str:
    found: str = required(optional_date(item, name))
    return found


def instant(found: str) -> tuple[datetime, str]:
    """In UTC to the second, and the fraction; refused where it does not parse or lies outside of the years 1 to 9999."""
    parts = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d))?)?", found, re.ASCII
    )
    if parts is None:
        raise Refused
    day, time, seconds, fraction, sign, hours, minutes = parts.groups()
    try:
        local = datetime.strptime(f"{day} {time or '00:00'}:{seconds or '00'}", "%Y-%m-%d %H:%M:%S")
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        utc = local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError):
        raise Refused from None
    if seconds in ("60", "61") or int(minutes or 0) > 59 or offset > timedelta(hours=14):
        raise Refused
    return utc, (fraction or "").ljust(9, "0")


def days(period: str) -> tuple[str | None, str]:
    """First day (of a month only) and last day."""
    try:
        if re.fullmatch(r"\d{4}-\d\d", period, re.ASCII):
            first = date.fromisoformat(f"{period}-01")
            return first.isoformat(), first.replace(day=calendar.monthrange(first.year, first.month)[1]).isoformat()
        if re.fullmatch(r"\d{4}-\d\d-\d\d(T00:00(:00(\.0+)?)?(Z|[+-]00:?00)?)?", period, re.ASCII):
            return None, date.fromisoformat(period[:10]).isoformat()
    except ValueError:
        pass
    raise Refused
