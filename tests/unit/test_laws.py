"""`check` finds each law that a model breaks: for each, a small model that breaks it and no other.

Annotations are evaluated where they stand here: kinds and mappings are declared inside of the tests.
"""

import itertools
import os
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, Field

from measures.model import MODEL as MEASURES
from remodel.errors import RejectedRow
from remodel.items import Item
from remodel.joins import Agreement, all_, each, one
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model
from remodel.timestamps import Timestamp
from remodel_testing import broken, check
from remodel_testing.rows import NoRow
from shop.model import MODEL as SHOP
from social.model import MODEL as SOCIAL
from tests.odd_models import MODELS as ODD
from tests.simulation.library import MODEL as LIBRARY

Made = Callable[[], Model]
MODELS: dict[str, Made] = {}


def breaks(law: type[broken.LawBroken], *texts: str) -> Callable[[Made], Made]:
    """Registers a model with the one law that it breaks, and what the error says."""

    def keep(made: Made) -> Made:
        MODELS[made.__name__] = made
        EXPECTED[made.__name__] = (law, texts)
        return made

    return keep


EXPECTED: dict[str, tuple[type[broken.LawBroken], Sequence[str]]] = {}


def plain_kind(**names: str) -> type[Kind]:
    class Row(Kind, of=Old(names.get("table", "rows"), id=str), id="{id}"):
        id: str
        other_id: str
        note: str | None = None
        amount: Decimal

    return Row


def other_kind() -> type[Kind]:
    class Other(Kind, of=Old("others", id=str), id="{id}"):
        id: str
        name: str
        group: Annotated[str, Field(examples=["g1", "g2"])]
        rank: str | None = None

    return Other


def becoming(
    function: Callable[..., Any], *names: str, table: New | None = None, kind: Any = None, **how: Any
) -> Model:
    """A model with one mapping, which answers what the function does."""
    space: dict[str, Any] = {"Row": kind or plain_kind(), "function": function}
    exec(f"def mapped({', '.join(['row: Row', *names])}): return function({', '.join(['row', *names])})", space)
    model = Model("m")
    model.becomes(table or New("new", id=str), **how)(space["mapped"])
    return model


def joined(function: Callable[..., Any], **how: Any) -> Model:
    join = {"other": one(other_kind(), on="other_id", sees=["name"], **how)}
    return becoming(function, "other", joins=join)


# Kinds and their keys


@breaks(broken.KindsOverlap, "kind Long", "found Short and Long", "other prefixes")
def two_kinds_of_one_key() -> Model:
    table = Old("rows", id=str)

    class Short(Kind, of=table, id="A#{id}"):
        id: str

    class Long(Kind, of=table, id="A#{id}#{part}"):
        id: str
        part: str

    return becoming(lambda row: {}, kind=Short)


@breaks(broken.KeyNotInvertible, "kind Row", "found that key fields", "became")
def a_key_that_is_normalised() -> Model:
    class Row(Kind, of=Old("rows", id=str), id="{id}"):
        id: Annotated[str, Field(examples=["a", "b"]), AfterValidator(str.upper)]

    return becoming(lambda row: {}, kind=Row)


@breaks(broken.KeyNotInvertible, "kind Row", "that the key form '{day}-{id}' gives back")
def a_separator_that_values_contain() -> Model:
    class Row(Kind, of=Old("rows", id=str), id="{day}-{id}"):
        day: Timestamp
        id: str

    return becoming(lambda row: {}, kind=Row, id="{day} {id}")


@breaks(broken.EveryRowRefused, "kind Row", "that the key form '{day}-{id}' gives back")
def a_separator_in_a_new_key_that_values_contain() -> Model:
    class Row(Kind, of=Old("rows", id=str), id="{id}"):
        day: Timestamp
        id: str

    return becoming(lambda row: {}, kind=Row, id="{day}-{id}")


# Mappings


@breaks(broken.MappingNotTotal, "mapping <string>:1 mapped", "KeyError('4')")
def a_mapping_that_does_not_know_every_value() -> Model:
    return becoming(lambda row: {"amount": {"1": 1, "2": 2, "3": 3}[row.other_id]})


@breaks(broken.MappingNotTotal, "it raised AttributeError(\"'NoneType' object has no attribute 'name'\")")
def a_mapping_that_needs_the_other_row() -> Model:
    return joined(lambda row, other: {"name": other.name})


@breaks(broken.MappingNotTotal, "kind Row", "it raised KeyError")
def a_kind_that_raises() -> Model:
    def look(value: str) -> str:
        return {"1": "one", "2": "two", "3": "three", "4": "four"}[value]

    class Row(Kind, of=Old("rows", id=str), id="{id}"):
        id: str
        code: Annotated[str, AfterValidator(look)]

    return becoming(lambda row: {}, kind=Row)


@breaks(broken.MappingNotTotal, "join 'other': expected text, a number, or bytes as a join value, found list")
def a_join_on_a_list() -> Model:
    joins = {"other": one(other_kind(), on=(lambda row: [row.other_id], "id"))}
    return becoming(lambda row, other: {}, "other", joins=joins)


@breaks(broken.MappingNotPure, "one call gave day='2026-01-01', the other '2031-07-02'", "read no clock")
def a_mapping_that_reads_the_clock() -> Model:
    return becoming(lambda row: {"day": datetime.now().date().isoformat()})


@breaks(broken.MappingNotPure, "one call gave n=")
def a_mapping_that_differs_between_two_calls() -> Model:
    return becoming(lambda row: {"n": random.random().__str__()})


@breaks(broken.MappingNotPure, "kind Row")
def a_kind_that_reads_the_clock() -> Model:
    class Row(Kind, of=Old("rows", id=str), id="{id}"):
        id: str
        seen: Annotated[str, AfterValidator(lambda text: f"{text} {date.today()}")]

    return becoming(lambda row: {}, kind=Row)


@breaks(broken.SeesNotSufficient, "has no attribute 'rank'", "add the field to `sees`")
def a_mapping_that_uses_what_it_does_not_see() -> Model:
    return joined(lambda row, other: {"rank": other and other.rank})


@breaks(broken.SeesNotSufficient, "with whole rows it gave rank=")
def a_mapping_that_hides_that_it_does_not_see() -> Model:
    return joined(lambda row, other: {"rank": getattr(other, "rank", None)})


@breaks(broken.SeesNotSufficient, "has no attribute 'rank'")
def a_condition_that_uses_what_it_does_not_see() -> Model:
    return joined(lambda row, other: {}, only_if=lambda row, other: other.rank is None)


@breaks(broken.SeesNotSufficient, "has no attribute 'rank'")
def an_agreement_that_uses_what_it_does_not_see() -> Model:
    agreement = Agreement(needed=lambda row: False, holds=lambda others: len({other.rank for other in others}) < 2)
    joins = {"other": each(other_kind(), on=("other_id", "group"), agreement=agreement)}
    return becoming(lambda row, other: {}, "other", joins=joins, id="{id} {other.id}")


@breaks(broken.MappingNotTotal, "it refused a row because of others: not such a name")
def a_mapping_that_refuses_for_another_row() -> Model:
    def refusing(row: Any, other: Any) -> Any:
        if other:
            raise RejectedRow("not such a name")
        return {}

    return joined(refusing)


@breaks(broken.ValueNotStorable, "amount: expected a value that DynamoDB can hold, found a Python float")
def a_mapping_with_an_unknown_type() -> Model:
    return becoming(lambda row: {"amount": float(row.amount)})


@breaks(broken.ValueNotStorable, "'list' object has no attribute 'items'")
def a_mapping_that_answers_a_list() -> Model:
    return becoming(lambda row: [("amount", row.amount)])


@breaks(broken.IndexKeyOfAnotherType, "amount of type N for by-amount of type S", "types={...}")
def an_index_key_of_the_wrong_type() -> Model:
    return becoming(
        lambda row: {"amount": row.amount}, table=New("new", id=str, indexes=[Index("by-amount", "amount")])
    )


@breaks(broken.LimitPassed, "name: expected 1 to 2048 bytes for by-name", "max_length")
def an_index_key_that_another_row_makes_too_long() -> Model:
    table = New("new", id=str, indexes=[Index("by-name", "name")])
    joins = {"other": one(other_kind(), on="other_id", sees=["name"])}
    return becoming(lambda row, other: {"name": other and other.name}, "other", table=table, joins=joins)


# Keys of new rows


class Ids:
    """A right escape hatch, for the others to differ from."""

    def shared(self, row: Mapping[str, Any]) -> str:
        return str(row["id"])

    def own(self, row: Mapping[str, Any], member: Mapping[str, Any]) -> str:
        return f"own {row['id']} {member['id']}"

    def leader(self, row: Any, members: Sequence[Any]) -> Any:
        return min(members, key=lambda member: member.id)

    def shared_origin(self, text: str) -> Mapping[str, Any] | None:
        return {"id": text}

    def may_be_own(self, text: str) -> bool:
        return text.startswith("own ")

    def member_of(self, item: Item) -> Mapping[str, Any] | None:
        return {"id": item["member"]["S"]} if "member" in item else None


def with_keys(keys: Ids) -> Model:
    joins = {"other": each(other_kind(), on=("note", "group"), sees=["name"])}

    class Row(Kind, of=Old("rows", id=str), id="{id}"):
        id: str
        note: str

    return becoming(lambda row, other: {"member": other.id}, "other", kind=Row, joins=joins, keys=keys)


@breaks(broken.NewKeyImpossible, "is none of")
def keys_that_differ_between_two_calls() -> Model:
    class Counting(Ids):
        numbers = itertools.count()

        def shared(self, row: Mapping[str, Any]) -> str:
            return f"{row['id']} {next(self.numbers)}"

        def shared_origin(self, text: str) -> Mapping[str, Any] | None:
            return {"id": text.rpartition(" ")[0]}

    return with_keys(Counting())


@breaks(broken.OriginLost, "leads to no row")
def keys_that_do_not_lead_back() -> Model:
    class Lost(Ids):
        def shared_origin(self, text: str) -> Mapping[str, Any] | None:
            return None

    return with_keys(Lost())


@breaks(broken.MembersIncomplete, "two of them have one key")
def members_with_one_key() -> Model:
    class Same(Ids):
        def own(self, row: Mapping[str, Any], member: Mapping[str, Any]) -> str:
            return f"own {row['id']}"

    return with_keys(Same())


@breaks(broken.MembersIncomplete, "`may_be_own` refuses 'own ")
def members_whose_keys_are_not_recognised() -> Model:
    class Refused(Ids):
        def may_be_own(self, text: str) -> bool:
            return False

    return with_keys(Refused())


@breaks(broken.MembersIncomplete, "`member_of` reads None")
def members_that_the_new_row_does_not_name() -> Model:
    class Unnamed(Ids):
        def member_of(self, item: Item) -> Mapping[str, Any] | None:
            return None

    return with_keys(Unnamed())


@breaks(broken.MembersIncomplete, "`leader` answered None")
def members_without_a_leader() -> Model:
    class Leaderless(Ids):
        def leader(self, row: Any, members: Sequence[Any]) -> Any:
            return None

    return with_keys(Leaderless())


@breaks(broken.MembersIncomplete, "one of them raised KeyError('name')")
def keys_that_raise() -> Model:
    class Raising(Ids):
        def own(self, row: Mapping[str, Any], member: Mapping[str, Any]) -> str:
            return str(member["name"])

    return with_keys(Raising())


@pytest.mark.parametrize("name", MODELS)
def test_a_broken_law_is_named(name: str) -> None:
    law, texts = EXPECTED[name]

    with pytest.raises(ExceptionGroup) as caught:
        check(MODELS[name]())

    assert {type(each) for each in caught.value.exceptions} == {law}
    told = str(caught.value.exceptions[0])
    assert all(text in told for text in (*texts, "Example: ", f"Remedy: {law.remedy}")), told


def test_every_law_has_a_model_that_breaks_it() -> None:
    assert {law for law, _ in EXPECTED.values()} == set(broken.LawBroken.__subclasses__())


@pytest.mark.parametrize(
    "model", [MEASURES, SHOP, SOCIAL, LIBRARY, *ODD, with_keys(Ids())], ids=lambda model: model.name
)
def test_a_right_model_breaks_none(model: Model) -> None:
    check(model)


def test_two_laws_are_told_together() -> None:
    model = becoming(lambda row: {"amount": float(row.amount)})
    kind = plain_kind(table="more")
    space: dict[str, Any] = {"Row": kind, "os": os, "itertools": itertools, "numbers": itertools.count()}
    exec("def more(row: Row): return {'n': next(numbers)}", space)
    model.becomes(New("newer", id=str))(space["more"])

    with pytest.raises(ExceptionGroup, match="model m breaks 2 of the laws") as caught:
        check(model)
    assert {type(each) for each in caught.value.exceptions} == {broken.ValueNotStorable, broken.MappingNotPure}


def test_a_kind_that_accepts_nothing_is_named() -> None:
    class Row(Kind, of=Old("rows", id=str), id="{id}"):
        id: str
        code: Annotated[str, Field(min_length=2, max_length=1)]

    with pytest.raises(NoRow, match="kind Row"):
        check(becoming(lambda row: {}, kind=Row))


def test_an_aggregate_sees_its_rows() -> None:
    joins = {"others": all_(other_kind(), on=("other_id", "group"), sees=["name"])}

    check(becoming(lambda row, others: {"names": [other.name for other in others]}, "others", joins=joins))
