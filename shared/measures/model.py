"""The measure model: how old rows are joined, and which new rows they become.

A link joins its measure and the person of a user. A row of the other tables joins all links of its measure, and has one new row
for each. No data crosses tenants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from measures import data, links
from measures.ids import MeasureDataIds
from measures.new import MEASURE_DATA, MEASURE_LINKS
from measures.old import Actual, DataRow, Link, Measure, Milestone, Person, Reading
from remodel.joins import Agreement, each, one
from remodel.model import Model


def same_tenant(row: DataRow, link: Any) -> bool:
    return row.tenant_id is None or row.tenant_id == link.tenant_id


def not_of_another_tenant(link: Link, other: Any) -> bool:
    return other.tenant_id is None or other.tenant_id == link.tenant_id


def has_no_tenant(row: DataRow) -> bool:
    return row.tenant_id is None


def are_of_one_tenant(members: Sequence[Any]) -> bool:
    return len({link.tenant_id for link in members}) == 1


MODEL = Model("measures")

IDS = MeasureDataIds()

PERSON = {
    "measure": one(Measure, on="measure_id", sees=["owner_id", "tenant_id"], only_if=not_of_another_tenant),
    "person": one(
        Person,
        on=(links.user, "linked_user_id"),
        sees=["tenant_id"],
        only_if=not_of_another_tenant,
        index="linked-user-index",
    ),
}

LINK = {
    "link": each(
        Link,
        on="measure_id",
        sees=["tenant_id", "linked"],
        only_if=same_tenant,
        agreement=Agreement(needed=has_no_tenant, holds=are_of_one_tenant),
        unique=["goal_id"],
    )
}


@MODEL.becomes(MEASURE_LINKS, joins=PERSON, id="{id}")
def measure_link(link: Link, measure: Any, person: Any) -> data.Columns:
    return links.measure_link(link, person.id if person else links.user(link, measure))


@MODEL.becomes(MEASURE_DATA, joins=LINK, keys=IDS)
def milestone(row: Milestone, link: Any) -> data.Columns:
    return data.for_link(data.target(row), row.tenant_id, link)


@MODEL.becomes(MEASURE_DATA, joins=LINK, keys=IDS)
def actual(row: Actual, link: Any) -> data.Columns:
    return data.for_link(data.measured(row), row.tenant_id, link)


@MODEL.becomes(MEASURE_DATA, joins=LINK, keys=IDS)
def reading(row: Reading, link: Any) -> data.Columns:
    return data.for_link(data.read_out(row), row.tenant_id, link)
