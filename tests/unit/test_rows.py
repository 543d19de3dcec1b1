"""Rows generated from the kinds of a model: they are what they claim to be, they join, and a seed gives them again."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field

from measures.model import MODEL as MEASURES
from remodel.items import Item
from remodel.joins import one
from remodel.keys import Key
from remodel.kinds import Kind, New, Old
from remodel.mapping import parse
from remodel.model import Model
from remodel_testing.rows import NoRow, Rows
from remodel_testing.snapshots import new_tables
from shop.model import MODEL as SHOP_MODEL
from shop.model import SHOP
from tests.simulation.library import MODEL as LIBRARY


class Part(BaseModel):
    size: int
    names: list[str]


def even(n: int) -> int:
    if n % 2:
        raise ValueError("expected an even number, found an odd one")
    return n


ODD = Old("odd", n=int, raw=bytes)


class Odd(Kind, of=ODD, n="{n}", raw="{raw}"):
    n: Annotated[int, Field(ge=10, le=1_000_000)]
    raw: bytes
    code: Annotated[str, Field(pattern=r"^[A-Z]{3}-\d\d$")]
    price: Annotated[Decimal, Field(gt=0, lt=1)]
    pair: Annotated[int, AfterValidator(even), Field(examples=[2, 4])] | None = None
    colour: Literal["red", "blue"]
    part: Part
    tags: set[str]
    ratings: dict[str, Decimal]


class Follower(Kind, of=Old("followers", id=str), id="{id}"):
    id: str
    follows: int
    with_raw: bytes


ODD_MODEL = Model("odd")


@ODD_MODEL.becomes(New("new", n=int, raw=bytes))
def new(it: Odd) -> Any:
    return {"code": it.code}


@ODD_MODEL.becomes(New("following", id=str), joins={"odd": one(Odd, on=(lambda it: (it.follows, it.with_raw), "n"))})
def following(it: Follower, odd: Any) -> Any:
    return {"found": odd is not None}


MODELS = {"measures": MEASURES, "shop": SHOP_MODEL, "library": LIBRARY, "odd": ODD_MODEL}


def parsed(model: Model, table: Old, item: Item) -> Any:
    return parse(model, Key(table.name, table.schema.encode(item)), item)


KINDS = [
    pytest.param(model, kind, id=f"{name} {kind.__name__}") for name, model in MODELS.items() for kind in model.plans
]


@pytest.mark.parametrize(("model", "kind"), KINDS)
def test_normal_and_odd_rows_are_accepted(model: Model, kind: type[Kind]) -> None:
    rows = Rows(model, "accepted")
    made = [rows.row(kind) for _ in range(20)] + [rows.odd(kind) for _ in range(20)]

    assert all(kind.read(Key(kind.table.name, kind.table.schema.encode(item)), item) for item in made)
    assert len({kind.table.schema.encode(item) for item in made}) == 40
    assert len({str(item) for item in made}) == 40
    assert any(item.keys() - made[0].keys() for item in made)


@pytest.mark.parametrize(("model", "kind"), KINDS)
def test_rejected_rows_are_rejected(model: Model, kind: type[Kind]) -> None:
    rows = Rows(model, "rejected")
    made = [rows.rejected(kind) for _ in range(20)]

    if kind.__name__ in ("Measure", "Person"):  # of looked-up rows nothing is refused
        assert made == [None] * 20
    else:
        assert all(item is not None and parsed(model, kind.table, item).reason for item in made)


@pytest.mark.parametrize(("model", "kind"), KINDS)
def test_an_update_keeps_the_key(model: Model, kind: type[Kind]) -> None:
    rows = Rows(model, "updates")
    was = rows.row(kind)
    made = [rows.some(kind, was) for _ in range(20)]

    assert {kind.table.schema.encode(item) for item in made} == {kind.table.schema.encode(was)}
    assert any(item != was for item in made)


def test_strays_fit_no_kind_and_ignored_ones_are_left_behind() -> None:
    rows = Rows(SHOP_MODEL, 1)
    strays = [rows.stray(SHOP) for _ in range(5)]
    carts = [rows.ignored(SHOP) for _ in range(5)]

    assert all(
        "expected a key of exactly one kind" in (parsed(SHOP_MODEL, SHOP, item).reason or "") for item in strays if item
    )
    assert all(parsed(SHOP_MODEL, SHOP, item)[:3] == (None, None, None) for item in carts if item)
    assert None not in [*strays, *carts]
    assert Rows(LIBRARY, 1).stray(LIBRARY.old_tables["books"]) is None
    assert Rows(LIBRARY, 1).ignored(LIBRARY.old_tables["books"]) is None


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_gives_the_same_rows(name: str) -> None:
    one, same, other = (Rows(MODELS[name], seed).tables(60) for seed in (1, 1, 2))

    assert one == same != other
    assert 50 < sum(map(len, one.values())) <= 60


def test_rows_join() -> None:
    shop = new_tables(SHOP_MODEL, Rows(SHOP_MODEL, 1).tables(300)).rows
    library = new_tables(LIBRARY, Rows(LIBRARY, 1).tables(300)).rows
    measures = new_tables(MEASURES, Rows(MEASURES, 1).tables(300))

    assert sum("buyer_name" in rows[0] for rows in shop["orders"].values()) > 30
    assert sum("titles" in rows[0] for rows in library["catalog"].values()) > 30
    assert sum("author_name" in rows[0] for rows in library["places"].values()) > 30
    assert len(measures.rows["measure_data"]) > 20
    assert measures.apart and measures.unlinked and measures.reasons


def test_rows_that_are_apart_claim_nothing() -> None:
    for apart in (False, True):
        found = new_tables(MEASURES, Rows(MEASURES, 1, apart=apart).tables(400)).rows["measure_data"]
        assert any(len(rows) > 1 for rows in found.values()) is not apart


def test_a_kind_that_nothing_fits_says_what_helps() -> None:
    def never(text: str) -> str:
        raise ValueError("expected a checksum, found none")

    class Checked(Kind, of=Old("checked", id=str), id="{id}"):
        id: str
        sum: Annotated[str, AfterValidator(never)]

    model = Model("checked")

    @model.becomes(New("new", id=str))
    def mapped(it: Checked) -> Any:
        return {}

    with pytest.raises(NoRow, match=r"kind Checked accepts.*sum: expected a value, found none.*examples="):
        Rows(model).row(Checked)
