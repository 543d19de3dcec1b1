"""The old tables and what their rows must be: which attributes are read, which are required, and of which type.

What is not named here is ignored, and what is named is read only where its value is used. Nothing is refused about rows of
`measures` and `people`, which are not migrated: what cannot be used there is as if it were not there.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self

from pydantic import model_validator

from measures import data, links
from measures.values import (
    LONGEST_KEY,
    NOBODY,
    Carried,
    Confidence,
    DataSource,
    Flag,
    Guid,
    KeyText,
    Named,
    NamedKey,
    Number,
    Percent,
    Period,
    Share,
    Text,
    Timestamp,
    Whole,
    has_value,
    is_blank,
    is_never_set,
    is_short,
)
from remodel.items import ITEM_LIMIT, Item, size, to_item
from remodel.kinds import Index, Kind, Old

BY_MEASURE = Index("measure-index", "measure_id")
LINKS = Old("links", "purposepath-goal-measure-links", BY_MEASURE, id=str)
MILESTONES = Old("milestones", "purposepath-measure-milestones", BY_MEASURE, id=str)
ACTUALS = Old("actuals", "purposepath-measure-actuals", BY_MEASURE, id=str)
READINGS = Old("readings", "purposepath-measure-readings", BY_MEASURE, id=str)
MEASURES = Old("measures", "purposepath-measures", id=str)
PEOPLE = Old("people", "purposepath-people", id=str)


class MeasureRow(Kind):
    """A row that belongs to a measure. `kpi_id` is an older spelling of `measure_id`."""

    empty_is_absent: ClassVar[bool] = True

    id: Guid
    measure_id: NamedKey

    @classmethod
    def used(cls, item: Item) -> Item:
        return {**item, "measure_id": item["kpi_id"]} if "kpi_id" in item and is_blank(item, "measure_id") else item

    def longest(self) -> data.Columns:
        """The largest new row that this row could have, whatever it is joined with, without its key."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _fits_into_new_rows(self) -> Self:
        texts = sum(len(value) for value in self.__dict__.values() if isinstance(value, str))
        if texts > _ROOMY and size(to_item({"id": self.id, **self.longest()})) > ITEM_LIMIT:
            raise ValueError(f"expected new rows of at most {ITEM_LIMIT:,} bytes, found a larger one")
        return self


class Link(MeasureRow, of=LINKS, id="{id}"):
    tenant_id: NamedKey
    goal_id: NamedKey
    linked_at: Timestamp | None = None
    threshold_pct: Percent | None = None
    link_type: Carried | None = None
    weight: Share | None = None
    display_order: Whole | None = None
    is_primary: Flag = False
    created_by: NamedKey
    created_at: Timestamp
    updated_at: Timestamp | None = None

    @property
    def linked(self) -> str:
        """When the link was made: `linked_at`, or `created_at` where that was never set."""
        return self.created_at if self.linked_at is None or is_never_set(self.linked_at) else self.linked_at

    def longest(self) -> data.Columns:
        return links.measure_link(self, person_id=_LONGEST.tenant_id)


class DataRow(MeasureRow):
    tenant_id: KeyText | None = None


class Milestone(DataRow, of=MILESTONES, id="{id}"):
    milestone_date: Timestamp
    target_value: Number
    label: Carried | None = None
    confidence_level: Confidence | None = None
    rationale: Carried | None = None
    created_by: Named
    created_at: Timestamp
    updated_by: Carried | None = None
    updated_at: Timestamp | None = None

    def longest(self) -> data.Columns:
        return data.for_link(data.target(self), self.tenant_id, _LONGEST)


class Actual(DataRow, of=ACTUALS, id="{id}"):
    measurement_date: Timestamp
    actual_value: Number
    original_value: Number | None = None
    is_manual_override: Flag = False
    override_comment: Carried | None = None
    data_source: DataSource = "Manual"
    source_reference_id: Carried | None = None
    triggers_replan: Flag = False
    replan_threshold_exceeded: Flag = False
    auto_adjustment_applied: Flag | None = None
    recorded_by: Named
    recorded_at: Timestamp

    def longest(self) -> data.Columns:
        return data.for_link(data.measured(self), self.tenant_id, _LONGEST)


class Reading(DataRow, of=READINGS, id="{id}"):
    period: Period
    value: Number
    adjusted_value: Number | None = None
    reason: Carried | None = None
    data_source: DataSource = "Manual"
    integration_id: Carried | None = None
    execution_id: Carried | None = None
    created_by: Text | None = None
    created_at: Timestamp
    updated_at: Timestamp | None = None

    @classmethod
    def used(cls, item: Item) -> Item:
        unused = {
            "reason": not has_value(item, "adjusted_value"),
            "execution_id": has_value(item, "integration_id"),
            "created_by": is_blank(item, "created_by"),
        }
        return {name: value for name, value in super().used(item).items() if not unused.get(name)}

    def longest(self) -> data.Columns:
        return data.for_link(data.read_out(self), self.tenant_id, _LONGEST)


class Measure(Kind, of=MEASURES, id="{id}"):
    id: str
    tenant_id: Text | None = None
    owner_id: Text | None = None

    @classmethod
    def used(cls, item: Item) -> Item:
        return _looked_up(item, "owner_id")


class Person(Kind, of=PEOPLE, id="{id}"):
    id: str
    tenant_id: Text | None = None
    linked_user_id: Text | None = None

    @classmethod
    def used(cls, item: Item) -> Item:
        return _looked_up(item, "linked_user_id")


def _looked_up(item: Item, user: str) -> Item:
    """What can be used of a looked-up row: its tenant and the user that it names; nothing where there is no such user, or where
    the tenant is something that no link's can be."""
    wanted = {name: item[name]["S"] for name in ("tenant_id", user) if has_value(item, name) and "S" in item[name]}
    is_foreign = has_value(item, "tenant_id") and "tenant_id" not in wanted
    user_id = wanted.get(user, "")
    if is_foreign or user_id == NOBODY or not user_id.strip() or not is_short(user_id) or not is_short(item["id"]["S"]):
        return {}
    return {name: {"S": text} for name, text in wanted.items()}


class _LongestLink(NamedTuple):
    id: str
    tenant_id: str


_LONGEST = _LongestLink("f" * 36, "t" * LONGEST_KEY)
_ROOMY = 40_000
"""Characters that fit into any new row: of at most four bytes each, and at most twice in it."""
