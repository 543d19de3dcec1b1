"""What the new tables of the measure model must hold, computed from the old tables alone.

The referee of tests and demo: it shares no code with the engine or the model, and it is written for reading, not for speed.
An old or new row is an item in DynamoDB's JSON (`{"id": {"S": "…"}}`), and a number stays the text that it is.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.oracle_values import (
    LONGEST_KEY,
    NOBODY,
    Item,
    Refused,
    S,
    carried,
    data_source,
    days,
    flag,
    guid,
    instant,
    key_text,
    measure_of,
    named,
    number,
    optional_date,
    required,
    required_date,
    required_number,
    short,
    text,
    value,
)

Columns = dict[str, Any]
"""A part of a new row; None where an attribute is left out."""

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "measure-data.purposepath")
LARGEST_ROW = 400 * 1024


@dataclass(frozen=True)
class Link:
    id: str
    tenant: str
    measure: str
    goal: str
    linked_at: str
    created_by: str
    columns: Columns


@dataclass(frozen=True)
class DataRow:
    id: str
    tenant: str | None
    measure: str
    columns: Columns


@dataclass
class Expected:
    """`rows`: by new table and id, the rows that are right there; more than one where several old rows claim the id.
    `claimants`: by the same, table and id of these old rows, in the same order. `quarantine`: table and key of each refused
    row. The counts are of: data rows of a measure without link; pairs of a row and a link that tenants forbid; links beyond
    one for a measure and goal; new ids with several claimants; links with several persons.
    """

    rows: dict[str, dict[str, list[Item]]] = field(default_factory=lambda: {"measure_links": {}, "measure_data": {}})
    claimants: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    quarantine: set[tuple[str, str]] = field(default_factory=set)
    unlinked: int = 0
    tenant_violations: int = 0
    uniqueness_violations: int = 0
    claims: int = 0
    ambiguous: int = 0

    @property
    def counts(self) -> dict[str, int]:
        names = ("unlinked", "tenant_violations", "uniqueness_violations", "claims", "ambiguous")
        return {name: getattr(self, name) for name in names} | {"quarantined": len(self.quarantine)}


def expected(old: Mapping[str, Sequence[Item]]) -> Expected:
    """`old`: the rows of links, milestones, actuals, readings, measures and people, by these names."""
    result = Expected()
    links, looked_up = accepted("links", link, old, result), LookedUp(old)
    for each in links:
        persons = looked_up.persons_of(each)
        person = persons[0] if persons else looked_up.user_of(each)
        add(result, ("measure_links", each.id), ("links", each.id), {**each.columns, "person_id": S(person)})
        result.ambiguous += len(persons) > 1
    result.uniqueness_violations = sum(n - 1 for n in Counter((each.measure, each.goal) for each in links).values())

    of_measure: dict[str, list[Link]] = defaultdict(list)
    for each in links:
        of_measure[each.measure].append(each)
    for source, read in (("milestones", milestone), ("actuals", actual), ("readings", reading)):
        for row in accepted(source, read, old, result):
            its_links = of_measure[row.measure]
            pairs = pairing(row, its_links)
            result.unlinked += not its_links
            result.tenant_violations += len(its_links) - len(pairs)
            for n, each in enumerate(sorted(pairs, key=lambda link: (instant(link.linked_at), link.id))):
                new_id = row.id if n == 0 else str(uuid.uuid5(NAMESPACE, f"{row.id}:{each.id}"))
                add(result, ("measure_data", new_id), (source, row.id), for_link(row, each.id, each.tenant))
    result.claims = sum(len(rows) - 1 for rows in result.claimants.values())
    return result


def accepted(
    source: str, read: Callable[[Item], Any], old: Mapping[str, Sequence[Item]], result: Expected
) -> list[Any]:
    rows = []
    for item in old.get(source, ()):
        try:
            rows.append(read(item))
        except Refused:
            result.quarantine.add((source, item["id"]["S"]))
    return rows


def add(result: Expected, new: tuple[str, str], old: tuple[str, str], columns: Columns) -> None:
    table, id = new
    row = {"id": S(id), **{name: value for name, value in columns.items() if value is not None}}
    result.rows[table].setdefault(id, []).append(row)
    result.claimants.setdefault(new, []).append(old)


def pairing(row: DataRow, links: Iterable[Link]) -> list[Link]:
    """A row without tenant pairs with all links where these are of one tenant, otherwise with none."""
    links = list(links)
    if row.tenant is None:
        return links if len({each.tenant for each in links}) == 1 else []
    return [each for each in links if each.tenant == row.tenant]


# Old rows


def link(item: Item) -> Link:
    tenant, goal = key_text(item, "tenant_id"), key_text(item, "goal_id")
    measure, created_by = measure_of(item), key_text(item, "created_by")
    created_at, linked_at = required_date(item, "created_at"), optional_date(item, "linked_at")
    if linked_at is None or re.fullmatch(r"0001-01-01T00:00:00(\.0+)?Z?", linked_at):
        linked_at = created_at
    columns: Columns = {
        "tenant_id": S(tenant),
        "measure_id": S(measure),
        "goal_id": S(goal),
        "linked_at": S(linked_at),
        "link_type": carried(item, "link_type"),
        "weight": number(item, "weight", 0, 1),
        "display_order": number(item, "display_order", whole=True),
        "is_primary": flag(item, "is_primary", False),
        "threshold_pct": number(item, "threshold_pct", 0, 100),
        "uniqueness_key": S(f"{measure}#GOAL#{goal}"),
        "created_by": S(created_by),
        "created_at": S(created_at),
        "updated_at": S(optional_date(item, "updated_at")),
    }
    found = Link(guid(item), tenant, measure, goal, linked_at, created_by, columns)
    check_size(found.id, {**columns, "person_id": S("p" * LONGEST_KEY)})
    return found


def milestone(item: Item) -> DataRow:
    created_by, created_at = named(item, "created_by"), required_date(item, "created_at")
    return data_row(
        item,
        {
            "data_category": S("Target"),
            "target_subtype": S("Expected"),
            "post_value": required_number(item, "target_value"),
            "post_date": S(required_date(item, "milestone_date")),
            "label": carried(item, "label"),
            "confidence_level": number(item, "confidence_level", 1, 5, whole=True),
            "rationale": carried(item, "rationale"),
            "is_manual_override": {"BOOL": False},
            "data_source": S("Manual"),
            "triggers_replan": {"BOOL": False},
            "replan_threshold_exceeded": {"BOOL": False},
            "recorded_by": S(created_by),
            "recorded_at": S(created_at),
            "created_by": S(created_by),
            "created_at": S(created_at),
            "updated_by": carried(item, "updated_by"),
            "updated_at": S(optional_date(item, "updated_at")),
        },
    )


def actual(item: Item) -> DataRow:
    recorded_by, recorded_at = named(item, "recorded_by"), required_date(item, "recorded_at")
    return data_row(
        item,
        {
            "data_category": S("Actual"),
            "actual_subtype": S("Measured"),
            "post_value": required_number(item, "actual_value"),
            "post_date": S(required_date(item, "measurement_date")),
            "original_value": number(item, "original_value"),
            "is_manual_override": flag(item, "is_manual_override", False),
            "override_comment": carried(item, "override_comment"),
            "data_source": data_source(item),
            "source_reference_id": carried(item, "source_reference_id"),
            "triggers_replan": flag(item, "triggers_replan", False),
            "replan_threshold_exceeded": flag(item, "replan_threshold_exceeded", False),
            "auto_adjustment_applied": flag(item, "auto_adjustment_applied", None),
            "recorded_by": S(recorded_by),
            "recorded_at": S(recorded_at),
            "created_by": S(recorded_by),
            "created_at": S(recorded_at),
        },
    )


def reading(item: Item) -> DataRow:
    first_day, last_day = days(required(text(item, "period")))
    as_read, adjusted = required_number(item, "value"), number(item, "adjusted_value")
    author, created_at = text(item, "created_by"), required_date(item, "created_at")
    if author is None or not author.strip():
        author = "system"
    return data_row(
        item,
        {
            "data_category": S("Actual"),
            "actual_subtype": S("Measured"),
            "post_value": adjusted or as_read,
            "post_date": S(last_day),
            "measured_period_start_date": S(first_day),
            "original_value": as_read if adjusted else None,
            "is_manual_override": {"BOOL": adjusted is not None},
            "override_comment": carried(item, "reason") if adjusted else None,
            "data_source": data_source(item),
            "source_reference_id": carried(item, "integration_id") or carried(item, "execution_id"),
            "triggers_replan": {"BOOL": False},
            "replan_threshold_exceeded": {"BOOL": False},
            "recorded_by": S(author),
            "recorded_at": S(created_at),
            "created_by": S(author),
            "created_at": S(created_at),
            "updated_at": S(optional_date(item, "updated_at")),
        },
    )


def data_row(item: Item, columns: Columns) -> DataRow:
    tenant = short(text(item, "tenant_id"))
    row = DataRow(guid(item), tenant, measure_of(item), columns)
    check_size(row.id, for_link(row, "f" * 36, "t" * LONGEST_KEY))
    return row


def for_link(row: DataRow, link_id: str, tenant: str) -> Columns:
    category = row.columns["data_category"]["S"]
    return {
        **row.columns,
        "tenant_id": S(tenant if row.tenant is None else row.tenant),
        "measure_link_id": S(link_id),
        "measure_link_category_key": S(f"{link_id}#{category}"),
        "target_key": S(f"{link_id}#Expected") if category == "Target" else None,
    }


def check_size(id: str, columns: Columns) -> None:
    size = sum(len(name) + bytes_of(value) for name, value in {"id": S(id), **columns}.items() if value is not None)
    if size > LARGEST_ROW:
        raise Refused


def bytes_of(found: Any) -> int:
    if "S" in found:
        return len(found["S"].encode())
    return len(found["N"]) // 2 + 3 if "N" in found else 1


# Looked-up rows


class LookedUp:
    """Measures by id, and persons by the user that they are linked to."""

    def __init__(self, old: Mapping[str, Sequence[Item]]) -> None:
        self.measures = {measure["id"]["S"]: measure for measure in old.get("measures", ())}
        self.people: dict[str | None, list[Item]] = defaultdict(list)
        for person in old.get("people", ()):
            self.people[user_in(person, "linked_user_id")].append(person)

    def user_of(self, link: Link) -> str:
        """The measure's owner, else who created the link."""
        measure = self.measures.get(link.measure)
        owner = user_in(measure, "owner_id") if measure is not None and is_visible(measure, link) else None
        return owner or link.created_by

    def persons_of(self, link: Link) -> list[str]:
        """The ids of all persons linked to the link's user, the smallest first."""
        return sorted(each["id"]["S"] for each in self.people[self.user_of(link)] if is_visible(each, link))


def user_in(item: Item, name: str) -> str | None:
    """No user where the attribute is no text, blank, Guid.Empty, or longer than a key may be."""
    found = str((value(item, name) or {}).get("S", ""))
    return None if not found.strip() or found == NOBODY or len(found.encode()) > LONGEST_KEY else found


def is_visible(item: Item, link: Link) -> bool:
    tenant = value(item, "tenant_id")
    return (tenant is None or tenant == S(link.tenant)) and len(item["id"]["S"].encode()) <= LONGEST_KEY
