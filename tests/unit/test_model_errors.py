"""A mapping, a join, or a model that contradicts itself is an error at import; the error names the place and the reason.

Annotations are evaluated where they stand here: kinds and mappings are declared inside of the tests.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from measures.ids import MeasureDataIds
from remodel.errors import ModelError
from remodel.joins import all_, each, one
from remodel.keys import Key
from remodel.kinds import Kind, New, Old
from remodel.model import Model

SINGLE = New("new", id=str)
Declaration = Callable[[], Any]


def row_kind(table: Old | None = None) -> type[Kind]:
    class Row(Kind, of=table or Old("old", id=str), id="{id}"):
        id: str
        other_id: str
        note: str | None = None
        count: int = 0

    return Row


def other_kind() -> type[Kind]:
    class Other(Kind, of=Old("others", id=str), id="{id}"):
        id: str
        name: str
        tag: str
        amount: Decimal = Decimal(0)

    return Other


def raises(declare: Declaration, reason: str, place: str) -> None:
    with pytest.raises(ModelError) as caught:
        declare()
    assert reason in str(caught.value)
    assert place in str(caught.value)


# Mappings


def becomes(kind: Any, table: New = SINGLE, model: Model | None = None, **how: Any) -> Declaration:
    """A mapping of the kind with the parameters that its joins want."""

    def declare() -> Any:
        names = list(how.get("joins", {}))
        space: dict[str, Any] = {"Row": kind}
        exec(f"def mapped({', '.join(['row: Row', *names])}): return {{}}", space)
        return (model or Model("m")).becomes(table, **how)(space["mapped"])

    return declare


def test_the_helper_declares() -> None:
    assert becomes(row_kind(), joins={"other": one(other_kind(), on="other_id", sees=["name"])})()


def test_the_first_parameter_is_a_kind() -> None:
    def no_kind(row: str) -> Any: ...

    def no_parameter() -> Any: ...

    for function in (no_kind, no_parameter):
        declare = partial(Model("m").becomes(SINGLE), function)
        raises(declare, "expected a kind as the type", function.__name__)


def test_an_annotation_is_known_in_its_module() -> None:
    def mapped(row: "Unknown") -> Any: ...  # type: ignore[name-defined]  # noqa: F821

    raises(lambda: Model("m").becomes(SINGLE)(mapped), "'Unknown' is not defined", "test_model_errors.py")


def test_a_mapping_takes_its_joins() -> None:
    kind = row_kind()
    joins = {"other": one(other_kind(), on="other_id", sees=["name"])}

    def without(row: kind) -> Any: ...  # type: ignore[valid-type]

    def misspelt(row: kind, owner: Any) -> Any: ...  # type: ignore[valid-type]

    for function in (without, misspelt):
        declare = partial(Model("m").becomes(SINGLE, joins=joins), function)
        raises(declare, "to take the row, other", function.__name__)


@pytest.mark.parametrize(
    ("table", "forms", "reason"),
    [
        (New("new", key=str), {}, "expected fields of Row in the key, found key"),
        (SINGLE, {"id": "{unknown}"}, "expected fields of Row in the key, found unknown"),
        (SINGLE, {"id": "{id}", "SK": "{id}"}, "expected key forms for id, found id, SK"),
        (SINGLE, {"id": "{id}{count}"}, "expected text between the fields"),
        (
            SINGLE,
            {"id": "same"},
            "expected id in the key of new, found none: the old row of a new row could not be told",
        ),
        (SINGLE, {"id": "{other_id}"}, "expected id in the key of new, found none"),
        (SINGLE, {"id": "{id}#{note}"}, "expected a field that every row has in the key, found note"),
        (New("new", id=str, n=int), {"n": "{id}"}, "expected a field of type N for key attribute n"),
        (New("new", id=str, n=int), {"n": "N#{count}"}, "expected n of type N to be one field"),
        (SINGLE, {"id": "{id}#{other.id}"}, "expected fields of Row in the key, found other.id"),
    ],
)
def test_a_new_key_can_be_inverted(table: New, forms: dict[str, str], reason: str) -> None:
    how: dict[str, Any] = dict(forms)
    raises(becomes(row_kind(), table, **how), reason, "mapped")


def test_a_new_key_names_the_member_of_each() -> None:
    joins = {"other": each(other_kind(), on=("other_id", "tag"), sees=["name"])}

    raises(becomes(row_kind(), joins=joins, id="{id}"), "expected other.id in the key of new", "mapped")
    assert becomes(row_kind(), joins=joins, id="{id}#{other.id}")()


def test_keys_are_for_each_and_stand_alone() -> None:
    keys = MeasureDataIds()
    joins = {"other": each(other_kind(), on=("other_id", "tag"), sees=["name"])}

    raises(becomes(row_kind(), keys=keys), "expected `keys` with an `each` join", "mapped")
    raises(becomes(row_kind(), joins=joins, keys=keys, id="{id}"), "without key forms", "mapped")


# Joins


@pytest.mark.parametrize(
    ("join", "reason"),
    [
        (one(other_kind(), on="unknown"), "expected field 'unknown' in Row"),
        (one(other_kind(), on=("unknown", "id")), "expected field 'unknown' in Row"),
        (one(other_kind(), on=("other_id", "unknown")), "expected field 'unknown' in Other"),
        (one(other_kind(), on="other_id", sees=["colour"]), "in sees, found 'colour'"),
        (each(other_kind(), on=("other_id", "tag"), unique=["colour"]), "in sees, found 'colour'"),
        (each(other_kind(), on="other_id"), "expected one(...) for a join on the other row's whole key, found each"),
        (all_(other_kind(), on="other_id"), "expected one(...) for a join on the other row's whole key, found all"),
        (one(other_kind(), on="count"), "expected Row.count to be of type S as Other.id is, found N"),
        (
            one(other_kind(), on=("other_id", "amount")),
            "expected Row.other_id to be of type N as Other.amount is, found S",
        ),
        (one(other_kind(), on=(lambda: "x", "tag")), "to take the row"),
        (one(other_kind(), on=(lambda row, later: "x", "tag")), "to take the row"),
    ],
)
def test_a_join_finds_its_other_side(join: Any, reason: str) -> None:
    raises(becomes(row_kind(), joins={"other": join}, id="{id}"), reason, "mapped")


def test_a_join_on_the_others_key_names_a_field_of_its_own() -> None:
    class Pair(Kind, of=Old("pairs", a=str, b=str), a="{left}", b="{right}"):
        left: str
        right: str

    raises(
        becomes(row_kind(), joins={"pair": one(Pair)}), "expected field 'left' in Row, found none: set `on`", "mapped"
    )


def test_each_is_the_last_join() -> None:
    other = other_kind()
    joins = {"one": each(other, on=("other_id", "tag")), "two": one(other, on="other_id")}

    raises(becomes(row_kind(), joins=joins, id="{id}#{one.id}"), "expected `each` as the last join", "mapped")


def test_there_is_one_each() -> None:
    other = other_kind()
    joins = {"one": each(other, on=("other_id", "tag")), "two": each(other, on=("other_id", "tag"))}

    raises(becomes(row_kind(), joins=joins, id="{id}#{one.id}"), "expected `each` as the last join", "mapped")


def test_a_value_of_each_comes_from_the_row_alone() -> None:
    other = other_kind()
    joins = {
        "one": one(other, on="other_id", sees=["name"]),
        "two": each(other, on=(lambda row, one: one and one.name, "tag")),
    }

    raises(becomes(row_kind(), joins=joins, id="{id}#{two.id}"), "expected a value from the row alone", "mapped")


# Models


def test_a_new_table_has_a_name_of_its_own() -> None:
    raises(
        becomes(row_kind(), New("old", id=str)), "expected one table with the logical name 'old', found two", "mapped"
    )


def test_a_looked_up_table_has_a_name_of_its_own() -> None:
    join = one(other_kind(), on="other_id", sees=["name"])

    raises(becomes(row_kind(), New("others", id=str), joins={"other": join}), "logical name 'others'", "mapped")


def test_two_tables_differ_in_their_names() -> None:
    model = Model("m")
    becomes(row_kind(), New("new", id=str), model)()

    raises(becomes(row_kind(Old("old2", id=str)), New("new", id=str), model), "logical name 'new'", "mapped")
    raises(becomes(row_kind(Old("old", id=str)), New("new2", id=str), model), "logical name 'old'", "mapped")
    assert len(model.mappings) == 1


@pytest.mark.parametrize(
    ("forms", "reason"),
    [({"sort": "x"}, "ignore of old: expected key forms for id, found sort"), ({"id": "{a}{b}"}, "ignore of old")],
)
def test_what_is_ignored_is_told_by_its_key(forms: dict[str, str], reason: str) -> None:
    raises(lambda: Model("m", ignore=[(Old("old", id=str), forms)]), reason, "old")


def test_what_is_not_a_contradiction() -> None:
    class Row(Kind, of=Old("old", PK=str, SK=bytes), PK="{tier}#{n}", SK="{raw}"):
        tier: Literal["tin", "gold"]
        n: Annotated[int, Field(ge=0)]
        raw: bytes
        maybe: Annotated[int, Field(ge=0)] | None = None

    raises(becomes(Row, New("new", tier=str, n=int)), "expected raw in the key of new", "mapped")
    key = Key("old", Row.table.schema.encode({"PK": {"S": "tin#5"}, "SK": {"B": b"\x00"}}))
    assert Row.read(key, {"maybe": {"N": "3"}}).model_dump() == {"tier": "tin", "n": 5, "raw": b"\x00", "maybe": 3}
