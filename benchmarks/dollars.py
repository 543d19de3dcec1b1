"""Dollars, from measured calls, units and CPU, and list prices.

A write unit and a read unit are on demand; Lambda's are for arm64 at 512 MB, billed by the wall and not by CPU. So a call
is taken to last its CPU at the share of a core that 512 MB has, or its time on the way, whichever is not overlapped: the
two are added. Streams are read by Lambda for nothing. Storage, secondary indexes and logs are left out: everybody has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.measure import OURS
from benchmarks.replicate import IDEMPOTENCY, TEXTBOOK, TRANSACTIONS
from runner.forecast import DOLLARS_PER_MILLION_READS, DOLLARS_PER_MILLION_WRITES, PRICES

DOLLARS_PER_GB_SECOND = 0.0000133334
DOLLARS_PER_MILLION_INVOCATIONS = 0.20
LAMBDA_PRICES = "Lambda arm64, us-east-1, first tier, as known in September 2026 and not looked up again"
GB = 0.5
CORES = 512 / 1_769
"""Of a core, that Lambda gives a function of 512 MB."""

ON_THE_WAY = 0.004
"""Seconds that a request to DynamoDB takes beside the CPU of who sends it: an assumption, not a measurement."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars for a million."""

    writes: float
    reads: float
    compute: float
    invocations: float

    @property
    def total(self) -> float:
        return self.writes + self.reads + self.compute + self.invocations


def cost(units: float, reads: float, calls: float, cpu: float, batch: int) -> Cost:
    """Of a million, each with so many write and read units, SDK calls and CPU seconds, `batch` of them to an invocation."""
    seconds = cpu / CORES + calls * ON_THE_WAY
    return Cost(
        units * DOLLARS_PER_MILLION_WRITES,
        reads * DOLLARS_PER_MILLION_READS,
        seconds * GB * DOLLARS_PER_GB_SECOND * 1e6,
        DOLLARS_PER_MILLION_INVOCATIONS / batch,
    )


def section(results: dict[str, Any]) -> str:
    found = {figure["name"]: figure["series"] for figure in results["figures"]}
    lines = [
        f"Prices: {PRICES} (${DOLLARS_PER_MILLION_WRITES} a million write units, ${DOLLARS_PER_MILLION_READS} a million read "
        f"units); {LAMBDA_PRICES} "
        f"(${DOLLARS_PER_GB_SECOND} a GB-second, ${DOLLARS_PER_MILLION_INVOCATIONS:.2f} a million requests), {GB} GB. A "
        f"request is taken to be {ON_THE_WAY * 1e3:.0f} ms on the way, which is assumed; the rest is measured "
        f"({results['date']}, `{results['command']}`).",
        "",
        "| a million | write units each | read units each | SDK calls each | CPU each "
        "| writes | reads | compute | requests | together |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    cases = [("changes, 1 link", "replicate, 1 link", name) for name in (OURS, TRANSACTIONS, TEXTBOOK, IDEMPOTENCY)]
    cases += [("changes, 4 links", "replicate, 4 links", name) for name in (OURS, TEXTBOOK)]
    for what, figure, name in cases:
        measured = [found[f"{figure}: {each}"][name]["median"] for each in _PER_CHANGE]
        lines.append(_line(f"{what}: {name}", *measured))
    backfill = next(name for name in found if name.startswith("backfill, ") and name.endswith("work alone"))
    per_row = [
        found[name][OURS]["median"]
        for name in (
            "backfill: write units per row",
            "backfill: read units per row",
            "backfill: SDK calls per row",
            backfill,
        )
    ]
    lines.append(_line(f"rows backfilled, 1 link: {OURS}", *per_row))
    return "\n".join(lines)


_PER_CHANGE = ("write units per change", "read units per change", "SDK calls per change", "CPU per change")


def _line(what: str, units: float, reads: float, calls: float, microseconds: float) -> str:
    it = cost(units, reads, calls, microseconds / 1e6, 1_000)
    dollars = " | ".join(f"${each:,.2f}" for each in (it.writes, it.reads, it.compute, it.invocations, it.total))
    return f"| {what} | {units:.3g} | {reads:.3g} | {calls:.3g} | {microseconds:,.0f} µs | {dollars} |"
