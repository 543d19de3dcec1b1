"""Keys as text: one text for each item, and forms that are read both ways."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remodel.items import Item, Wire
from remodel.joins import Bound, one
from remodel.keys import Form, Key, KeySchema
from remodel.kinds import Kind, Old

KINDS = st.sampled_from("SNB")
TEXTS = st.one_of(
    st.text(alphabet="0123456789:;.-+E#=\n", max_size=6), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)


def numbers() -> st.SearchStrategy[str]:
    """Texts of numbers that DynamoDB takes, in odd spellings."""

    def spelled(digits: int, exponent: int, style: int) -> str:
        value = Decimal(digits).scaleb(exponent)
        return [str(value), f"{value:f}", f"{value:E}", f"{digits}E{exponent}", f"{digits}.00e{exponent:+}"][style]

    digits = st.one_of(st.integers(-20, 20), st.integers(-(10**38) + 1, 10**38 - 1))
    return st.builds(spelled, digits, st.one_of(st.integers(-3, 3), st.integers(-92, 87)), st.integers(0, 4))


def values(kind: str) -> st.SearchStrategy[Wire]:
    inner: Any = {"S": TEXTS, "N": numbers(), "B": st.binary(max_size=6)}[kind]
    return inner.map(lambda each: {kind: each})


@st.composite
def schemas_and_items(draw: st.DrawFn, items: int) -> tuple[KeySchema, list[Item]]:
    schema = KeySchema(
        tuple((name, draw(KINDS)) for name in draw(st.sampled_from([("id",), ("PK", "SK"), ("b", "a")])))
    )
    made = [{name: draw(values(kind)) for name, kind in schema.attributes} for _ in range(items)]
    return schema, made


def exact(item: Item) -> dict[str, Any]:
    """The item with its numbers by value."""
    return {name: Decimal(value["N"]) if "N" in value else value for name, value in item.items()}


@given(schemas_and_items(2))
def test_two_items_share_a_text_only_if_they_share_the_key(drawn: tuple[KeySchema, list[Item]]) -> None:
    schema, (one, other) = drawn

    assert (schema.encode(one) == schema.encode(other)) == (exact(one) == exact(other))


@given(schemas_and_items(1))
def test_a_text_is_decoded_to_its_key(drawn: tuple[KeySchema, list[Item]]) -> None:
    schema, (item,) = drawn
    text = schema.encode({**item, "more": {"S": "x"}})

    assert exact(schema.decode(text)) == exact(item)
    assert schema.encode(schema.decode(text)) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("S", None),
        ("S", {}),
        ("S", "x"),
        ("S", {"N": "1"}),
        ("S", {"S": 1}),
        ("S", {"S": None}),
        ("S", {"S": "\ud800"}),
        ("S", {"NULL": True}),
        ("N", {"S": "1"}),
        ("N", {"N": 1}),
        ("N", {"N": "x"}),
        ("N", {"N": ""}),
        ("N", {"N": "NaN"}),
        ("N", {"N": "Infinity"}),
        ("N", {"N": "1_0"}),
        ("N", {"N": " 1"}),
        ("N", {"N": "١"}),
        ("N", {"N": "1E999999999"}),
        ("N", {"N": "1" * 39}),
        ("B", {"B": "AA=="}),
        ("B", {"S": "x"}),
    ],
)
def test_a_key_that_cannot_be_read_is_a_value_error(kind: str, value: Any) -> None:
    for schema in (KeySchema((("k", kind),)), KeySchema((("a", "S"), ("k", kind)))):
        with pytest.raises(ValueError, match="expected"):
            schema.encode({"a": {"S": "x"}, "k": value})
    with pytest.raises(ValueError, match="expected"):
        KeySchema((("k", kind),)).encode({})


FORMS = [
    "{a}",
    "CUST#{a}",
    "{a}#{b}",
    "{a}##{b}#",
    "A{a}#{b}#{c}Z",
    "#{a}#",
    "{a}\n{b}",
    "{a}({b})",
    "x{a.b}y{a}",
    "PROFILE",
    "",
]
FIELDS = st.text(alphabet="aAZ#()xy\n1", max_size=5)


@given(st.sampled_from(FORMS).map(Form), st.lists(FIELDS, min_size=3, max_size=3))
def test_what_is_written_is_read_back(form: Form, texts: list[str]) -> None:
    wanted = dict(zip(form.fields, texts, strict=False))
    try:
        text = form.write(wanted)
    except ValueError:
        assert not all(wanted.values()) or any(part and part in "".join(texts) for part in form.shape.split("{}"))
    else:
        assert form.read(text) == wanted


@given(st.sampled_from(FORMS).map(Form), st.text(alphabet="aAZ#()xy\n1CUSTPROFILE", max_size=12))
def test_what_is_read_is_written_back(form: Form, text: str) -> None:
    found = form.read(text)

    assert found is None or form.write(found) == text


@given(
    st.sampled_from(FORMS).map(Form), st.lists(FIELDS, min_size=3, max_size=3), st.text(alphabet="A#Zx1", max_size=9)
)
def test_a_form_reads_what_a_search_with_all_ways_back_finds(form: Form, texts: list[str], other: str) -> None:
    """Fields end at the first occurrence of the text behind them; trying every other occurrence finds no more."""
    built = Form._PART.sub(lambda found: texts[form.fields.index(found[1])], form.text)
    literals = Form._PART.split(form.text)[::2]
    pattern = "(.+?)".join(re.escape(each) for each in literals) if not form.is_field else "(.*)"
    for text in (built, other):
        found = re.fullmatch(pattern, text, re.DOTALL)
        assert form.read(text) == (dict(zip(form.fields, found.groups(), strict=True)) if found else None)


def test_a_hostile_key_is_read_in_linear_time() -> None:
    """With ways back, the fields of this text have billions of ends, and the test would never end."""
    form = Form("A#{a}#{b}#{c}#{d}#{e}!")

    assert form.read("A" + "#" * 2_047) is None
    assert form.read("A#" + "x#" * 1_000) is None


@pytest.mark.parametrize("text", ["{a}{b}", "{a}#{a}", "{a", "a}", "{}", "{1}", "{a#b}", "{{a}}"])
def test_a_form_without_inverse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key form"):
        Form(text)


@pytest.mark.parametrize("value", [None, b"x", "", "x#y"])
def test_a_value_that_would_not_come_back_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="key form"):
        Form("{a}#{b}").write({"a": value, "b": "z"})


def test_numbers_in_a_form() -> None:
    assert Form("ORDER#{n}#{m}").write({"n": 7, "m": Decimal("1.50")}) == "ORDER#7#1.50"


def test_fields_may_have_any_name() -> None:
    assert Form("{größe}-{a.b}").read("x-y") == {"größe": "x", "a.b": "y"}
    assert Form("PROFILE").read("PROFILE") == {}
    assert Form("PROFILE").read("PROFILE\n") is None


PLACES = Old("places", name=str)
PARCELS = Old("parcels", digest=bytes, at=str)


class Place(Kind, of=PLACES, name="P#{name}"):
    name: str


class Parcel(Kind, of=PARCELS, digest="{digest}", at="{at}"):
    digest: bytes
    at: str


@pytest.mark.parametrize(
    ("kind", "fields", "exists"),
    [
        (Place, {"name": "x" * 2_046}, True),
        (Place, {"name": "x" * 2_047}, False),
        (Place, {"name": "ä" * 1_023}, True),
        (Place, {"name": "ä" * 1_024}, False),
        (Parcel, {"digest": b"\x00" * 2_048, "at": "x" * 1_024}, True),
        (Parcel, {"digest": b"", "at": "x"}, False),
        (Parcel, {"digest": b"\x00" * 2_049, "at": "x"}, False),
        (Parcel, {"digest": b"\x00", "at": ""}, False),
        (Parcel, {"digest": b"\x00", "at": "x" * 1_025}, False),
    ],
)
def test_a_key_that_no_row_can_have_is_not_written(kind: type[Kind], fields: dict[str, Any], exists: bool) -> None:
    """It would not only lead to no row: DynamoDB refuses the whole request that reads it."""
    if exists:
        assert kind.fields_of(kind.key_of(fields)) == fields
    else:
        with pytest.raises(ValueError, match=r"^\w+: expected 1 to (2048|1024) bytes for key, found "):
            kind.key_of(fields)


def test_a_join_on_such_a_key_finds_nothing() -> None:
    parcel = Bound(Parcel, "place", one(Place, on=("at", "name")), [])

    assert parcel.other_key("x" * 2_046) == Key("places", "P#" + "x" * 2_046)
    assert parcel.other_key("x" * 2_047) is None
