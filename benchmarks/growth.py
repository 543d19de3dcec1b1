"""Does a row cost more, or a process grow, when there are many? The same work at two sizes, each in a fresh process.

On the stand-in of `endless`, which keeps no row: what grows is ours.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from statistics import median

from benchmarks.endless import ADDED, CHANGED, State
from benchmarks.measure import OURS, Figure
from benchmarks.process import Told, job, started, told
from benchmarks.rows import Stream, actual, link, measure
from benchmarks.stage import FOLDER
from local_cloud.cloud import Cloud
from local_cloud.emulator import credentials
from measures.model import MODEL
from remodel.settings import table_names, variable

MEASURES, CHANGES = 1_000, 2 * CHANGED
FLAT_CPU, FLAT_MEMORY = 1.15, 1.10
SMALL = "small"


def figures(rounds: int, small: int, large: int, hot: int) -> Iterator[Figure]:
    """`small`, `large`: rows of the old table; `hot`: rows of one measure."""
    wide = {SMALL: (small, MEASURES, 1), OURS: (large, MEASURES, 1)}
    one = {SMALL: (max(1, hot // 10), 1, 2), OURS: (hot, 1, 2)}
    yield from _figures("backfill", rounds, wide, _backfill)
    yield from _figures("full diff", rounds, wide, _diff, state="settled")
    changed = f"replicate {CHANGES:,} changes of one measure"
    yield from _figures(changed, rounds, one, _changes, per_row=False, state="changed")
    yield from _figures("replicate a link of one measure", rounds, one, _link, state="settled")


def _figures(
    name: str,
    rounds: int,
    sizes: dict[str, tuple[int, int, int]],
    work: Callable[[int, int], Told],
    per_row: bool = True,
    state: State = "empty",
) -> list[Figure]:
    small, large = sizes[SMALL][0], sizes[OURS][0]
    cpu = Figure(f"growth, {name}, {small:,} → {large:,} rows: CPU per row", "µs")
    memory = Figure(f"growth, {name}, {small:,} → {large:,} rows: peak memory", "MB")
    with contextlib.ExitStack() as standing:
        ports = {size: standing.enter_context(_endless(state, *shape)) for size, shape in sizes.items()}
        runs = {size: partial(work, ports[size], shape[0]) for size, shape in sizes.items()}
        for _ in range(rounds):
            for size, some in _in_between(runs).items():
                rows = sizes[size][0] if per_row else CHANGES
                cpu.add(size, median(each.cpu for each in some) / rows * 1e6)
                memory.add(size, median(each.memory for each in some) / 1024)
    cpu.at_most(FLAT_CPU, of=SMALL)
    memory.at_most(FLAT_MEMORY, of=SMALL)
    return [cpu, memory]


def _in_between(runs: Mapping[str, Callable[[], Told]]) -> dict[str, list[Told]]:
    """The small one is over in seconds, so that one run of it says little: twice before the large one, twice after."""
    before = [runs[SMALL](), runs[SMALL]()]
    large = [runs[OURS]()]
    return {SMALL: [*before, runs[SMALL](), runs[SMALL]()], OURS: large}


@contextlib.contextmanager
def _endless(state: State, rows: int, measures: int, links: int) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.endless", state, str(rows), str(measures), str(links)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def _backfill(port: int, rows: int) -> Told:
    event = {"table": "actuals", "segment": 0, "total_segments": 1, "cursor": None}
    return _call(port, "Backfill", event)


def _diff(port: int, rows: int) -> Told:
    done = _call(port, "Reconcile", {"mode": "full", "repair": False})
    assert (done.answer["rows"]["actuals"], done.answer["drift"]) == (rows, 0), done.answer
    return done


def _changes(port: int, rows: int) -> Told:
    """New rows of the measure, and changes of old ones."""
    stream, hot = Stream(), measure(0)
    new = [stream.record("actuals", None, actual(rows + n, hot)) for n in range(CHANGED)]
    old = [stream.record("actuals", actual(n, hot), actual(n, hot, value=1)) for n in range(CHANGED)]
    return _call(port, "ReplicateActuals", {"Records": new + old})


def _link(port: int, rows: int) -> Told:
    """One more link: every row of the measure gets one more new row, where there are many from a pending fan-out."""
    asked = _call(port, "ReplicateLinks", {"Records": [Stream().record("links", None, link(ADDED, measure(0)))]})
    served = _call(port, "Sweep", {})
    assert served.answer["stalled"] == 0, served.answer
    memory = max(asked.memory, served.memory)
    return Told(asked.cpu + served.cpu, asked.wall + served.wall, memory, served.answer)


def _call(port: int, function: str, event: object) -> Told:
    asked = FOLDER / "event.json"
    FOLDER.mkdir(parents=True, exist_ok=True)
    asked.write_text(json.dumps(event))
    declared = Cloud(f"http://127.0.0.1:{port}", FOLDER).functions[function].function
    plain = {variable(name): name for name in table_names(MODEL)}
    around = {**credentials(), **declared.environment, **plain}
    around["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://127.0.0.1:{port}"
    done = told(started([job("call", str(declared.code), str(asked))], around)[2])
    assert not done.answer.get("batchItemFailures"), done.answer
    return done
