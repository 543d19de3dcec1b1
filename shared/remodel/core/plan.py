"""What the new tables should say of one old row, and which ids should not be there.

A plan is a function of the row and the roster alone. Deletes cover tombstones on both sides: the rows of removed links,
and the id that a link's rows had before it became first. They cost a write unit each even where nothing is there, so a
*clean* change, before which nobody can have written anything else, plans none but what its own last row had.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from remodel.core.model import Context, NewKey, Source
from remodel.core.roster import Roster
from remodel.core.wire import Item


@dataclass(slots=True)
class Plan:
    """`puts` and `deletes` never share a key: where two rows claim one, the newest that is there wins."""

    puts: dict[NewKey, Item] = field(default_factory=dict)
    deletes: set[NewKey] = field(default_factory=set)
    _versions: dict[NewKey, str] = field(default_factory=dict)

    def add(self, puts: dict[NewKey, Item], deletes: Iterable[NewKey], version: str) -> None:
        for key, row in puts.items():
            if key not in self.puts or self._versions[key] < version:
                self.puts[key], self._versions[key] = row, version
        # By what is added, not by all that is planned already: a batch has a thousand of these.
        self.deletes.difference_update(puts)
        self.deletes.update(key for key in deletes if key not in self.puts)


def wanted(source: Source, row: Any, roster: Roster, context: Context) -> dict[NewKey, Item]:
    """The new rows that should be there; none for a removed row."""
    return {} if row is None else source.wanted(row, roster.live, context)


def unwanted(source: Source, id: str, roster: Roster, wanted: Iterable[NewKey]) -> set[NewKey]:
    """Every id that may carry something that the row and the roster no longer say."""
    return source.possible(id, roster.seats) - set(wanted)


def vacated(source: Source, last: Any, roster: Roster) -> set[NewKey]:
    """The ids that a removed row had, where its last version is known and settled: one a link. Not for links."""
    return set(source.wanted(last, roster.live, None))
