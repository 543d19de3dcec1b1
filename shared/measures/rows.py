"""The old rows, as far as anything is carried over: what is required, what may be missing, and of which kind.

An absent attribute, NULL and the empty string all mean "no value". `kpi_id` is an older spelling of `measure_id`.
What is not named here is ignored.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from measures.values import (
    Actor,
    Confidence,
    DataSource,
    Flag,
    Guid,
    KeyText,
    Number,
    Percent,
    Period,
    Share,
    Text,
    Timestamp,
    Whole,
)
from remodel.core.errors import Refused
from remodel.core.wire import Item, Scalar, scalar


class OldRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Guid
    measure_id: KeyText
    tenant_id: KeyText | None = None

    @classmethod
    def read(cls, item: Item) -> Self:
        """Raises Refused with every attribute that is wrong, and without any of the row's content."""
        values: dict[str, Scalar | None] = {}
        problems: dict[str, str] = {}
        for name, value in item.items():
            try:
                values[name] = scalar(value)
            except ValueError as problem:
                problems[name] = str(problem)
        values = {name: value for name, value in values.items() if value is not None}
        values.setdefault("measure_id", values.get("kpi_id"))
        try:
            row = cls.model_validate({name: value for name, value in values.items() if value is not None})
        except ValidationError as problem:
            problems = {str(each["loc"][0]): _plain(each["type"], each["msg"]) for each in problem.errors()} | problems
        if problems:
            raise Refused("; ".join(f"{name}: {problems[name]}" for name in sorted(problems)))
        return row

    @classmethod
    def attributes(cls) -> frozenset[str]:
        return frozenset(cls.model_fields) | {"kpi_id"}


class GoalMeasureLink(OldRow):
    tenant_id: KeyText
    goal_id: KeyText
    linked_at: Timestamp | None = None
    threshold_pct: Percent | None = None
    link_type: Text | None = None
    weight: Share | None = None
    display_order: Whole | None = None
    is_primary: Flag = False
    created_by: KeyText
    created_at: Timestamp
    updated_at: Timestamp | None = None


class Milestone(OldRow):
    milestone_date: Timestamp
    target_value: Number
    label: Text | None = None
    confidence_level: Confidence | None = None
    rationale: Text | None = None
    created_by: Text
    created_at: Timestamp
    updated_by: Text | None = None
    updated_at: Timestamp | None = None


class Actual(OldRow):
    measurement_date: Timestamp
    actual_value: Number
    original_value: Number | None = None
    is_manual_override: Flag = False
    override_comment: Text | None = None
    data_source: DataSource = "Manual"
    source_reference_id: Text | None = None
    triggers_replan: Flag = False
    replan_threshold_exceeded: Flag = False
    auto_adjustment_applied: Flag | None = None
    recorded_by: Actor
    recorded_at: Timestamp


class Reading(OldRow):
    period: Period
    value: Number
    adjusted_value: Number | None = None
    reason: Text | None = None
    data_source: DataSource = "Manual"
    integration_id: Text | None = None
    execution_id: Text | None = None
    created_by: Text | None = None
    created_at: Timestamp
    updated_at: Timestamp | None = None


_PLAIN = {
    "missing": "expected a value, found none",
    "string_type": "expected text, found another type",
    "is_instance_of": "expected a number, found another type",
    "bool_type": "expected true or false, or the numbers 0 and 1, found another value",
}


def _plain(kind: str, message: str) -> str:
    return _PLAIN.get(kind, message.removeprefix("Value error, "))
