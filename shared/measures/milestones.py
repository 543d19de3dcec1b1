"""A milestone becomes a target, for each link of its measure."""

from __future__ import annotations

from measures.join import Columns
from measures.rows import Milestone


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
