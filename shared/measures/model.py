"""The sources of the measure model, and the model itself: what the engine is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from measures import actuals, links, milestones, readings
from measures.join import MEASURE_DATA, MEASURE_LINKS, Columns, joined, pairing, possible_ids
from measures.lookups import MEASURES, PEOPLE
from measures.rows import Actual, GoalMeasureLink, Milestone, OldRow, Reading
from measures.values import is_guid, measure_group
from remodel.core.model import Context, Facts, Lookups, Model, NewKey
from remodel.core.wire import Item, item, scalar


@dataclass(frozen=True)
class MeasureSource:
    """What links and data rows have in common: the group is the measure."""

    name: str
    row_type: type[OldRow]

    @property
    def is_lookup(self) -> bool:
        return False

    @cached_property
    def attributes(self) -> frozenset[str]:
        return self.row_type.attributes()

    def accepts(self, id: str) -> bool:
        return is_guid(id)

    def read(self, item: Item) -> Any:
        return self.row_type.read(item)

    def group(self, item: Item) -> str | None:
        for name in ("measure_id", "kpi_id"):
            found = scalar(item.get(name, {"NULL": True}))
            if found is not None:
                return measure_group(found) if isinstance(found, str) and len(found.encode()) <= 900 else None
        return None


@dataclass(frozen=True)
class LinkSource(MeasureSource):
    is_link: bool = True
    is_seated: bool = True
    derived: frozenset[str] = frozenset({"person_id"})

    def facts(self, row: GoalMeasureLink) -> Facts:
        return {"linked_at": links.linked_at(row), "tenant_id": row.tenant_id}

    def lookups(self, row: GoalMeasureLink) -> Lookups:
        return links.person_of(row)

    def wanted(self, row: GoalMeasureLink, others: Mapping[str, Facts], context: Context) -> dict[NewKey, Item]:
        return {links.link_key(row.id): item(links.measure_link(row, context))}

    def possible(self, id: str, others: Iterable[str]) -> set[NewKey]:
        return {links.link_key(id)}

    def strangers(self, row: GoalMeasureLink, others: Mapping[str, Facts]) -> int:
        return 0

    def unique(self, row: GoalMeasureLink) -> str:
        return links.uniqueness_key(row)


@dataclass(frozen=True)
class DataSource(MeasureSource):
    columns: Callable[[Any], Columns]
    is_link: bool = False
    is_seated: bool = False
    derived: frozenset[str] = frozenset()

    def facts(self, row: OldRow) -> Facts:
        return {"tenant_id": row.tenant_id or ""}

    def lookups(self, row: OldRow) -> None:
        return None

    def wanted(self, row: OldRow, its_links: Mapping[str, Facts], context: Context) -> dict[NewKey, Item]:
        return joined(row.id, row.tenant_id, self.columns(row), its_links)

    def possible(self, id: str, its_links: Iterable[str]) -> set[NewKey]:
        return possible_ids(id, its_links)

    def strangers(self, row: OldRow, its_links: Mapping[str, Facts]) -> int:
        return len(its_links) - len(pairing(row.tenant_id, its_links))

    def unique(self, row: OldRow) -> None:
        return None


def _link_of(key: NewKey, row: Item) -> str | None:
    return key.id if key.table == MEASURE_LINKS else row.get("measure_link_id", {}).get("S")


def _group_of(key: NewKey, row: Item) -> str | None:
    measure = row.get("measure_id", {}).get("S") if key.table == MEASURE_LINKS else None
    return measure_group(measure) if measure else None


_SOURCES = (
    LinkSource("links", GoalMeasureLink),
    DataSource("milestones", Milestone, milestones.target),
    DataSource("actuals", Actual, actuals.measured),
    DataSource("readings", Reading, readings.measured),
)

MODEL = Model(
    sources={source.name: source for source in _SOURCES},
    new_tables=(MEASURE_LINKS, MEASURE_DATA),
    lookups={source.name: source for source in (MEASURES, PEOPLE)},
    link_of=_link_of,
    group_of=_group_of,
)
