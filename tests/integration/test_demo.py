"""The demo itself, in small: a whole migration with kills and second deliveries ends converged, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).parents[2]
SMALL = [sys.executable, "-m", "demo", "--measures", "20", "--rows", "300", "--changes", "150"]

ENDS = 900
"""Seconds after which a run hangs."""


@pytest.fixture
def environment() -> Mapping[str, str]:
    """With a mark, by which what the demo has started is told from what others have."""
    return {**os.environ, "DEMO_RUN": uuid4().hex}


def emulators(environment: Mapping[str, str]) -> set[str]:
    """Process ids of the DynamoDB Local that this run has started."""
    mark, found = f"DEMO_RUN={environment['DEMO_RUN']}".encode(), set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"DynamoDBLocal.jar" in (path / "cmdline").read_bytes() and mark in (path / "environ").read_bytes():
                found.add(path.name)
        except OSError:
            continue
    return found


@pytest.mark.timeout(ENDS + 60)
def test_it_converges(environment: Mapping[str, str]) -> None:
    done = subprocess.run(SMALL, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=ENDS)

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("verdict: converged  missing=0 different=0 orphaned=0 "), last
    assert not emulators(environment)


def test_nothing_is_left_behind_after_ctrl_c(environment: Mapping[str, str]) -> None:
    process = subprocess.Popen(
        SMALL, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not emulators(environment):
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(3)

    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(ENDS) != 0
    deadline = time.monotonic() + ENDS
    while emulators(environment) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not emulators(environment)
