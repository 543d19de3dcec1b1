"""The demo itself, in small: a whole migration with kills and second deliveries ends converged, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = [sys.executable, "-m", "demo", "--measures", "20", "--rows", "300", "--changes", "150"]


def emulators() -> set[str]:
    """Process ids of every DynamoDB Local."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"DynamoDBLocal.jar" in path.read_bytes():
                found.add(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.timeout(300)
def test_it_converges() -> None:
    before = emulators()

    done = subprocess.run(SMALL, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("verdict: converged  missing=0 different=0 orphaned=0 "), last
    assert emulators() <= before


def test_nothing_is_left_behind_after_ctrl_c() -> None:
    before = emulators()
    process = subprocess.Popen(
        SMALL, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not emulators() - before:
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(3)

    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(30) != 0
    for _ in range(50):
        if emulators() <= before:
            break
        time.sleep(0.1)
    assert emulators() <= before
