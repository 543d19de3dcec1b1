"""A goal-measure-link becomes a measure-link, one to one, under its own id.

Its person is the one linked to the measure's owner, or else to the user who created the link; where no person is linked to that
user, it is the user's own id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from measures.old import Link


def user(link: Link, measure: Any) -> str:
    """`measure`: the measure's row as the link sees it, or None."""
    owner: str | None = measure.owner_id if measure else None
    return owner or link.created_by


def measure_link(link: Link, person_id: str) -> Mapping[str, Any]:
    """The new row without its key."""
    return {
        "tenant_id": link.tenant_id,
        "measure_id": link.measure_id,
        "person_id": person_id,
        "goal_id": link.goal_id,
        "linked_at": link.linked,
        "link_type": link.link_type,
        "weight": link.weight,
        "display_order": link.display_order,
        "is_primary": link.is_primary,
        "threshold_pct": link.threshold_pct,
        "uniqueness_key": f"{link.measure_id}#GOAL#{link.goal_id}",
        "created_by": link.created_by,
        "created_at": link.created_at,
        "updated_at": link.updated_at,
    }
