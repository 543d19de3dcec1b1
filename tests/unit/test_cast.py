"""Any model has a cast: rows that its application writes, changes, and gets wrong, and what must come of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from demo.cast import Generated, cast_of
from demo.measures import Measures
from measures.model import MODEL as MEASURES
from remodel.items import Item
from remodel.joins import one
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model
from shop.model import MODEL as SHOP
from social.model import MODEL as SOCIAL

MODELS = {"measures": MEASURES, "shop": SHOP, "social": SOCIAL}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]


def key(model: Model, table: str, row: Item) -> str:
    return model.old_tables[table].schema.encode(row)


def test_the_measure_model_has_one_of_its_own(model: Model) -> None:
    assert isinstance(cast_of(model, 7), Measures if model is MEASURES else Generated)


def test_the_rows_from_before(model: Model) -> None:
    cast = Generated(model, 7)
    made = cast.seeded(200)

    rejected = [row for table, rows in made.items() for row in rows if cast.is_rejected(table, row)]
    expected = cast.expected(made)
    assert made.keys() == model.old_tables.keys()
    assert 5 < len(rejected) < 60
    assert len(expected.quarantine) >= len(rejected)
    assert all(expected.rows.values()), "each new table gets rows"
    assert expected.counts == {"claims": 0, "quarantined": len(expected.quarantine)}
    assert expected.counts.keys() == cast.terms.keys()


def test_equal_seeds_make_equal_rows(model: Model) -> None:
    assert Generated(model, 7).seeded(50) == Generated(model, 7).seeded(50) != Generated(model, 8).seeded(50)


@pytest.mark.parametrize("its_own", [False, True])
def test_rows_come_change_go_wrong_and_are_corrected(model: Model, its_own: bool) -> None:
    cast = cast_of(model, 7) if its_own else Generated(model, 7)
    cast.seeded(60)
    wrong = 0
    for table in model.old_tables:
        for moves in [False, True] * 10:
            row = cast.insert(table)
            assert row is not None
            changed, bad = cast.change(table, row, moves), cast.reject(table, row)
            assert changed is not None
            assert not cast.is_rejected(table, row)
            assert not cast.is_rejected(table, changed)
            assert key(model, table, changed) == key(model, table, row)
            if bad is not None and cast.is_rejected(table, bad):
                corrected = cast.change(table, bad)
                assert corrected is not None
                assert key(model, table, row) == key(model, table, bad) == key(model, table, corrected)
                assert not cast.is_rejected(table, corrected)
                wrong += 1
    assert wrong > 5


def test_what_only_the_mapping_rejects_is_no_row_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as an empty email, which is the key of an index."""
    cast, key = Generated(SHOP, 7), {"PK": {"S": "CUST#1"}, "SK": {"S": "PROFILE"}, "name": {"S": "Ann"}}
    good = {**key, "email": {"S": "ann@example.org"}}
    made = iter([{**key, "email": {"S": ""}}, good])
    for name in ("odd", "row"):
        monkeypatch.setattr(cast._rows, name, lambda kind, was=None: next(made))

    assert cast.insert("shop") == good


TICKETS = Old("tickets", "tickets", Index("by-queue", "queue", "rank", types={"rank": Decimal}), id=str)
AGENTS = Old("agents", id=str)


class Ticket(Kind, of=TICKETS, id="{id}"):
    id: str
    queue: str | None = None
    rank: Decimal
    login: str | None = None


class Agent(Kind, of=AGENTS, id="{id}"):
    id: str
    login: str | None = None


DESK = Model("desk")


@DESK.becomes(New("issues", id=str), joins={"by": one(Agent, on=("login", "login"), index="by-login")})
def issue(it: Ticket, by: Any) -> Mapping[str, Any]:
    return {"by": by and by.id}


def test_no_row_has_a_value_that_an_index_of_its_old_table_cannot_have() -> None:
    cast = Generated(DESK, 7)

    made = cast.seeded(400)
    rows = {table: [*found] for table, found in made.items()}
    for table, found in made.items():
        for row in found[:100]:
            changed = (cast.insert(table), cast.change(table, row), cast.reject(table, row))
            rows[table] += [each for each in changed if each is not None]

    keys = [("tickets", "queue", "S"), ("tickets", "rank", "N"), ("agents", "login", "S")]
    for table, name, kind in keys:
        values = [row[name] for row in rows[table] if name in row]
        assert len(values) > 100
        assert {next(iter(each)) for each in values} == {kind}, name
        assert all(0 < len(each[kind].encode()) <= 1_024 for each in values)
    assert any(cast.is_rejected("tickets", row) for row in rows["tickets"]), "a rank may be missing"


def test_a_row_of_no_kind_cannot_be_corrected() -> None:
    cast, stray = Generated(SHOP, 7), {"PK": {"S": "what"}, "SK": {"S": "ever"}}

    assert cast.is_rejected("shop", stray)
    assert cast.change("shop", stray) is None
    assert cast.reject("shop", stray) is None
