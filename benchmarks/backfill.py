"""Ten thousand rows that were there before, beside two tools that only copy, and beside the same writes without a thought.

Everything runs as a process of its own on one old table. Rows a second count the whole process, from start to end, as
whoever types the command waits for it; what is held against the floor is the CPU of the work alone, since the floor's
process reads prepared requests from a file first. The product writes two rows for one, of them one to its index.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import rivals
from benchmarks.measure import FLOOR, OURS, Figure, in_turns
from benchmarks.process import Told, job, started, told
from benchmarks.replicate import Recorded, renamed
from benchmarks.rows import actual, link, measure
from benchmarks.stage import FOLDER, environment, fill, place, stage
from benchmarks.wire import Wire
from local_cloud.cloud import Cloud
from remodel.backfill import backfill
from remodel.call import Place
from remodel.client import make_client
from remodel.segments import Segment

COPY, DUMP = "copy-dynamodb-table", "dynamodump"


def seeded(endpoint: str, rows: int) -> Cloud:
    """The old tables of a stage with `rows` actuals, ten to a measure with one link each."""
    old = stage(endpoint, f"old{rows}-")
    measures = max(1, rows // 10)
    fill(old, "links", (link(n, measure(n)) for n in range(measures)))
    fill(old, "actuals", (actual(n, measure(n % measures)) for n in range(rows)))
    return old


def filled(old: Cloud, prefix: str) -> Cloud:
    """A stage beside these old tables with everything but the actuals brought in, so that every row has a link."""
    cloud = stage(old.endpoint, prefix, old)
    code, *events = _backfill(cloud, "people", "measures", "links")
    started([job("call", code, *events)], environment(cloud, "Backfill"))
    return cloud


def figures(endpoint: str, rounds: int, size: int, with_rivals: bool = True) -> Iterator[Figure]:
    speed = Figure(f"backfill, {size:,} rows: rows a second", "rows/s", note=f"{OURS} writes two rows for one")
    whole = Figure(f"backfill, {size:,} rows: CPU per row, whole process", "µs")
    work = Figure(f"backfill, {size:,} rows: CPU per row, work alone", "µs")
    calls, units = Figure("backfill: SDK calls per row", "calls"), Figure("backfill: write units per row", "units")
    reads, again = (
        Figure("backfill: read units per row", "units"),
        Figure("backfill again: write units per row", "units"),
    )
    old = seeded(endpoint, size)
    plan = _plan(old, size)
    calls.add(OURS, plan.first.calls.total() / size)
    units.add(OURS, plan.first.units / size)
    reads.add(OURS, plan.read_units / size)
    again.add(OURS, plan.again.units / size)
    for number in range(rounds):
        runs: dict[str, Callable[[], tuple[float, float, Told | None]]] = {
            OURS: partial(_ours, filled(old, f"bf{number}o-"), size),
            FLOOR: partial(_floor, filled(old, f"bf{number}f-"), plan.path, size),
        }
        if with_rivals:
            target = stage(endpoint, f"bf{number}r-")
            runs[COPY] = partial(_copy, old, target, size)
            runs[DUMP] = partial(_dump, old, target, size)
        for name, (cpu, wall, it) in in_turns(number, runs).items():
            whole.add(name, cpu / size * 1e6)
            if name != FLOOR:
                speed.add(name, size / wall)
            if it is not None:
                work.add(name, it.cpu / size * 1e6)
    if with_rivals:
        speed.at_least(1.0, of=COPY)
        speed.at_least(1.0, of=DUMP)
    work.at_most(1.5, of=FLOOR)
    units.is_at_most(2.05)
    again.is_at_most(0.01)
    yield from (speed, work, whole, calls, units, reads, again)


def _backfill(cloud: Cloud, *tables: str) -> list[str]:
    events = [json.dumps({"table": table, "segment": 0, "total_segments": 1, "cursor": None}) for table in tables]
    return [str(cloud.functions["Backfill"].function.code), *events]


def _ours(cloud: Cloud, size: int) -> tuple[float, float, Told]:
    cpu, wall, said = started([job("call", *_backfill(cloud, "actuals"))], environment(cloud, "Backfill"))
    assert _count(cloud, "measure_data") == size
    return cpu, wall, told(said)


def _floor(cloud: Cloud, plan: Path, size: int) -> tuple[float, float, Told]:
    requests = pickle.loads(plan.read_bytes())  # noqa: S301 (our own file)
    mine = FOLDER / f"{cloud.prefix}requests"
    mine.write_bytes(pickle.dumps(renamed(requests, "plan-", cloud.prefix)))
    command = job("scan-and-write", str(mine), cloud.tables["actuals"])
    cpu, wall, said = started([command], environment(cloud, "Backfill"))
    mine.unlink()
    assert _count(cloud, "measure_data") == size
    return cpu, wall, told(said)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The writes of the product for all rows, in a file, and what it sent, and what it sends when it does all once more."""

    path: Path
    first: Wire
    again: Wire
    read_units: float


def _plan(old: Cloud, size: int) -> _Plan:
    """From runs that are not timed."""
    cloud, spied = filled(old, "plan-"), make_client(old.endpoint)
    recorded, wire = Recorded(spied), Wire(spied)
    made = place(cloud, spied)
    _run(made, size, written=size)
    path = FOLDER / "plan"
    path.write_bytes(pickle.dumps(recorded.requests))
    units, first = made.store.spent().read_units, wire.taken()
    _run(made, size, written=0)
    return _Plan(path, first, wire, units)


def _run(made: Place, size: int, written: int) -> None:
    call = made.call(900)
    done = backfill(call, Segment("actuals", 0, 1), call.deadline)
    assert (done.done, done.scanned, done.written) == (True, size, written), done


def _copy(old: Cloud, target: Cloud, size: int) -> tuple[float, float, None]:
    source, destination = old.tables["actuals"], target.tables["actuals"]
    cpu, wall, _said = started([rivals.copy_table(old.endpoint, source, destination)], {})
    assert _count(target, "actuals") == size
    return cpu, wall, None


def _dump(old: Cloud, target: Cloud, size: int) -> tuple[float, float, None]:
    folder = FOLDER / "dump"
    shutil.rmtree(folder, ignore_errors=True)
    commands = rivals.dynamodump(old.endpoint, old.tables["actuals"], target.tables["readings"], folder)
    cpu, wall, _said = started(commands, {})
    assert _count(target, "readings") == size
    return cpu, wall, None


def _count(cloud: Cloud, table: str) -> int:
    pages = cloud.dynamodb.get_paginator("scan").paginate(TableName=cloud.tables[table], Select="COUNT")
    return sum(page["Count"] for page in pages)
