"""The measure model: kinds, ids, and mapping functions. What whole worlds become is in tests/cases and test_oracle."""

from __future__ import annotations

import random
import uuid
from typing import Any, NamedTuple

import pytest

from measures import data
from measures.ids import NAMESPACE, MeasureDataIds, derived_id
from measures.model import MODEL
from measures.new import MEASURE_DATA, MEASURE_LINKS
from measures.old import Actual, Link, Measure, Milestone, Person, Reading
from remodel.errors import RejectedRow
from remodel.items import ITEM_LIMIT, Item, Wire, size
from remodel.keys import Key
from remodel.kinds import Kind
from remodel_testing.snapshots import new_tables

M = "3f0c1e5a-0000-4000-8000-00000000000a"
ID = "dddddddd-0000-4000-8000-000000000001"


def s(value: str) -> Wire:
    return {"S": value}


ROWS: dict[type[Kind], Item] = {
    Link: {
        "id": s("11111111-0000-4000-8000-000000000001"),
        "tenant_id": s("t1"),
        "goal_id": s("g"),
        "measure_id": s(M),
        "created_by": s("u1"),
        "created_at": s("2025-01-09"),
    },
    Milestone: {
        "id": s(ID),
        "measure_id": s(M),
        "milestone_date": s("2025-06-30"),
        "target_value": {"N": "10"},
        "created_by": s("u2"),
        "created_at": s("2025-01-01"),
    },
    Actual: {
        "id": s(ID),
        "measure_id": s(M),
        "measurement_date": s("2025-03-31"),
        "actual_value": {"N": "7"},
        "recorded_by": s("u3"),
        "recorded_at": s("2025-04-01"),
    },
    Reading: {
        "id": s(ID),
        "measure_id": s(M),
        "period": s("2025-03"),
        "value": {"N": "5"},
        "created_at": s("2025-04-01"),
    },
    Measure: {"id": s(M), "tenant_id": s("t1"), "owner_id": s("u9")},
    Person: {"id": s("p"), "tenant_id": s("t1"), "linked_user_id": s("u1")},
}


def read(kind: type[Any], **changes: Wire | None) -> Any:
    item = {name: value for name, value in {**ROWS[kind], **changes}.items() if value is not None}
    return kind.read(Key(kind.table.name, kind.table.schema.encode(item)), item)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Link, ["measure_id", "tenant_id", "goal_id", "created_by", "created_at"]),
        (Milestone, ["measure_id", "milestone_date", "target_value", "created_by", "created_at"]),
        (Actual, ["measure_id", "measurement_date", "actual_value", "recorded_by", "recorded_at"]),
        (Reading, ["measure_id", "period", "value", "created_at"]),
    ],
)
def test_what_is_required(kind: type[Kind], names: list[str]) -> None:
    for name in names:
        for missing in (None, {"NULL": True}, s(""), s(" ")):
            with pytest.raises(RejectedRow, match=f"^{name}: expected"):
                read(kind, **{name: missing})
    assert read(kind)


def test_a_reason_names_each_attribute_and_repeats_no_content() -> None:
    secret = "name@company.example"
    with pytest.raises(RejectedRow) as caught:
        read(
            Actual,
            id=s(secret),
            measurement_date=s(secret),
            actual_value=s(secret),
            data_source=s(secret),
            is_manual_override=s(secret),
            override_comment={"SS": [secret]},
        )
    reason = str(caught.value)

    assert reason.split("; ", maxsplit=1)[0].startswith("actual_value: ")
    assert len(reason.split("; ")) == 6
    assert secret not in reason


@pytest.mark.parametrize("odd", [{"N": "5"}, {"SS": ["u"]}, s(" "), s("u" * 901), {"NULL": True}, {"B": b"u"}])
def test_nothing_about_a_looked_up_row_is_refused(odd: Wire) -> None:
    assert read(Measure, owner_id=odd).owner_id is None
    assert read(Person, linked_user_id=odd).linked_user_id is None


@pytest.mark.parametrize(
    "changes", [{"id": s("p" * 901)}, {"tenant_id": {"N": "5"}}, {"linked_user_id": s(str(uuid.UUID(int=0)))}]
)
def test_a_person_that_cannot_be_used_is_linked_to_nobody(changes: Item) -> None:
    assert read(Person, **changes).linked_user_id is None


def test_a_link_without_a_date_of_its_own_counts_from_its_creation() -> None:
    assert read(Link).linked == "2025-01-09"
    assert read(Link, linked_at=s("0001-01-01T00:00:00.0000000Z")).linked == "2025-01-09"
    assert read(Link, linked_at=s("0001-01-01T00:00:00.0000001Z")).linked == "0001-01-01T00:00:00.0000001Z"


# Size


def fill(kind: type[Kind], name: str, extra: int, **changes: Wire) -> int:
    """The size of the new row of a row with one long text, where it has one; 0 where the row is rejected."""
    world = {
        "links": [{**ROWS[Link], "tenant_id": s("t" * 900), "created_by": s("u" * 900)}],
        kind.table.name: [{**ROWS[kind], **changes, name: s("x" * extra)}],
    }
    if kind is Link:
        world = {"links": [{**ROWS[Link], **changes, "created_by": s("u" * 900), name: s("x" * extra)}]}
    found = new_tables(MODEL, world).rows["measure_links" if kind is Link else "measure_data"]
    return max((size(rows[0]) for rows in found.values()), default=0)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Link, "link_type"),
        (Milestone, "label"),
        (Milestone, "created_by"),
        (Actual, "recorded_by"),
        (Reading, "integration_id"),
    ],
)
def test_a_row_is_refused_as_soon_as_its_largest_new_row_would_be_too_large(kind: type[Kind], name: str) -> None:
    """The link here has the longest tenant, and the longest user: what is accepted fits, and what fits is accepted."""
    low, high = 1_000, ITEM_LIMIT
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if fill(kind, name, middle) else (low, middle)

    assert ITEM_LIMIT - 2 <= fill(kind, name, low) <= ITEM_LIMIT
    with pytest.raises(RejectedRow, match="row: expected new rows of at most 409,600 bytes"):
        read(kind, **{name: s("x" * high), **({"created_by": s("u" * 900)} if kind is Link else {})})


def test_whether_a_row_is_too_large_depends_on_no_link() -> None:
    with pytest.raises(RejectedRow, match="new rows"):
        read(Actual, recorded_by=s("x" * 205_000))
    assert read(Actual, override_comment=s("x" * 205_000))


# Ids


def test_derived_ids_are_uuid5_of_the_text_as_stored() -> None:
    for n in range(200):
        made = random.Random(n)
        old, link = (str(uuid.UUID(int=made.getrandbits(128))) for _ in range(2))
        old = old.upper() if n % 2 else old

        found = derived_id(old, link)

        assert found == str(uuid.uuid5(NAMESPACE, f"{old}:{link}"))
        assert MeasureDataIds().may_be_own(found)
    assert str(NAMESPACE) == str(uuid.uuid5(uuid.NAMESPACE_DNS, "measure-data.purposepath"))


def test_the_companions_of_a_key_agree() -> None:
    ids, row, member = MeasureDataIds(), {"id": ID.upper()}, {"id": "11111111-0000-4000-8000-000000000001"}

    assert ids.shared_origin(ids.shared(row)) == row
    assert ids.may_be_own(ids.own(row, member))
    assert ids.member_of({"measure_link_id": s(member["id"])}) == member
    assert ids.shared_origin("no guid") is None
    assert not ids.may_be_own(ids.own(row, member).upper())
    assert not ids.may_be_own(ID)
    assert [ids.member_of(item) for item in ({}, {"measure_link_id": {"N": "1"}}, {"measure_link_id": s("x")})] == [
        None
    ] * 3


class Seen(NamedTuple):
    id: str
    linked: str
    tenant_id: str = "t1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Seen("b", "2025-01-10T01:00:00+02:00"), Seen("a", "2025-01-10")),
        (Seen("b", "2025-01-10T00:00:00.0000001Z"), Seen("a", "2025-01-10T00:00:00.0000002Z")),
        (Seen("B", "2025-01-10"), Seen("a", "2025-01-10T00:00:00.000Z")),
    ],
)
def test_the_first_link_leads(one: Seen, other: Seen) -> None:
    assert MeasureDataIds().leader(None, [other, one]) is one


# Mapping functions


def test_a_reading_is_adjusted_by_zero_too() -> None:
    row = data.read_out(read(Reading, adjusted_value={"N": "0"}, reason={"N": "3"}))

    assert (str(row["post_value"]), str(row["original_value"]), row["is_manual_override"]) == ("0", "5", True)
    assert str(row["override_comment"]) == "3"


def test_a_target_key_is_for_targets_only() -> None:
    link = Seen("l", "2025-01-10")

    target = data.for_link(data.target(read(Milestone)), None, link)
    actual = data.for_link(data.measured(read(Actual)), "t2", link)

    assert (target["target_key"], target["measure_link_category_key"], target["tenant_id"]) == (
        "l#Expected",
        "l#Target",
        "t1",
    )
    assert (actual["target_key"], actual["measure_link_category_key"], actual["tenant_id"]) == (None, "l#Actual", "t2")


ATTRIBUTES = {
    "measure_links": """id, tenant_id, measure_id, person_id, goal_id, strategy_id, linked_at, link_type, weight, display_order,
        is_primary, threshold_pct, uniqueness_key, created_by, created_at, updated_at""",
    "measure_data": """id, tenant_id, measure_link_id, data_category, target_subtype, actual_subtype, post_value, post_date,
        measured_period_start_date, label, confidence_level, rationale, original_value, is_manual_override, override_comment,
        data_source, source_reference_id, triggers_replan, replan_threshold_exceeded, auto_adjustment_applied, recorded_by,
        recorded_at, created_by, created_at, updated_by, updated_at, measure_link_category_key, target_key""",
}


def test_new_rows_have_the_attributes_of_the_application_and_no_others() -> None:
    link = Seen("l", "2025-01-10")
    rows = [data.for_link(data.target(read(Milestone)), None, link)]
    rows += [
        data.for_link(data.measured(read(Actual)), None, link),
        data.for_link(data.read_out(read(Reading)), None, link),
    ]
    found = {"measure_data": {name for row in rows for name in row}}
    found["measure_links"] = set(MODEL.mappings[0].function(read(Link), None, None) or ())

    wanted = {table: {name.strip() for name in names.split(",")} - {"id"} for table, names in ATTRIBUTES.items()}
    assert found["measure_data"] == wanted["measure_data"]
    assert found["measure_links"] == wanted["measure_links"] - {"strategy_id"}


# The declaration


def test_tables_and_indexes() -> None:
    assert MODEL.order == ("measures", "people", "links", "milestones", "actuals", "readings")
    assert list(MODEL.new_tables) == ["measure_links", "measure_data"]
    assert [(index.name, index.attributes) for index in MEASURE_LINKS.indexes] == [
        ("tenant-index", (("tenant_id", "S"),)),
        ("measure-index", (("measure_id", "S"),)),
        ("person-index", (("person_id", "S"),)),
        ("goal-index", (("goal_id", "S"),)),
        ("strategy-index", (("strategy_id", "S"),)),
        ("uniqueness-index", (("uniqueness_key", "S"),)),
    ]
    assert [(index.name, index.attributes) for index in MEASURE_DATA.indexes] == [
        ("measure-link-index", (("measure_link_id", "S"), ("post_date", "S"))),
        ("measure-link-category-index", (("measure_link_category_key", "S"),)),
        ("target-subtype-index", (("target_key", "S"),)),
    ]


@pytest.mark.parametrize(
    ("changes", "is_seen"),
    [
        ({"weight": {"N": "1"}}, False),
        ({"link_type": s("x")}, False),
        ({"updated_at": s("2025-05-01")}, False),
        ({"linked_at": s("2025-01-09")}, False),
        ({"linked_at": s("2025-01-08")}, True),
        ({"tenant_id": s("t2")}, True),
    ],
)
def test_what_other_rows_see_of_a_link(changes: Item, is_seen: bool) -> None:
    plan = MODEL.plans[Link]

    assert (plan.seen_by_others(read(Link)) != plan.seen_by_others(read(Link, **changes))) is is_seen
