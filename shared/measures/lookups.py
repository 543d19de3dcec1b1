"""What a link's person is computed from: the measure's owner, and the persons linked to a user.

Both tables belong to the application and are not migrated, so nothing about their rows is refused: what is not text there
is no value, as it is for whoever looks it up. A measure's row belongs to the measure, a person's to the user.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from measures.values import measure_group
from remodel.core.model import Context, Facts, Find, Get, NewKey
from remodel.core.wire import Item, clean_text

LONGEST = 1_500
"""Bytes of a user's id that stand in a group as they are."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A row of `measures` or `people`: what it refers to, a user in either case."""

    id: str
    user_id: str | None


def persons_of(user_id: str) -> Find:
    return Find("people", "linked-user-index", "linked_user_id", user_id)


@dataclass(frozen=True)
class LookupSource:
    """What both tables have in common."""

    name: str
    user: str
    is_lookup: bool = True
    is_link: bool = False
    is_seated: bool = False
    derived: frozenset[str] = frozenset()

    @property
    def attributes(self) -> frozenset[str]:
        return frozenset({"id", self.user})

    def accepts(self, id: str) -> bool:
        return True

    def read(self, item: Item) -> LookedUp:
        return LookedUp(item["id"]["S"], text(item, self.user))

    def facts(self, row: LookedUp) -> Facts:
        return {}

    def lookups(self, row: LookedUp) -> None:
        return None

    def wanted(self, row: LookedUp, links: Mapping[str, Facts], context: Context) -> dict[NewKey, Item]:
        return {}

    def possible(self, id: str, links: Iterable[str]) -> set[NewKey]:
        return set()

    def strangers(self, row: LookedUp, links: Mapping[str, Facts]) -> int:
        return 0


@dataclass(frozen=True)
class MeasureLookup(LookupSource):
    def group(self, item: Item) -> str:
        return measure_group(item["id"]["S"])

    def unique(self, row: LookedUp) -> None:
        return None

    def place(self, request: Get | Find) -> str:
        assert isinstance(request, Get)
        return measure_group(request.id)

    def ahead(self, row: LookedUp) -> list[Get | Find]:
        return [persons_of(row.user_id)] if row.user_id else []


@dataclass(frozen=True)
class PersonLookup(LookupSource):
    def group(self, item: Item) -> str:
        user = text(item, self.user)
        return user_group(user) if user else f"person\n{item['id']['S']}"

    def unique(self, row: LookedUp) -> str | None:
        return row.user_id

    def place(self, request: Get | Find) -> str:
        assert isinstance(request, Find)
        return user_group(request.value)

    def ahead(self, row: LookedUp) -> list[Get | Find]:
        return []


def user_group(user_id: str) -> str:
    """Never a measure's group: in those, line breaks come in pairs."""
    doubled = user_id.replace("\n", "\n\n")
    long = len(doubled.encode()) > LONGEST
    return f"user\n{hashlib.sha256(doubled.encode()).hexdigest() if long else doubled}"


def text(item: Item, attribute: str) -> str | None:
    """Raises ValueError for text that no request could carry."""
    found = item.get(attribute, {}).get("S")
    return clean_text(found) or None if isinstance(found, str) else None


MEASURES = MeasureLookup("measures", "owner_id")
PEOPLE = PersonLookup("people", "linked_user_id", is_seated=True)
