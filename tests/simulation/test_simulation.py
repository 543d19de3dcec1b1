"""What fits into every test run of the simulation: some hundred schedules of the models, and a seed that always plays the same."""

from __future__ import annotations

import pytest

from remodel import newkeys
from remodel.model import Model
from remodel_testing import Diverged
from remodel_testing import simulate as plays
from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.run import Run
from social.model import MODEL as SOCIAL
from tests.odd_models import MODELS as ODD
from tests.simulation.__main__ import simulate
from tests.simulation.library import MODEL as LIBRARY
from tests.simulation.worlds import draw

SCHEDULES = 250
"""Of each model. `make simulate` plays more."""


@pytest.mark.parametrize("model", ["measures", "shop"])
def test_schedules_converge(model: str) -> None:
    diverged = {seed: problems for n in range(SCHEDULES) if (problems := simulate(model, seed := f"suite-{n}"))}

    assert diverged == {}


@pytest.mark.parametrize("model", [SOCIAL, LIBRARY, *ODD], ids=lambda model: model.name)
def test_generated_worlds_converge(model: Model) -> None:
    plays(model, schedules=20)


def test_a_fault_is_told_as_a_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newkeys, "_keyed_fields", lambda rule, group: dict.fromkeys(rule.keyed_by, ""))

    with pytest.raises(
        Diverged, match=r"expected schedule \d+ of model library to end right, found: .*orphaned in places"
    ) as told:
        plays(LIBRARY)
    assert "application 001: books" in str(told.value)


def test_a_seed_plays_the_same_schedule() -> None:
    one, other = (Run(draw("suite-1", "measures"), Chance("suite-1"), True) for _ in range(2))

    assert one.go() == other.go()
    assert one.trace == other.trace
