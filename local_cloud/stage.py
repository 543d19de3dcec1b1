"""What a deployed stage does by itself, on a DynamoDB Local: its functions read the streams, the sweeper runs on a schedule."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from local_cloud import emulator
from local_cloud.cloud import Cloud
from local_cloud.poller import Faults

SWEEP, DEAD = 2.0, 5.0
"""Seconds between two sweeps, and after which a call that is not done counts as dead. A fault kills a call within half a
second; and a stage that starts again reads its streams from the beginning."""

LOOK = 1.0
"""Seconds between two looks at streams that are not switched on yet."""

TELL = 2.0
"""Seconds between two lines of what was done."""


def serve(cloud: Cloud, others: Iterable[str], faults: Faults, tell: Callable[[str], None]) -> None:
    """Creates the tables that a stack creates for itself, and goes on until KeyboardInterrupt. `others`: logical names of the
    tables that it does not create. Raises what has ended a poller, and ResourceNotFoundException without the old tables."""
    cloud.forks.start()
    cloud.create_tables(but=others)
    if missing := cloud.without_stream():
        tell(f"waiting for the streams of {', '.join(missing)}: `remodel prepare --execute`")
    while cloud.without_stream():
        time.sleep(LOOK)
    cloud.start_pollers(faults)
    cloud.start_schedule("Sweep", {"older_than": DEAD}, SWEEP)
    tell(f"{len(cloud.pollers)} streams are read; logs: {cloud.folder}")
    told = ""
    while True:
        time.sleep(TELL)
        if problem := next((each.problem for each in cloud.pollers.values() if each.problem), None):
            raise problem
        if (now := _done(cloud)) != told:
            tell(told := now)


def _done(cloud: Cloud) -> str:
    pollers = cloud.pollers.values()
    done = f"{sum(each.records for each in pollers):,} changes carried over"
    if kills := sum(each.kills for each in pollers):
        done += f", {kills} calls killed"
    if repeats := sum(each.repeats for each in pollers):
        done += f", {repeats} batches delivered twice"
    return done


def own_folder(name: str) -> Path:
    """Of this process, for logs and failed batches. The folders of processes that have ended are removed."""
    every = emulator.CACHE / name
    for each in every.glob("[0-9]*"):
        if not _is_running(int(each.name)):
            shutil.rmtree(each, ignore_errors=True)
    return every / str(os.getpid())


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        pass
    return True
