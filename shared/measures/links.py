"""A goal-measure-link becomes a measure-link, one to one, under its own id.

Its person comes from two looked-up tables: the measure's owner, or else who created the link, and the person linked to
that user. Where several persons are linked to one user the smallest id wins.
"""

from __future__ import annotations

from measures.join import MEASURE_LINKS, Columns
from measures.lookups import persons_of, text
from measures.rows import GoalMeasureLink
from remodel.core.model import Get, Lookups, NewKey


def measure_link(row: GoalMeasureLink, person_id: str) -> Columns:
    return {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "measure_id": row.measure_id,
        "person_id": person_id,
        "goal_id": row.goal_id,
        "linked_at": linked_at(row),
        "link_type": row.link_type,
        "weight": row.weight,
        "display_order": row.display_order,
        "is_primary": row.is_primary,
        "threshold_pct": row.threshold_pct,
        "uniqueness_key": uniqueness_key(row),
        "created_by": row.created_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def linked_at(row: GoalMeasureLink) -> str:
    return row.linked_at or row.created_at


def uniqueness_key(row: GoalMeasureLink) -> str:
    return f"{row.measure_id}#GOAL#{row.goal_id}"


def link_key(id: str) -> NewKey:
    return NewKey(MEASURE_LINKS, id)


def person_of(row: GoalMeasureLink) -> Lookups:
    """The person's id; where no person is linked to the user, the user's own."""
    measures = yield Get("measures", row.measure_id)
    user = next((owner for measure in measures if (owner := text(measure, "owner_id"))), row.created_by)
    people = yield persons_of(user)
    return min((person["id"]["S"] for person in people), default=user, key=lambda id: (id.lower(), id))
