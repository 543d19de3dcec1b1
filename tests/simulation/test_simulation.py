"""What fits into every test run of the simulation: some hundred schedules of both models, and a seed that always plays the same."""

from __future__ import annotations

import pytest

from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.run import Run
from tests.simulation.__main__ import simulate
from tests.simulation.worlds import draw

SCHEDULES = 250
"""Of each model. `make simulate` plays more."""


@pytest.mark.parametrize("model", ["measures", "shop"])
def test_schedules_converge(model: str) -> None:
    diverged = {seed: problems for n in range(SCHEDULES) if (problems := simulate(model, seed := f"suite-{n}"))}

    assert diverged == {}


def test_a_seed_plays_the_same_schedule() -> None:
    one, other = (Run(draw("suite-1", "measures"), Chance("suite-1"), True) for _ in range(2))

    assert one.go() == other.go()
    assert one.trace == other.trace
