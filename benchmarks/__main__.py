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
    parser.add_argument("--rounds", type=int, default=5, help="of everything (5)")
    parser.add_argument("--large", type=int, default=300_000, help="rows that growth is measured to (300000)")
    parser.add_argument("--quick", action="store_true", help="small and once: whether it works, not how fast")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="parts of it; no page is changed then")
    return parser.parse_args(words)


def measured(endpoint: str, asked: argparse.Namespace) -> Iterator[Figure]:
    quick, rounds = asked.quick, 1 if asked.quick else asked.rounds
    parts: dict[str, Callable[[], Iterator[Figure]]] = {
        "replicate": partial(replicate.figures, endpoint, rounds, 40 if quick else 1_000),
        "backfill": partial(backfill.figures, endpoint, rounds, 50 if quick else 10_000, not quick),
        "diff": partial(diff.figures, endpoint, rounds, 50 if quick else 10_000),
        "cold": partial(cold.figures, endpoint, rounds if quick else rounds * 2),
        "growth": partial(growth.figures, 1, *((100, 200, 200) if quick else (10_000, asked.large, asked.large // 3))),
        "lag": partial(lag.figures, endpoint, min(rounds, 3), *((40, 1) if quick else (200, 20))),
    }
    for part in asked.only:
        yield from parts[part]()


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
    with emulator.running() as endpoint:
        for figure in measured(endpoint, asked):
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
