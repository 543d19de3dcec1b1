"""The models that are simulated, each by name: with casts of their own, or with rows that are generated from their kinds."""

from __future__ import annotations

from demo import oracle
from measures.model import MODEL as MEASURES
from remodel_testing.simulation.draw import Subject, generated
from remodel_testing.simulation.draw import draw as drawn
from remodel_testing.simulation.world import World
from shop.model import MODEL as SHOP
from social.model import MODEL as SOCIAL
from tests import oracle_shop
from tests.odd_models import MODELS as ODD
from tests.simulation import draw_measures, draw_shop
from tests.simulation.library import MODEL as LIBRARY

SUBJECTS: dict[str, Subject] = {
    "measures": Subject(MEASURES, draw_measures.cast, oracle.expected),
    "shop": Subject(SHOP, draw_shop.cast, oracle_shop.expected),
    **{model.name: generated(model) for model in (SOCIAL, LIBRARY, *ODD)},
}


def draw(seed: object, name: str) -> World:
    return drawn(seed, SUBJECTS[name])
