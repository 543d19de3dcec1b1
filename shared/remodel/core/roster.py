"""The roster: what the join needs of all links of a group together, in one item; or who is found under one value.

One item, so one write is atomic and one consistent read is a snapshot. `epoch` grows with every change that a join could
see (a link comes, goes, or changes its facts): whoever joined under another epoch must look again. `revision` grows with
every write; a write states the revision that it read, so two writers cannot overwrite each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from remodel.core.errors import RosterFull
from remodel.core.model import Facts
from remodel.core.version import newer

SEATS = 2_000
"""Links of one group, tombstones included, that one item of 400 KB holds with some to spare."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A link on the roster. `facts` None is a tombstone, which may leave at `expires` (epoch seconds)."""

    version: str
    facts: Facts | None
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    epoch: int = 0
    revision: int = 0
    seats: Mapping[str, Seat] = field(default_factory=dict)

    @property
    def live(self) -> dict[str, Facts]:
        return {id: seat.facts for id, seat in self.seats.items() if seat.facts is not None}

    def take(self, id: str, seat: Seat, now: int) -> Roster:
        """The roster after a link's change, or this very one where the change is stale."""
        known = self.seats.get(id)
        if not newer(seat.version, known.version if known else None):
            return self
        return self._with(id, seat, now)

    def mirror(self, id: str, seat: Seat, now: int) -> Roster:
        """The roster with a seat that says what the link's entry says, or this very one where it does or knows better.

        A repair corrects an entry under the version that it has, so an equal version with other facts gives way too.
        """
        known = self.seats.get(id)
        if known is None or (known.expires is not None and known.expires <= now):
            return self if seat.facts is None else self._with(id, seat, now)
        if newer(known.version, seat.version) or (known.version, known.facts) == (seat.version, seat.facts):
            return self
        return self._with(id, seat, now)

    def _with(self, id: str, seat: Seat, now: int) -> Roster:
        known = self.seats.get(id)
        # A tombstone of an unknown row counts: somebody may have read the row elsewhere, where it was still there.
        seen = known is None or known.facts != seat.facts
        seats = {each: it for each, it in self.seats.items() if it.expires is None or it.expires > now}
        seats[id] = seat
        if len(seats) > SEATS:
            raise RosterFull(
                f"expected at most {SEATS} links in one group, found {len(seats)} with link {id!r}: "
                "remove links from this group, or wait until the tombstones of removed ones expire"
            )
        return replace(self, epoch=self.epoch + seen, revision=self.revision + 1, seats=seats)
