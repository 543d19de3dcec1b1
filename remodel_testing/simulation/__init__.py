"""The product's own functions under random schedules: kills, redelivery, gaps, stale reads, cutovers; on a store in memory.

A call is a greenlet that may be interrupted before each read or write of an item. At the end of a schedule, when all is
drained, the new tables must be what an oracle says.
"""

from __future__ import annotations

from remodel.errors import RemodelError
from remodel.model import Model
from remodel_testing.simulation.chance import Chance
from remodel_testing.simulation.draw import draw, generated
from remodel_testing.simulation.run import Run
from remodel_testing.simulation.shrink import shrink, story


class Diverged(RemodelError):
    """A schedule ended with new tables that are not what the old ones make expect: a fault of the engine, or of a mapping
    that breaks a law (`check`)."""


def simulate(model: Model, schedules: int = 100, seed: object = 1) -> None:
    """Plays worlds with rows that are generated from the model's kinds. A hundred schedules take some seconds. Raises
    Diverged with the story of one that ended wrong, shrunk where that is possible."""
    subject = generated(model)
    for n in range(schedules):
        if problems := Run(draw(f"{seed}-{n}", subject), Chance(f"{seed}-{n}")).go():
            told = "\n".join(story(*shrink(draw(f"{seed}-{n}", subject), f"{seed}-{n}", schedules=10)))
            raise Diverged(f"expected schedule {n} of model {model.name} to end right, found: {problems[0]}\n{told}")
