"""Cases, oracles, and models say the same, on the folders of tests/cases and on odd worlds.

The oracles share no code with engine and models, so a mistake would have to be made twice.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from demo import oracle
from measures.model import MODEL as MEASURES
from remodel.items import same
from remodel.model import Model
from remodel_testing import plain
from remodel_testing.rows import Rows
from remodel_testing.snapshots import NewTables, World, new_tables
from shop.model import MODEL as SHOP
from social.model import MODEL as SOCIAL
from tests import oracle_shop
from tests.case import CASES, Case
from tests.odd_models import MODELS as ODD
from tests.odd_worlds import Maker, shop_world
from tests.simulation.library import MODEL as LIBRARY

MODELS = {"measures": MEASURES, "shop": SHOP, "social": SOCIAL}
ORACLES: dict[str, Any] = {
    "measures": oracle.expected,
    "shop": oracle_shop.expected,
    "social": partial(plain.expected, SOCIAL),
}

NONE = dict.fromkeys(("unlinked", "tenant_violations", "uniqueness_violations", "claims", "ambiguous"), 0)
"""Counts of a world in which nothing is odd but what is quarantined: of every case of the social network."""


def agree(computed: NewTables, expected: Any) -> None:
    assert {table: rows.keys() for table, rows in computed.rows.items()} == {
        table: rows.keys() for table, rows in expected.rows.items()
    }
    for table, rows in expected.rows.items():
        for key, wanted in rows.items():
            found = computed.rows[table][key]
            assert len(found) == len(wanted), (table, key)
            assert all(any(same(one, other) for other in found) for one in wanted), (wanted, found)
    assert computed.reasons.keys() == expected.quarantine
    if (counts := getattr(expected, "counts", None)) is None:
        return
    assert (computed.unlinked, computed.apart, computed.ambiguous) == (
        counts["unlinked"],
        counts["tenant_violations"],
        counts["ambiguous"],
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_expects_what_the_oracle_computes(case: Case) -> None:
    expected = ORACLES[case.model](case.states[-1])

    for table, rows in expected.rows.items():
        told = case.rows(table)
        assert len(told) == len(rows)
        assert all(any(sorted_rows(one) == sorted_rows(other) for other in rows.values()) for one in told)
    assert case.quarantine.keys() == expected.quarantine
    assert case.new["counts"] == getattr(expected, "counts", NONE | {"quarantined": len(expected.quarantine)})


def sorted_rows(rows: list[Any]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_plain_evaluation_says_what_the_oracle_says(case: Case) -> None:
    for state in case.states:
        agree_plainly(plain.expected(MODELS[case.model], state), ORACLES[case.model](state))


@pytest.mark.parametrize("seed", range(0, 300, 50))
def test_the_plain_evaluation_and_the_oracles_agree_on_odd_worlds(seed: int) -> None:
    for each in range(seed, seed + 50):
        agree_plainly(plain.expected(MEASURES, Maker(each).world()), oracle.expected(Maker(each).world()))
        agree_plainly(plain.expected(SHOP, shop_world(each)), oracle_shop.expected(shop_world(each)))


def agree_plainly(computed: plain.Expected, expected: Any) -> None:
    assert computed.quarantine == expected.quarantine
    for table, rows in expected.rows.items():
        found = computed.rows[table]
        assert found.keys() == rows.keys()
        for key, wanted in rows.items():
            assert len(found[key]) == len(wanted), (table, key)
            assert all(any(same(one, other) for other in found[key]) for one in wanted), (wanted, found[key])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_model_says_what_the_oracle_says(case: Case) -> None:
    for state in case.states:
        computed = new_tables(MODELS[case.model], state)
        agree(computed, ORACLES[case.model](state))
    assert all(reason in computed.reasons[key] for key, reason in case.quarantine.items())


@pytest.mark.parametrize("seed", range(0, 500, 50))
def test_the_measure_model_and_its_oracle_agree_on_odd_worlds(seed: int) -> None:
    for each in range(seed, seed + 50):
        world: World = Maker(each).world()
        agree(new_tables(MEASURES, world), oracle.expected(world))


@pytest.mark.parametrize("seed", range(0, 500, 50))
def test_the_shop_and_its_oracle_agree_on_odd_worlds(seed: int) -> None:
    for each in range(seed, seed + 50):
        world: World = shop_world(each)
        agree(new_tables(SHOP, world), oracle_shop.expected(world))


@pytest.mark.parametrize("model", [MEASURES, SHOP, SOCIAL, LIBRARY, *ODD], ids=lambda model: model.name)
def test_the_engines_mapping_and_the_plain_evaluation_agree_on_generated_rows(model: Model) -> None:
    for seed in range(4):
        world = Rows(model, seed).tables(50)
        agree(new_tables(model, world), plain.expected(model, world))


def test_odd_worlds_have_something_of_everything() -> None:
    totals: dict[str, int] = {}
    for seed in range(500):
        for name, n in oracle.expected(Maker(seed).world()).counts.items():
            totals[name] = totals.get(name, 0) + n

    assert all(n > 5 for n in totals.values()), totals


def test_cases_are_many_and_explained() -> None:
    assert len(CASES) >= 140
    assert all(sum(case.model == model for case in CASES) >= 10 for model in ("shop", "social"))
    assert all(case.why for case in CASES)


def test_claimants_are_named() -> None:
    case = next(case for case in CASES if case.name == "same-guid-in-three-tables")
    (id,) = {row["id"]["S"] for row in case.states[0]["actuals"]}

    claimants = oracle.expected(case.states[0]).claimants["measure_data", id]

    assert claimants == [("milestones", id), ("actuals", id), ("readings", id)]
