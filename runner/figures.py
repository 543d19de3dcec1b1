"""Numbers, times and durations as people read them: 12,345; 2026-11-26 07:41 UTC; 3 min 20 s."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE = "%Y-%m-%d %H:%M UTC"
SECOND = "%Y-%m-%d %H:%M:%S UTC"

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def number(value: float) -> str:
    return f"{value:,.0f}"


def count(value: int, one: str, many: str = "") -> str:
    """`3 rows`; `many` is the plural where it does not end in s."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def time(told: str | float, form: str = MINUTE) -> str:
    """Of ISO 8601, or of seconds since the epoch. Text that is not a time is returned as it is."""
    found = moment(told)
    return found.strftime(form) if found else str(told)


def moment(told: str | float) -> datetime | None:
    if not isinstance(told, str):
        return datetime.fromtimestamp(told, UTC)
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def duration(seconds: float) -> str:
    """In its two largest units."""
    if not seconds:
        return "0 s"
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for size, unit in UNITS:
        amount, left = divmod(left, size)
        if amount or parts:
            parts.append((amount, unit))
    return " ".join(f"{amount} {unit}" for amount, unit in parts[:2] if amount) or "under 1 s"
