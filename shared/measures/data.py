"""A milestone becomes a target, an actual and a reading a measured actual: one new row for each link of the row's measure.

`target`, `measured` and `read_out` are the columns of model.md's table, without what depends on the link; `for_link` adds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from measures.values import period_days

if TYPE_CHECKING:
    from measures.old import Actual, Milestone, Reading

Columns = Mapping[str, Any]
"""Attributes of a new row; None where it has none."""


def target(row: Milestone) -> Columns:
    return {
        "data_category": "Target",
        "target_subtype": "Expected",
        "post_value": row.target_value,
        "post_date": row.milestone_date,
        "label": row.label,
        "confidence_level": row.confidence_level,
        "rationale": row.rationale,
        "is_manual_override": False,
        "data_source": "Manual",
        "triggers_replan": False,
        "replan_threshold_exceeded": False,
        "recorded_by": row.created_by,
        "recorded_at": row.created_at,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "updated_by": row.updated_by,
        "updated_at": row.updated_at,
    }


def measured(row: Actual) -> Columns:
    return {
        "data_category": "Actual",
        "actual_subtype": "Measured",
        "post_value": row.actual_value,
        "post_date": row.measurement_date,
        "original_value": row.original_value,
        "is_manual_override": row.is_manual_override,
        "override_comment": row.override_comment,
        "data_source": row.data_source,
        "source_reference_id": row.source_reference_id,
        "triggers_replan": row.triggers_replan,
        "replan_threshold_exceeded": row.replan_threshold_exceeded,
        "auto_adjustment_applied": row.auto_adjustment_applied,
        "recorded_by": row.recorded_by,
        "recorded_at": row.recorded_at,
        "created_by": row.recorded_by,
        "created_at": row.recorded_at,
    }


def read_out(row: Reading) -> Columns:
    """An adjusted reading is a manual override: its adjusted value is posted, and the value as read is the original one."""
    first_day, last_day = period_days(row.period)
    is_adjusted = row.adjusted_value is not None
    return {
        "data_category": "Actual",
        "actual_subtype": "Measured",
        "post_value": row.adjusted_value if is_adjusted else row.value,
        "post_date": last_day,
        "measured_period_start_date": first_day,
        "original_value": row.value if is_adjusted else None,
        "is_manual_override": is_adjusted,
        "override_comment": row.reason,
        "data_source": row.data_source,
        "source_reference_id": row.execution_id if row.integration_id is None else row.integration_id,
        "triggers_replan": False,
        "replan_threshold_exceeded": False,
        "recorded_by": row.created_by or "system",
        "recorded_at": row.created_at,
        "created_by": row.created_by or "system",
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def for_link(columns: Columns, tenant_id: str | None, link: Any) -> Columns:
    """The new row for one link, without its key. `tenant_id`: the old row's."""
    return {
        **columns,
        "tenant_id": tenant_id or link.tenant_id,
        "measure_link_id": link.id,
        "measure_link_category_key": f"{link.id}#{columns['data_category']}",
        "target_key": f"{link.id}#Expected" if columns["data_category"] == "Target" else None,
    }
