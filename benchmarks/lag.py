"""From a change on an old table to the settled new row, on the local cloud, under a steady stream of changes.

Emulator, pollers, functions, the writer and the one who looks all share this machine's cores. A lag runs from the answer
to the write until a strongly consistent read shows the new row; who looks comes by every 25 ms, which is part of it.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from statistics import median, quantiles
from typing import Any

from benchmarks.measure import FLOOR, OURS, Figure
from benchmarks.rows import Changes, changes
from benchmarks.stage import FOLDER, change, chunks, fill
from local_cloud.cloud import Cloud, standing
from local_cloud.poller import INTERVAL

STEP = 0.1
"""Seconds between two batches of the writer."""

LOOK = 0.025
SAMPLE = 5
"""One in so many changes is looked for."""


def figures(endpoint: str, rounds: int, rate: int, seconds: int) -> Iterator[Figure]:
    middle = Figure(f"lag at {rate} changes a second: median", "ms")
    late = Figure(
        f"lag at {rate} changes a second: 99th percentile", "ms", note=f"poll interval {INTERVAL * 1e3:.0f} ms"
    )
    folder = FOLDER / "lag"
    shutil.rmtree(folder, ignore_errors=True)
    with standing(endpoint, folder, "lag-") as cloud:
        cloud.create_tables()
        cloud.start_pollers()
        for number in range(rounds):
            lags = sorted(_lags(cloud, changes(500 + number, rate * seconds, max(1, rate * seconds // 10), 1), rate))
            for figure, found in ((middle, median(lags)), (late, quantiles(lags, n=100)[98])):
                figure.add(OURS, found * 1e3)
                figure.add(FLOOR, INTERVAL * 1e3)
    late.at_most(2.0, of=FLOOR)
    yield from (middle, late)


def _lags(cloud: Cloud, asked: Changes, rate: int) -> list[float]:
    fill(cloud, "links", asked.links)
    fill(cloud, "actuals", asked.before)
    assert cloud.drain(300), "expected the streams to be read to their end, but they were not"
    eyes = _Eyes(cloud)
    looking = threading.Thread(target=eyes.look)
    looking.start()
    began = time.perf_counter()
    for n, some in enumerate(chunks(asked.batch, max(1, int(rate * STEP)))):
        time.sleep(max(0.0, began + n * STEP - time.perf_counter()))
        change(cloud, "actuals", some)
        now = time.perf_counter()
        for _old, new in some[::SAMPLE]:
            if new is not None:
                eyes.expected[new["id"]["S"]] = (new["actual_value"], now)
    eyes.stopping.set()
    looking.join()
    return eyes.lags


class _Eyes:
    """Looks for new rows until nothing is expected any more."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._table = cloud, cloud.tables["measure_data"]
        self.expected: dict[str, tuple[Any, float]] = {}
        self.lags: list[float] = []
        self.stopping = threading.Event()

    def look(self) -> None:
        while self.expected or not self.stopping.is_set():
            for ids in chunks(list(self.expected), 100):
                request: Any = {self._table: {"Keys": [{"id": {"S": id}} for id in ids], "ConsistentRead": True}}
                found = self._cloud.dynamodb.batch_get_item(RequestItems=request)["Responses"][self._table]
                now = time.perf_counter()
                for row in found:
                    value, since = self.expected[row["id"]["S"]]
                    if row["post_value"] == value:
                        self.lags.append(now - since)
                        del self.expected[row["id"]["S"]]
            time.sleep(LOOK)
