"""The new tables with their indexes. Their rows are the application's: nothing but what model.md names is in them."""

from __future__ import annotations

from remodel.kinds import Index, New

MEASURE_LINKS = New(
    "measure_links",
    "purposepath-measure-links",
    id=str,
    indexes=[
        Index("tenant-index", "tenant_id"),
        Index("measure-index", "measure_id"),
        Index("person-index", "person_id"),
        Index("goal-index", "goal_id"),
        Index("strategy-index", "strategy_id"),
        Index("uniqueness-index", "uniqueness_key"),
    ],
)

MEASURE_DATA = New(
    "measure_data",
    "purposepath-measure-data",
    id=str,
    indexes=[
        Index("measure-link-index", "measure_link_id", "post_date"),
        Index("measure-link-category-index", "measure_link_category_key"),
        Index("target-subtype-index", "target_key"),
    ],
)
