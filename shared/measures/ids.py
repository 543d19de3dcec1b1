"""Which id a measure-data row has.

Of the links that an old row pairs with, the first (earliest `linked_at` as an instant, then smallest id) has its new row under
the old id. For every other link the id is name-based (UUIDv5), of the old id and the link's id, both as stored. So the new ids
are a function of the old tables alone, and anyone can recompute them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from measures.values import instant, is_guid
from remodel.items import Item

NAMESPACE: UUID = uuid5(NAMESPACE_DNS, "measure-data.purposepath")

_BEGUN = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
_DERIVED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)


@lru_cache(maxsize=4_096)  # each row asks twice: for its possible ids, and for its expected ones
def derived_id(old_id: str, link_id: str) -> str:
    """What `uuid5(NAMESPACE, f"{old_id}:{link_id}")` gives, at a third of the time."""
    name = _BEGUN.copy()
    name.update(f"{old_id}:{link_id}".encode())
    octets = bytearray(name.digest()[:16])
    octets[6] = octets[6] & 0x0F | 0x50
    octets[8] = octets[8] & 0x3F | 0x80
    digits = octets.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class MeasureDataIds:
    """The model's escape hatch in place of a key form (`remodel.model.Keys`); a key text here is the id."""

    def shared(self, row: Mapping[str, Any]) -> str:
        return str(row["id"])

    def own(self, row: Mapping[str, Any], member: Mapping[str, Any]) -> str:
        return derived_id(row["id"], member["id"])

    def leader(self, row: Any, members: Sequence[Any]) -> Any:
        return min(members, key=lambda link: (instant(link.linked), link.id))

    def shared_origin(self, text: str) -> Mapping[str, Any] | None:
        return {"id": text} if is_guid(text) else None

    def may_be_own(self, text: str) -> bool:
        return _DERIVED.fullmatch(text) is not None

    def member_of(self, item: Item) -> Mapping[str, Any] | None:
        link_id = item.get("measure_link_id", {}).get("S")
        return {"id": link_id} if isinstance(link_id, str) and is_guid(link_id) else None
