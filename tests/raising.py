"""A model whose functions raise where a row says so: in its kind, in a join, in a condition of a join, and in the mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import field_validator

from remodel.joins import one
from remodel.kinds import Kind, New, Old
from remodel.model import Model

HOW = ("kind", "join", "only_if", "mapping")

THINGS = Old("things", id=str)


class Thing(Kind, of=THINGS, id="{id}"):
    id: str
    how: str

    @field_validator("how")
    @classmethod
    def _raises(cls, how: str) -> str:
        return _raise_at("kind", how)


def same(thing: Thing) -> str:
    _raise_at("join", thing.how)
    return thing.id


def is_allowed(thing: Thing, other: Any) -> bool:
    return bool(_raise_at("only_if", thing.how) or other)


def _raise_at(place: str, how: str) -> str:
    if place == how:
        raise KeyError(how)
    return how


NEW_THINGS = New("new_things", id=str)

MODEL = Model("raising")


@MODEL.becomes(NEW_THINGS, joins={"itself": one(Thing, on=(same, "id"), only_if=is_allowed)}, id="{id}")
def thing(it: Thing, itself: Any) -> Mapping[str, Any]:
    return {"how": _raise_at("mapping", it.how), "found": itself is not None}
