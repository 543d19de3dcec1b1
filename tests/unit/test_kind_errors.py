"""A table or a kind that contradicts itself is an error at import, and the error names it and the reason.

Annotations are evaluated where they stand here: kinds are declared inside of the tests.
"""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import Field

from remodel.errors import ModelError
from remodel.keys import Key
from remodel.kinds import Index, Kind, New, Old

Declaration = Callable[[], Any]


def raises(declare: Declaration, reason: str, place: str) -> None:
    with pytest.raises(ModelError) as caught:
        declare()
    assert reason in str(caught.value)
    assert place in str(caught.value)


# Tables


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Old("old"),
        lambda: Old("old", a=str, b=str, c=str),
        lambda: Old("old", id=float),
        lambda: New("new", id=bool),
        lambda: New("new"),
    ],
)
def test_a_table_has_one_or_two_key_attributes_of_four_types(declare: Declaration) -> None:
    raises(declare, "expected one or two key attributes of type str, int, Decimal, or bytes", "table")


@pytest.mark.parametrize("name", ["", "a b", "1st", "a.b", "é"])
def test_a_logical_name_can_become_an_environment_variable(name: str) -> None:
    raises(lambda: Old(name, id=str), "expected a table name of letters", repr(name))


def test_an_index_has_attributes_of_key_types() -> None:
    assert Index("by-day", "day", "n", types={"n": int}).attributes == (("day", "S"), ("n", "N"))
    raises(lambda: Index("by-day", "day", types={"day": float}), "key attributes of type str", "by-day")
    raises(lambda: Index("by-day", "day", types={"n": int}), "expected types of its key attributes", "by-day")


# Kinds


def test_each_key_attribute_has_a_form() -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", PK=str, SK=str), PK="A#{id}"):
            id: str

    raises(declare, "expected key forms for PK, SK, found PK", "kind Row")


def test_kinds_of_a_table_have_names_that_differ() -> None:
    def declare(form: str) -> Any:
        class Row(Kind, of=table, id=form):
            id: str

    table = Old("old", id=str)
    declare("A#{id}")
    raises(lambda: declare("B#{id}"), "expected names that differ, found Row twice", "kind Row of old")


def test_no_form_is_for_another_attribute() -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", id=str), id="{id}", SK="x"):
            id: str

    raises(declare, "expected key forms for id, found id, SK", "kind Row")


def test_a_form_names_fields() -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", id=str), id="A#{number}"):
            id: str

    raises(declare, "found no 'number'", "kind Row")


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("{a}{b}", "expected text between the fields"),
        ("{a}#{a}", "expected each field once"),
        ("{a", "expected fields as {name}"),
        ("{}#{a}", "expected fields as {name}"),
        ("{a-b}", "expected fields as {name}"),
    ],
)
def test_a_form_can_be_inverted(form: str, reason: str) -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", id=str), id=form):
            a: str
            b: str

    raises(declare, reason, "kind Row")


def test_a_field_is_in_one_form() -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", PK=str, SK=str), PK="A#{id}", SK="B#{id}"):
            id: str

    raises(declare, "expected each field once in its key", "kind Row")


def test_a_number_key_is_one_field() -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", id=int), id="A#{id}"):
            id: int

    raises(declare, "expected id of type N to be one field", "kind Row")


@pytest.mark.parametrize(
    ("key", "field"), [(int, str), (bytes, str), (str, bytes), (str, str | None), (int, int | None), (str, list[str])]
)
def test_a_key_field_fits_its_key_attribute(key: Any, field: Any) -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", id=key), id="{id}"):
            id: field

    raises(declare, "expected a type for 'id' that fits id", "kind Row")


@pytest.mark.parametrize("field", [float, float | None, list[float], Annotated[float | None, Field(ge=0)]])
def test_no_field_is_a_float(field: Any) -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", id=str), id="{id}"):
            id: str
            weight: field

    raises(declare, "expected Decimal for 'weight', found float", "kind Row")


def test_two_kinds_of_a_table_differ_in_their_forms() -> None:
    table = Old("old", PK=str, SK=str)

    class First(Kind, of=table, PK="A#{a}", SK="B#{b}"):
        a: str
        b: str

    def declare() -> Any:
        class Second(Kind, of=table, PK="A#{b}", SK="B#{c}"):
            b: str
            c: str

    raises(declare, "expected key forms that differ, found the same as those of First", "kind Second")


def test_no_field_hides_what_a_kind_does() -> None:
    def declare() -> Any:
        class Row(Kind, of=Old("old", id=str), id="{id}"):
            id: str
            used: bool  # type: ignore[assignment]

    with pytest.warns(UserWarning, match="shadows"):
        raises(declare, "expected another name than 'used'", "kind Row")


def test_a_field_may_have_the_name_of_a_constant_of_its_kind() -> None:
    class Row(Kind, of=Old("old", id=str), id="{id}"):
        id: str
        table: str  # type: ignore[misc, assignment]
        label: str

    row = Row.read(Key("old", "1"), {"id": {"S": "1"}, "table": {"S": "round"}, "label": {"S": "x"}})

    assert (row.table, row.label, Row.kind_label) == ("round", "x", "old.Row")
