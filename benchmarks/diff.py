"""The full comparison of ten thousand rows that agree, beside the bare scans of the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.backfill import filled, seeded
from benchmarks.measure import FLOOR, OURS, Figure, in_turns
from benchmarks.process import Told, job, started, told
from benchmarks.stage import environment
from local_cloud.cloud import Cloud
from measures.model import MODEL


def figures(endpoint: str, rounds: int, size: int) -> Iterator[Figure]:
    old = seeded(endpoint, size)
    cloud = filled(old, f"diff{size}-")
    event = '{"table": "actuals", "segment": 0, "total_segments": 1, "cursor": null}'
    _run(cloud, "Backfill", job("call", str(cloud.functions["Backfill"].function.code), event))
    cpu = Figure(f"full diff, {size:,} rows: CPU per row", "µs", note="nothing differs; the floor scans both sides")
    runs = {OURS: partial(_ours, cloud, size), FLOOR: partial(_floor, cloud)}
    for number in range(rounds):
        for name, it in in_turns(number, runs).items():
            cpu.add(name, it.cpu / size * 1e6)
    cpu.at_most(2.5, of=FLOOR)
    yield cpu


def _ours(cloud: Cloud, size: int) -> Told:
    code = str(cloud.functions["Reconcile"].function.code)
    done = _run(cloud, "Reconcile", job("call", code, '{"mode": "full", "repair": false}'))
    assert (done.answer["rows"]["measure_data"], done.answer["drift"]) == (size, 0), done.answer
    return done


def _floor(cloud: Cloud) -> Told:
    tables = [cloud.tables[name] for name in (*MODEL.old_tables, *MODEL.new_tables)]
    return _run(cloud, "Reconcile", job("scan-and-write", "-", *tables))


def _run(cloud: Cloud, function: str, command: list[str]) -> Told:
    return told(started([command], environment(cloud, function))[2])
