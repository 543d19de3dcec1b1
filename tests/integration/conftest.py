"""Stands for tests that type commands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stand import Stand
from tests.rows import actual, link, text


@pytest.fixture
def stand(endpoint: str, tmp_path: Path) -> Iterator[Stand]:
    made = Stand(endpoint, tmp_path)
    made.cloud.delete_tables()
    made.cloud.create_tables(streams=False)
    yield made
    made.cloud.stop()
    made.cloud.delete_tables()


@pytest.fixture
def read(stand: Stand) -> Stand:
    """Old rows from before, and pollers on every stream."""
    stand.put("links", link(), link("second", goal_id=text("g"), linked_at=text("2025-05-05")))
    stand.put("actuals", actual("a"), actual("b"), actual("bad", recorded_by=text(" ")))
    stand.cloud.switch_streams_on()
    stand.cloud.start_pollers()
    time.sleep(1.5)
    return stand
