"""The items of the index, in wire form: entries, one per old row, and the roster of each group.

    group_key (partition)   item_key (sort)          attributes
    the group               links#<id>, rows#<id>    version, kept (the row; absent on a tombstone), expires (tombstones)
    the group               roster                   epoch, revision, seats
    the group               @<another group>         (links of that group are computed from rows of this one)

The index is a base table keyed by what is joined on, because a GSI cannot be read consistently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from remodel.core.change import Key
from remodel.core.roster import Roster, Seat
from remodel.core.wire import Item

GROUP, NAME = "group_key", "item_key"
ROSTER, DEPENDENT = "roster", "@"

TOMBSTONE_SECONDS = 30 * 24 * 3600
"""Longer than any backfill page or stream record could still be on its way."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of an old row; `kept` None is a tombstone."""

    version: str
    kept: Item | None


def entry_key(key: Key) -> Item:
    return {GROUP: {"S": key.group}, NAME: {"S": f"{key.source}#{key.id}"}}


def roster_key(group: str) -> Item:
    return {GROUP: {"S": group}, NAME: {"S": ROSTER}}


def key_of(item: Item) -> Key | None:
    """The old row that an index item stands for; None for a roster and for a dependent group."""
    source, _, id = item[NAME]["S"].partition("#")
    return Key(item[GROUP]["S"], source, id) if id and not source.startswith(DEPENDENT) else None


def dependent_key(group: str, dependent: str) -> Item:
    return {GROUP: {"S": group}, NAME: {"S": f"{DEPENDENT}{dependent}"}}


def dependent_of(item: Item) -> str:
    name: str = item[NAME]["S"]
    return name.removeprefix(DEPENDENT)


def entry_attributes(version: str, kept: Item | None, now: int) -> Item:
    if kept is None:
        return {"version": {"S": version}, "expires": {"N": str(now + TOMBSTONE_SECONDS)}}
    return {"version": {"S": version}, "kept": {"M": kept}}


def entry_from(item: Item) -> Entry:
    return Entry(item["version"]["S"], item["kept"]["M"] if "kept" in item else None)


def roster_attributes(roster: Roster) -> Item:
    return {
        "epoch": {"N": str(roster.epoch)},
        "revision": {"N": str(roster.revision)},
        "seats": {"M": {id: {"M": _seat(seat)} for id, seat in roster.seats.items()}},
    }


def roster_from(item: Item | None) -> Roster:
    if item is None:
        return Roster()
    seats = {id: _seat_from(value["M"]) for id, value in item["seats"]["M"].items()}
    return Roster(int(item["epoch"]["N"]), int(item["revision"]["N"]), seats)


def _seat(seat: Seat) -> Item:
    item: Item = {"version": {"S": seat.version}}
    if seat.facts is not None:
        item["facts"] = {"M": {name: {"S": text} for name, text in seat.facts.items()}}
    if seat.expires is not None:
        item["expires"] = {"N": str(seat.expires)}
    return item


def _seat_from(item: dict[str, Any]) -> Seat:
    facts = {name: text["S"] for name, text in item["facts"]["M"].items()} if "facts" in item else None
    return Seat(item["version"]["S"], facts, int(item["expires"]["N"]) if "expires" in item else None)
