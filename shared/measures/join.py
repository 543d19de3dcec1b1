"""Which new rows a measure has: every data row once for each link that it pairs with, and under which id.

The measure's *first* link (earliest linked_at as an instant, then smallest id) carries the old id on, every other link a
name-based one. When the first link goes, the next one's rows take over the old ids. So the new ids are a function of the
old tables alone, and anybody can recompute them. No data crosses tenants: a row and a link of different tenants never pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import NAMESPACE_DNS, UUID, uuid5

from measures.values import instant
from remodel.core.model import Facts, NewKey
from remodel.core.wire import Item, Scalar, item

Columns = dict[str, Scalar | None]
"""A new row by attribute; None means that the row does not have it."""

MEASURE_LINKS, MEASURE_DATA = "measure_links", "measure_data"

NAMESPACE: UUID = uuid5(NAMESPACE_DNS, "measure-data.purposepath")


def pairing(tenant_id: str | None, links: Mapping[str, Facts]) -> dict[str, Facts]:
    """The links that a row pairs with; a row without tenant pairs with all."""
    return {id: facts for id, facts in links.items() if tenant_id is None or facts["tenant_id"] == tenant_id}


def first(links: Mapping[str, Facts]) -> str:
    return min(links, key=lambda id: (instant(links[id]["linked_at"]), id.lower(), id))


def other_id(id: str, link_id: str) -> str:
    """The id of a row's copy for a link that is not first."""
    return str(uuid5(NAMESPACE, f"{id}:{link_id}".lower()))


def joined(id: str, tenant_id: str | None, columns: Columns, links: Mapping[str, Facts]) -> dict[NewKey, Item]:
    """The measure-data rows of one old row, given the live links of its measure."""
    pairs = pairing(tenant_id, links)
    if not pairs:
        return {}
    lead, shared = first(pairs), item(columns)
    is_target = columns["data_category"] == "Target"
    rows = {}
    for link_id, facts in pairs.items():
        new_id = id if link_id == lead else other_id(id, link_id)
        own: Columns = {
            "id": new_id,
            "tenant_id": tenant_id or facts["tenant_id"],
            "measure_link_id": link_id,
            "measure_link_category_key": f"{link_id}#{columns['data_category']}",
            "target_key": f"{link_id}#Expected" if is_target else None,
        }
        rows[NewKey(MEASURE_DATA, new_id)] = {**shared, **item(own)}
    return rows


def possible_ids(id: str, links: Iterable[str]) -> set[NewKey]:
    """Every id under which a row could ever have been copied for these links, whichever of them was first."""
    return {NewKey(MEASURE_DATA, id), *(NewKey(MEASURE_DATA, other_id(id, link_id)) for link_id in links)}
