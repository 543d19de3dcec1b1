"""`make bench`: everything in one run, into results.json, the tables of the pages, and the picture."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import backfill, cold, diff, dollars, growth, lag, machine, replicate, report
from benchmarks.measure import Figure
from local_cloud import emulator

FOLDER = Path(__file__).parent
FOLDER_SO_FAR = emulator.CACHE / "bench"
PARTS = ("replicate", "cold", "diff", "backfill", "lag", "growth")


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of everything (3)")
    parser.add_argument("--large", type=int, default=300_000, help="rows that growth is measured to (300000)")
    parser.add_argument("--quick", action="store_true", help="small and once: whether it works, not how fast")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="parts of it; no page is changed then")
    return parser.parse_args(words)


def measured(asked: argparse.Namespace) -> Iterator[Figure]:
    """Part after part, each on an emulator of its own: one that holds much answers slowly, and lag would be its."""
    quick, rounds = asked.quick, 1 if asked.quick else asked.rounds
    sizes = (100, 200, 200) if quick else (10_000, asked.large, asked.large // 3)
    parts: dict[str, Callable[[str], Iterator[Figure]]] = {
        "replicate": partial(replicate.figures, rounds=rounds, size=40 if quick else 1_000),
        "backfill": partial(backfill.figures, rounds=rounds, size=50 if quick else 10_000, with_rivals=not quick),
        "diff": partial(diff.figures, rounds=rounds, size=50 if quick else 10_000),
        "cold": partial(cold.figures, rounds=rounds if quick else rounds * 2),
        "growth": lambda _endpoint: growth.figures(1, *sizes),
        "lag": partial(lag.figures, rounds=min(rounds, 3), rate=40 if quick else 200, seconds=1 if quick else 20),
    }
    for part in asked.only:
        with emulator.running() as endpoint:
            yield from parts[part](endpoint)


def main(words: list[str]) -> int:
    asked = arguments(words)
    os.environ.update(emulator.credentials())
    results: dict[str, Any] = {
        "command": " ".join(["make bench", *([f"ARGS='{' '.join(words)}'"] if words else [])]),
        **machine.described(),
        "rounds": asked.rounds,
        "load": [machine.load()],
        "figures": [],
    }
    FOLDER_SO_FAR.mkdir(parents=True, exist_ok=True)
    for figure in measured(asked):
        print(_told(figure), flush=True)
        results["figures"].append(figure.as_json())
        results["load"].append(machine.load())
        _save(FOLDER_SO_FAR, results)
    if not asked.quick and set(asked.only) == set(PARTS):
        _save(FOLDER, results)
        write_pages(results)
    return 0


def _save(folder: Path, results: dict[str, Any]) -> None:
    (folder / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def write_pages(results: dict[str, Any]) -> None:
    (FOLDER / "results.svg").write_text(report.picture(results))
    report.replaced(FOLDER / "README.md", f"{report.heading(results)}\n\n{report.table(results)}\n\n![](results.svg)")
    report.replaced(FOLDER.parent / "docs/cost.md", dollars.section(results))


def _told(figure: Figure) -> str:
    bounds = [
        f"{each.found:.3g} {each.text} (≤ {each.limit:.3g}){'' if each.is_reached else ' NOT REACHED'}"
        for each in figure.bounds
    ]
    series = [f"{name} {figure.median(name):.4g}" for name in figure.series]
    return f"{figure.name} [{figure.unit}]: {', '.join(series)}{'; ' if bounds else ''}{', '.join(bounds)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
