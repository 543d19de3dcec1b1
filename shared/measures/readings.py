"""A reading becomes a measured actual, for each link of its measure.

An adjusted reading is a manual override: the adjusted value is posted, and the value as read is the original one.
"""

from __future__ import annotations

from measures.join import Columns
from measures.rows import Reading
from measures.values import period_days


def measured(row: Reading) -> Columns:
    first_day, last_day = period_days(row.period)
    adjusted = row.adjusted_value is not None
    recorded_by = row.created_by if row.created_by and row.created_by.strip() else "system"
    return {
        "data_category": "Actual",
        "actual_subtype": "Measured",
        "post_value": row.adjusted_value if adjusted else row.value,
        "post_date": last_day,
        "measured_period_start_date": first_day,
        "original_value": row.value if adjusted else None,
        "is_manual_override": adjusted,
        "override_comment": row.reason if adjusted else None,
        "data_source": row.data_source,
        "source_reference_id": row.integration_id or row.execution_id,
        "triggers_replan": False,
        "replan_threshold_exceeded": False,
        "recorded_by": recorded_by,
        "recorded_at": row.created_at,
        "created_by": recorded_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
