"""Harm that has a name: each kind on its own, with neighbours that have to arrive in the same batches."""

from __future__ import annotations

from typing import Any

import pytest

from remodel.items import Item
from tests import rows
from tests.hostile.mischief import Measures, Mischief, Shop
from tests.hostile.run import MODELS, InMemory, wrong
from tests.hostile.values import GUIDS, INDEX, Values
from tests.rows import text

Rows = list[tuple[str, Item]]
BATCH = 1_000


class Place:
    """Rows are put and delivered source by source, in the order of the model, and looked at when their batch is done."""

    def __init__(self, model: str = "measures") -> None:
        kind: type[Measures | Shop] = Measures if model == "measures" else Shop
        self.mischief: Mischief = kind(Values("named"), 0)
        self.target = InMemory(MODELS[model])

    def deliver(self, put: Rows, removed: Rows = ()) -> None:  # type: ignore[assignment]
        for source in self.mischief.sources:
            records: list[Any] = [self.target.put(source, row) for its, row in put if its == source]
            records += [self.target.remove(source, row) for its, row in removed if its == source]
            assert None not in records, "DynamoDB takes these rows"
            for n in range(0, len(records), BATCH):
                assert self.target.deliver(source, records[n : n + BATCH]) == {"batchItemFailures": []}

    def problems(self) -> list[str]:
        counts = self.target.again()
        return wrong(self.target, self.mischief, set()) + [f"drift {counts['drift']}"] * bool(counts["drift"])

    def rows_of(self, *ids: str) -> int:
        return sum(id in self.target.rows("measure_data") for id in ids)


def neighbours(group: str = "neighbours", tenant: str = "t") -> Rows:
    """A row of each table, of one group."""
    measure = text(group)
    tenant_id = text(tenant)
    return [
        ("links", rows.link(f"link {group}", measure_id=measure, tenant_id=tenant_id)),
        ("milestones", rows.milestone(f"milestone {group}", measure_id=measure, tenant_id=tenant_id)),
        ("actuals", rows.actual(f"actual {group}", measure_id=measure, tenant_id=tenant_id)),
        ("readings", rows.reading(f"reading {group}", measure_id=measure, tenant_id=tenant_id)),
        ("measures", rows.measure("user", id=measure, tenant_id=tenant_id)),
    ]


OURS = [rows.guid(f"{kind} neighbours") for kind in ("milestone", "actual", "reading")]


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_ten_thousand_links_on_one_measure() -> None:
    """Of a tenant who puts them on a measure of somebody else, who has a link and rows there."""
    place = Place()
    crowd = [("links", rows.link(f"{n}", tenant_id=text("u"), measure_id=text("neighbours"))) for n in range(10_000)]
    place.deliver([*crowd, *neighbours(), *neighbours("another")])

    assert place.rows_of(*OURS) == 3
    assert len(place.target.rows("measure_data")) == 6, "the crowd pairs with none of them"

    place.deliver(
        [
            ("actuals", rows.actual("of the crowd", tenant_id=text("u"), measure_id=text("neighbours"))),
            *neighbours("late"),
        ]
    )

    assert len(place.target.rows("measure_data")) == 6 + 10_000 + 3
    place.deliver([], crowd[:1])
    assert wrong(place.target, place.mischief, set()) == []


@pytest.mark.parametrize("unit", ["a", "\n", "é", "😀", "\x00"])
def test_keys_of_the_greatest_length(unit: str) -> None:
    values = Values("longest")

    def longest(length: int) -> str:
        whole = unit * (length // len(unit.encode()))
        return whole + "x" * (length - len(whole.encode()))

    place = Place()
    hostile: Rows = [
        ("links", rows.link(id=text(longest(2_048)))),
        ("actuals", rows.actual(id=text(longest(2_048)))),
        ("links", rows.link("long", measure_id=text(longest(2_048)))),
        ("actuals", rows.actual("long", measure_id=text(longest(2_048)))),
        ("measures", rows.measure("user", id=text(longest(2_048)))),
        ("people", rows.person(longest(2_048), longest(2_048))),
    ]
    place.deliver([*hostile, *neighbours(), *neighbours(longest(900), longest(900))])
    assert place.problems() == []
    assert place.rows_of(*OURS) == 3

    shop = Place("shop")
    keys = [
        (f"CUST#{longest(2_043)}", f"ORDER#{longest(1_018)}"),
        (f"CUST#{longest(2_043)}", "PROFILE"),
        (longest(2_048), longest(1_024)),
    ]
    keys += [(f"ORDER#{longest(2_042)}", f"ITEM#{'9' * 38}"), (longest(2_048), values.long(1_024))]
    odd = [
        {**rows.customer(), **rows.order(), **rows.item(), "PK": text(one), "SK": text(other)} for one, other in keys
    ]
    shop.deliver([*(("shop", row) for row in odd), ("shop", rows.customer()), ("shop", rows.order())])
    assert shop.problems() == []
    assert len(shop.target.rows("orders")) == 2


def test_ids_that_look_like_the_indexs_own() -> None:
    place = Place()
    hostile: Rows = [(source, {**row, "id": text(id)}) for id in INDEX for source, row in neighbours(id)]
    people: Rows = [("people", rows.person(id, id)) for id in INDEX]
    place.deliver([*hostile, *people, *neighbours(), *(each for id in INDEX for each in neighbours(id, id))])

    assert place.problems() == []
    assert place.rows_of(*OURS) == 3
    assert len(place.target.rows("measure_links")) == 1 + len(INDEX)

    place.deliver([], [each for each in hostile if each[0] != "measures"])
    assert place.problems() == []


def test_groups_that_share_a_name() -> None:
    """One text is a measure's id, a user's, a person's, a goal's and a tenant's; others differ by what joins and values are
    put together with."""
    place = Place()
    names = ["x", "measure_id=x", "sx", "linked_user_id=sx", "person\nx", "\nx", "x\n", "x=", "=x", "#x", "x#GOAL#x"]
    put: Rows = [each for name in names for each in neighbours(name, name)]
    put += [("people", rows.person(name, name, tenant_id=text(name))) for name in names]
    put += [
        (
            "links",
            rows.link(
                f"2 {name}", measure_id=text(name), tenant_id=text(name), created_by=text(name), goal_id=text(name)
            ),
        )
        for name in names
    ]
    place.deliver(put)

    assert place.problems() == []
    place.deliver([], put[::3])
    assert place.problems() == []


def test_ids_that_differ_in_letter_case() -> None:
    place = Place()
    lower, upper = (each.format(7) for each in GUIDS)
    put: Rows = []
    for id in (lower, upper):
        put += [
            (source, {**row, "id": text(id)} if source != "measures" else row) for source, row in neighbours(id, id[:4])
        ]
        put += [
            ("people", rows.person(id, "user", tenant_id=text(id[:4]))),
            ("links", rows.link(f"2 {id}", measure_id=text(id), tenant_id=text(id[:4]))),
        ]
    place.deliver(put)

    assert wrong(place.target, place.mischief, set()) == []
    assert place.rows_of(lower, upper) == 2
    place.deliver([], [each for each in put if each[1]["id"] == text(upper)])
    assert wrong(place.target, place.mischief, set()) == []
    assert place.rows_of(lower, upper) == 1


def test_no_row_reaches_another_tenant() -> None:
    """A tenant's link on a measure, measure, person and row without tenant, all aimed at a neighbour."""
    place = Place()
    group = text("neighbours")
    attack: Rows = [
        ("links", rows.link("early", tenant_id=text("u"), measure_id=group, linked_at=text("0001-01-02"))),
        ("people", rows.person("0-evil", "user", tenant_id=text("u"))),
        ("actuals", rows.actual("nobody's", measure_id=group)),
        ("actuals", rows.actual("theirs", measure_id=group, tenant_id=text("u"))),
    ]
    place.deliver([*neighbours(), *attack])

    assert place.problems() == []
    (link,) = [each for each in place.target.rows("measure_links").values() if each["tenant_id"] == text("t")]
    assert link["person_id"] == text("user")
    stored = place.target.rows("measure_data").values()
    assert {each["tenant_id"]["S"] for each in stored if each["measure_link_id"] == link["id"]} == {"t"}
    assert place.rows_of(*OURS, rows.guid("nobody's"), rows.guid("theirs")) == 4
    assert place.target.again()["tenant_violations"] == 3 + 2 + 1
