"""docs/scale.md shows its arithmetic; here it is done, with the prices of the forecast. Run as a module, it prints the tables."""

from __future__ import annotations

from pathlib import Path

from runner.forecast import DOLLARS_PER_MILLION_READS, DOLLARS_PER_MILLION_WRITES, WORKER, write_units

ROOT = Path(__file__).parents[2]

SIZES = {"10 thousand": 10**4, "10 million": 10**7, "10 billion": 10**10}
LINKS, COPIES, BYTES = 0.05, 1.3, 500
"""The share of rows that are links, new rows for each other row in the mean, and the size of a row."""

ROWS_A_SECOND = WORKER
WORKERS = 40
SECONDS_A_CALL = 0.6 * 900
EVENTS_A_CALL, EVENTS = 9, 25_000
FRESH, QUOTA = 4_000, 40_000
DOLLARS_PER_GB_SECOND, DOLLARS_PER_TRANSITION = 0.0000133334, 0.025e-3


def written(rows: int) -> int:
    """Write units."""
    links, copy = round(rows * LINKS), write_units(BYTES)
    return round(links * (2 + (1 + 5) * copy) + (rows - links) * (1 + COPIES * (1 + 2) * copy))


def price(rows: int) -> float:
    return written(rows) * DOLLARS_PER_MILLION_WRITES / 1e6


def busiest(rows: int) -> float:
    """Units that the table written most takes: the base table of measure-data. Each index has a rate of its own."""
    return rows * (1 - LINKS) * COPIES


def calls(rows: int) -> int:
    return max(1, round(rows / (ROWS_A_SECOND * SECONDS_A_CALL)))


def hours(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"


def dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"


def tables() -> str:
    lines = ["| | " + " | ".join(SIZES) + " |", "|---|---|---|---|"]
    figures = {
        "write units": lambda n: f"{written(n):,}",
        "writes": lambda n: dollars(price(n)),
        "reading the old tables once": lambda n: dollars(n * BYTES / 8_192 * DOLLARS_PER_MILLION_READS / 1e6),
        "Lambda": lambda n: dollars(n / ROWS_A_SECOND * 0.5 * DOLLARS_PER_GB_SECOND),
        "Step Functions": lambda n: dollars(calls(n) * 3 * DOLLARS_PER_TRANSITION),
        "calls of the function": lambda n: f"{calls(n):,}",
        "events of the execution": lambda n: f"{calls(n) * EVENTS_A_CALL:,}",
        "time, by one worker": lambda n: hours(n / ROWS_A_SECOND),
        f"time, by {WORKERS} workers": lambda n: hours(n / ROWS_A_SECOND / WORKERS),
        "time, by a fresh table": lambda n: hours(busiest(n) / FRESH),
        "time, by a warmed table at the quota": lambda n: hours(busiest(n) / QUOTA),
    }
    for name, figure in figures.items():
        lines.append(f"| {name} | " + " | ".join(figure(rows) for rows in SIZES.values()) + " |")
    return "\n".join(lines)


def test_the_document_says_what_the_arithmetic_says() -> None:
    assert tables() in (ROOT / "docs/scale.md").read_text(), "run `.venv/bin/python -m tests.unit.test_scale`"


def test_the_arithmetic_by_hand() -> None:
    """1,000 rows: 50 links at 2 units of the index and 6 of measure-links, 950 others at 1 and 1.3 x 3."""
    assert written(1_000) == 50 * (2 + 6) + 950 * 1 + round(950 * 1.3 * 3)
    assert price(10**6) == 3.159375


def test_one_execution_carries_as_many_rows_as_the_document_says() -> None:
    most = EVENTS // EVENTS_A_CALL * ROWS_A_SECOND * SECONDS_A_CALL

    assert f"{most / 1e6:.0f} million" in (ROOT / "docs/scale.md").read_text()


if __name__ == "__main__":
    print(tables())
