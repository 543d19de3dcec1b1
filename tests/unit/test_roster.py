"""The roster: what the join needs of all links of a group together."""

from __future__ import annotations

import pytest

from remodel.core.entry import roster_attributes, roster_from
from remodel.core.errors import RosterFull
from remodel.core.roster import SEATS, Roster, Seat

NOW = 1_000
FACTS = {"linked_at": "2025-01-01"}


def test_a_newer_change_is_taken_and_moves_the_epoch() -> None:
    roster = Roster().take("l", Seat("1", FACTS), NOW)

    assert (roster.live, roster.epoch) == ({"l": FACTS}, 1)


def test_a_stale_change_leaves_it_as_it_is() -> None:
    roster = Roster().take("l", Seat("2", FACTS), NOW)

    assert roster is roster.take("l", Seat("1", {"linked_at": "earlier"}), NOW)
    assert roster is roster.take("l", Seat("2", FACTS), NOW)


def test_a_change_that_no_join_can_see_moves_only_the_revision() -> None:
    before = Roster().take("l", Seat("1", FACTS), NOW)
    after = before.take("l", Seat("2", FACTS), NOW)

    assert (before.epoch, before.revision + 1) == (after.epoch, after.revision)


def test_a_tombstone_keeps_late_changes_out_until_it_expires() -> None:
    roster = Roster().take("l", Seat("2", None, NOW + 10), NOW)

    assert roster is roster.take("l", Seat("1", FACTS), NOW)
    assert "l" in roster.take("other", Seat("1", FACTS), NOW).seats
    assert "l" not in roster.take("other", Seat("1", FACTS), NOW + 10).seats


def test_a_seat_mirrors_its_entry_unless_it_knows_better() -> None:
    roster = Roster().take("l", Seat("2", FACTS), NOW)

    assert roster is roster.mirror("l", Seat("1", None), NOW)
    assert roster is roster.mirror("l", Seat("2", FACTS), NOW)
    assert roster.mirror("l", Seat("2", None), NOW).live == {}
    assert roster.mirror("l", Seat("3", None), NOW).live == {}


def test_an_expired_tombstone_knows_nothing() -> None:
    roster = Roster().take("l", Seat("2", None, NOW), NOW - 1)

    assert roster.mirror("l", Seat("1", FACTS), NOW).live == {"l": FACTS}


def test_a_removed_link_that_never_had_a_seat_gets_none() -> None:
    assert Roster().mirror("l", Seat("2", None), NOW).seats == {}


def test_beyond_the_bound_there_is_a_named_error() -> None:
    roster = Roster(seats={str(n): Seat("1", FACTS) for n in range(SEATS)})

    with pytest.raises(RosterFull, match="expected at most 2000 links"):
        roster.take("one more", Seat("1", FACTS), NOW)


def test_it_survives_being_stored() -> None:
    roster = Roster().take("l", Seat("1", FACTS), NOW).take("m", Seat("2", None, NOW + 5), NOW)

    assert roster == roster_from(roster_attributes(roster))


def test_a_tombstone_of_somebody_unknown_moves_the_epoch() -> None:
    """A lookup that the index did not know yet was read from its table, where it was still there."""
    roster = Roster().take("p", Seat("2", None, 100), 1)

    assert (roster.epoch, roster.live) == (1, {})
