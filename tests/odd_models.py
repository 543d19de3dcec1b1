"""Small models for what the product's models do not have: keys of every type, keys from attributes, joins of every shape."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from remodel.joins import all_, each, one
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model

Values = Mapping[str, Any] | None


# Composite and binary keys, and joins on them; new keys from attributes of every type

DEVICES, EVENTS, PICTURES = (
    Old("devices", serial=bytes),
    Old("events", device=int, at=bytes),
    Old("pictures", n=Decimal),
)


class Device(Kind, of=DEVICES, serial="{serial}"):
    serial: bytes
    owner: str
    rate: Decimal


class Event(Kind, of=EVENTS, device="{device}", at="{at}"):
    device: int
    at: bytes
    serial: bytes | None = None


class Picture(Kind, of=PICTURES, n="{n}"):
    n: Decimal
    checksum: bytes
    event: int | None = None
    event_at: bytes | None = None
    colour: Literal["red", "blue"] = "red"


KEYS = Model("keys")


@KEYS.becomes(New("by_rate", rate=Decimal, serial=bytes, indexes=[Index("by-owner", "owner")]))
def by_rate(it: Device) -> Values:
    return {"owner": it.owner}


@KEYS.becomes(New("turned", at=bytes, device=int), joins={"maker": one(Device, on="serial", sees=["owner"])})
def turned(it: Event, maker: Any) -> Values:
    return {"owner": maker and maker.owner}


@KEYS.becomes(
    New("by_checksum", checksum=bytes, n=Decimal),
    joins={"event": one(Event, on=(lambda it: (it.event, it.event_at), "device"), sees=["serial"])},
)
def by_checksum(it: Picture, event: Any) -> Values:
    return {"serial": event and event.serial}


@KEYS.becomes(New("by_colour", colour=str, n=Decimal), colour="{colour}")
def by_colour(it: Picture) -> Values:
    return None if it.event is None else {"event": it.event}


# A row joined with rows of its own kind: one, all, and each

STAFF = Old("staff", id=str)


class Employee(Kind, of=STAFF, id="{id}"):
    id: str
    name: str
    manager: str | None = None


SELF = Model("self")


@SELF.becomes(
    New("people", id=str),
    joins={
        "boss": one(Employee, on="manager", sees=["name"]),
        "reports": all_(Employee, on=("id", "manager"), sees=["name"]),
    },
)
def person(it: Employee, boss: Any, reports: Any) -> Values:
    return {"boss": boss and boss.name, "reports": [other.name for other in reports]}


@SELF.becomes(
    New("pairs", id=str, peer=str),
    joins={"peer": each(Employee, on=("manager", "manager"), sees=["name"])},
    peer="{peer.id}",
)
def pair(it: Employee, peer: Any) -> Values:
    return {"name": peer.name}


# A chain of two joins, followed: the second join's value comes from the first

PLACES = Old("places", PK=str, SK=str)


class Region(Kind, of=PLACES, PK="REGION#{region_id}", SK="INFO"):
    region_id: str
    tax: Decimal


class Town(Kind, of=PLACES, PK="TOWN#{town_id}", SK="INFO"):
    town_id: str
    region_id: str | None = None
    name: str


class Visit(Kind, of=PLACES, PK="VISIT#{visit_id}", SK="TOWN#{town_id}"):
    visit_id: int
    town_id: str
    spent: Decimal


CHAIN = Model("chain", ignore=[(PLACES, {"SK": "DRAFT"})])


@CHAIN.becomes(
    New("visits", visit_id=int, town_id=str),
    joins={
        "town": one(Town, sees=["region_id", "name"]),
        "region": one(Region, on=(lambda it, town: town and town.region_id, "region_id"), sees=["tax"]),
    },
)
def visit(it: Visit, town: Any, region: Any) -> Values:
    return {"town": town and town.name, "tax": region and region.tax, "spent": it.spent}


@CHAIN.becomes(
    New("totals", name=str, town_id=str), joins={"visits": all_(Visit, on=("town_id", "town_id"), sees=["spent"])}
)
def total(it: Town, visits: Any) -> Values:
    return {"total": sum((each.spent for each in visits), Decimal(0)), "visits": len(visits)}


# Two kinds with equal ids in one group; groups and kinds that are named like the index's own items

NOTES, ROWS, FANOUTS = Old("notes", id=str), Old("row", id=str), Old("fanouts", id=str)
Own = Annotated[
    str, Field(examples=["notes", "row/", "set/", "fanouts", "gaps", "complete", "=", "notes=s1", "claims/x"])
]


class Row(Kind, of=ROWS, id="{id}"):
    id: Own
    notes: Own


class Note(Kind, of=NOTES, id="{id}"):
    id: Own
    notes: Own
    fanouts: Own | None = None


class Fanout(Kind, of=FANOUTS, id="{id}"):
    id: Own
    notes: Own


LOOKALIKE = Model("lookalike")


@LOOKALIKE.becomes(
    New("claims", id=str),
    joins={
        "notes": all_(Note, on="notes", sees=["fanouts"]),
        "fanouts": all_(Fanout, on="notes"),
        "fan": one(Fanout, on=("id", "id"), sees=["notes"]),
    },
)
def claim(it: Row, notes: Any, fanouts: Any, fan: Any) -> Values:
    return {"notes": [f"{each.id}/{each.fanouts}" for each in notes], "n": len(fanouts), "fan": fan and fan.notes}


@LOOKALIKE.becomes(New("complete", fanouts=str, id=str), fanouts="{notes}")
def complete(it: Note) -> Values:
    return {"fanouts_were": it.fanouts}


MODELS = (KEYS, SELF, CHAIN, LOOKALIKE)
