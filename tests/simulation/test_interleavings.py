"""Every story of a race ends right."""

from __future__ import annotations

import pytest

from tests.simulation.stories import STORIES


@pytest.mark.parametrize("name", STORIES)
def test_a_race_ends_right(name: str) -> None:
    assert STORIES[name].ends() == []
