"""An actual becomes a measured actual, for each link of its measure.

expected_value, variance and variance_percentage are not carried over: the new application computes them.
"""

from __future__ import annotations

from measures.join import Columns
from measures.rows import Actual


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
