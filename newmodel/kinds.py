"""Kinds found in a sample of an old table: rows whose keys have one form, with the attributes that they have."""

from __future__ import annotations

import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from newmodel.forms import Shape, is_time, shapes
from remodel.items import Item
from remodel.keys import Form
from remodel.kinds import Kind as Base

PYTHON = {
    "S": "str",
    "N": "Decimal",
    "B": "bytes",
    "BOOL": "bool",
    "L": "list[Any]",
    "M": "dict[str, Any]",
    "SS": "set[str]",
    "NS": "set[Decimal]",
    "BS": "set[bytes]",
}

GENERAL = {"PROFILE", "META", "METADATA", "INFO", "DETAILS", "DATA", "ROOT"}
"""Words of sort keys that say nothing of what a row is."""

RESERVED = {*dir(Base), *Base.__annotations__, *keyword.kwlist, "it", "l"}
"""Names that a field cannot have."""


@dataclass(frozen=True)
class Sample:
    """Of one old table. `name`: the physical one. `key`: attributes with their types `S`, `N`, or `B`, partition key first."""

    name: str
    key: tuple[tuple[str, str], ...]
    items: Sequence[Item]


@dataclass(frozen=True)
class Attribute:
    """`name`: in the table. `field`: in the kind. `types`: as Python has them. `rows`: that have it, not NULL."""

    name: str
    field: str
    types: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Kind:
    """`forms`: by key attribute. `fields`: of the key, with their Python types. `rows`: of the sample that are of this kind."""

    words: tuple[str, ...]
    forms: Mapping[str, str]
    fields: Mapping[str, str]
    attributes: tuple[Attribute, ...]
    rows: int


def kinds(sample: Sample) -> tuple[list[Kind], list[Item]]:
    """The kinds, the most frequent first, and the items that fit none of them."""
    groups: dict[tuple[Shape, ...], list[Item]] = defaultdict(list)
    columns = []
    for name, type_ in sample.key:
        texts = [item[name][type_] for item in sample.items]
        columns.append(shapes(texts, len(sample.key) > 1) if type_ == "S" else [(None,)] * len(texts))
    for item, *found in zip(sample.items, *columns, strict=True):
        groups[tuple(found)].append(item)
    kept = _apart(sample, groups)
    left = [item for found, items in groups.items() if found not in kept for item in items]
    left = [item for item in left if not any(_fits(sample, found, item) for found in kept)]
    made = [_kind(sample, found, [each for each in sample.items if _fits(sample, found, each)]) for found in kept]
    return sorted(made, key=lambda kind: -kind.rows), left


def _apart(sample: Sample, groups: Mapping[tuple[Shape, ...], Sequence[Item]]) -> list[tuple[Shape, ...]]:
    """Key forms of which each row of the sample fits one. One that takes most rows of others stands for them all; a rare one
    that does is left out."""
    kept = list(groups)
    for wide in sorted(groups, key=lambda each: sum(len(part or "") for shape in each for part in shape)):
        others = [each for each in kept if each != wide and any(_fits(sample, wide, item) for item in groups[each])]
        if not others or wide not in kept:
            continue
        if len(groups[wide]) >= sum(len(groups[each]) for each in others):
            kept = [each for each in kept if each not in others]
        else:
            kept.remove(wide)
    return kept


def _fits(sample: Sample, found: tuple[Shape, ...], item: Item) -> bool:
    pairs = zip(sample.key, found, strict=True)
    return all(type_ != "S" or _form(shape).read(item[name]["S"]) is not None for (name, type_), shape in pairs)


def _form(shape: Shape, fields: Sequence[str] = ()) -> Form:
    names = iter(fields or [f"field{n}" for n in range(len(shape))])
    return Form("".join(f"{{{next(names)}}}" if part is None else part for part in shape))


def _kind(sample: Sample, found: tuple[Shape, ...], items: Sequence[Item]) -> Kind:
    taken: dict[str, str] = {}
    forms: dict[str, str] = {}
    same: set[str] = set()
    for (name, type_), shape in zip(sample.key, found, strict=True):
        values = [_form(shape).read(item[name]["S"]) or {} for item in items] if type_ == "S" else []
        fields = []
        for n in range(shape.count(None)):
            copy = _attribute_with(items, [each[f"field{n}"] for each in values], same) if shape != (None,) else None
            same |= {copy} if copy else set()
            fields.append(field_name(copy or _value_name(name, shape, n), taken))
            taken[fields[-1]] = PYTHON[type_]
        forms[name] = _form(shape, fields).text if fields else "".join(part or "" for part in shape)
    words = tuple(word for shape in found for part in shape for word in re.findall(r"[A-Za-z]+", part or ""))
    attributes = _attributes(items, {name for name, _ in sample.key} | same, taken)
    return Kind(
        words, forms, dict(list(taken.items())[: sum(each.count(None) for each in found)]), attributes, len(items)
    )


def _attribute_with(items: Sequence[Item], values: Sequence[str], but: Iterable[str]) -> str | None:
    """An attribute that repeats a part of the key in every row."""
    names = (name for name in items[0] if name not in but and len(items[0][name]) == 1)
    pairs = list(zip(items, values, strict=True))
    return next((name for name in names if all(item.get(name) == {"S": value} for item, value in pairs)), None)


def _value_name(attribute: str, shape: Shape, n: int) -> str:
    """By the word before the value: `CUST#{cust_id}`."""
    places = [place for place, part in enumerate(shape) if part is None]
    before = shape[places[n] - 1] if places[n] else None
    words = re.findall(r"[A-Za-z]+", before or "")
    return f"{words[-1].lower()}_id" if words else attribute if len(places) == 1 else f"{attribute}_{n + 1}"


def _attributes(items: Sequence[Item], but: set[str], taken: dict[str, str]) -> tuple[Attribute, ...]:
    types: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        for name, value in item.items():
            if name not in but:
                types[name].update(value.keys() - {"NULL"})
    found = []
    for name, met in types.items():
        python = tuple(PYTHON[each] for each, _ in met.most_common()) or ("str",)
        if python == ("str",) and met and all(is_time(item[name]["S"]) for item in items if "S" in item.get(name, ())):
            python = ("Timestamp",)
        field = field_name(name, taken)
        taken[field] = ""
        found.append(Attribute(name, field, python, met.total()))
    return tuple(found)


def field_name(name: str, taken: Iterable[str]) -> str:
    """As Python and pydantic take it, in snake case, and not taken."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|\W+", "_", name, flags=re.ASCII).strip("_").lower()
    if not snake or not snake[0].isalpha() or snake in RESERVED or snake.startswith("model_"):
        snake = f"its_{snake}"
    return unique(snake, taken)


def unique(name: str, taken: Iterable[str]) -> str:
    every = set(taken)
    tries = (name, *(f"{name}_{n}" for n in range(2, 1_000)))
    return next(each for each in tries if each not in every)
