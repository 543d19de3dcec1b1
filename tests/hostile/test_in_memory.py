"""Hostile records over the store in memory: no shard waits, and nobody's row is late."""

from __future__ import annotations

import os

import pytest

from tests.hostile.__main__ import in_parallel
from tests.hostile.run import run

SEED = os.environ.get("SEED", "1")


def test_no_shard_waits_and_no_row_is_late() -> None:
    done = run(600, SEED)

    assert (done.blocked, done.late) == ([], [])
    assert done.records >= 600 and done.neighbours >= 600


@pytest.mark.slow
@pytest.mark.timeout(5_400)
def test_thirty_thousand() -> None:
    done = in_parallel(30_000, SEED)

    assert (done.blocked, done.late) == ([], [])
    assert done.records >= 30_000
