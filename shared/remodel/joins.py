"""Joins: which rows of another kind a new row is computed from, and by which value the two sides find each other.

A join and a value form a *group*. The rows that receive the other side are members of the group; so are the rows of the
other side, unless they are found by their own key. What a join does not declare to see, the mapping cannot use.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from remodel.errors import ModelError
from remodel.items import canonical_number
from remodel.keys import HASH_LIMIT, Key
from remodel.kinds import Kind, scalar_type

On = str | tuple[str | Callable[..., Any], str] | None
Pair = Callable[[Any, Any], bool]

View = tuple[type[Kind], str, tuple[str, ...]]
"""A kind, the name of a join, and the fields that are seen: what is the same in several mappings is seen once."""


class Group(NamedTuple):
    """A join and a value. `value` is the text of the join value, as `group_value` writes it."""

    name: str
    value: str

    @property
    def key(self) -> str:
        """The partition of the index that the group has; injective, and never longer than a key may be."""
        text = f"{self.name}={self.value}"
        if len(text.encode()) <= HASH_LIMIT:
            return text
        return f"{self.name}#{hashlib.sha256(self.value.encode()).hexdigest()}"


def group_value(value: Any) -> str:
    """The text of a join value: one text for each value and type. Raises ValueError for a value that is no scalar."""
    match value:
        case str():
            return f"s{value}"
        case bool():
            pass
        case int() | Decimal():
            return f"n{canonical_number(str(value))}"
        case bytes():
            return f"b{base64.b64encode(value).decode()}"
        case tuple():
            return "t" + json.dumps([group_value(each) for each in value], ensure_ascii=False)
    raise ValueError(f"expected text, a number, or bytes as a join value, found {type(value).__name__}")


@dataclass(frozen=True)
class Agreement:
    """A rule over all members that a row could pair with: `needed(row)` says whether it applies to a row, `holds(members)`
    whether the row pairs with its members; otherwise it pairs with none."""

    needed: Callable[[Any], bool]
    holds: Callable[[Sequence[Any]], bool]


@dataclass(frozen=True)
class Join:
    """As the model's author declares it (`one`, `each`, `all_`)."""

    mode: Literal["one", "each", "all"]
    kind: type[Kind]
    on: On
    sees: tuple[str, ...]
    only_if: Pair | None = None
    agreement: Agreement | None = None
    unique: tuple[str, ...] = ()
    index: str | None = None


def one(
    kind: type[Kind], on: On = None, sees: Sequence[str] = (), only_if: Pair | None = None, index: str | None = None
) -> Join:
    """Zero or one row of `kind`; of several candidates the one with the smallest key, reported as ambiguous.

    `on`: a field of this kind that holds the other's key, or has a field of the same name there; a pair (mine, theirs) where
    the names differ, or where mine is a function of the row and the joins declared before. `only_if(row, other)`: the pairs
    that are allowed. `index`: a global secondary index of the old table on their field, which answers for rows that are not
    yet in the engine's own index.
    """
    return Join("one", kind, on, tuple(sees), only_if, index=index)


def each(
    kind: type[Kind],
    on: On = None,
    sees: Sequence[str] = (),
    only_if: Pair | None = None,
    agreement: Agreement | None = None,
    unique: Sequence[str] = (),
) -> Join:
    """A new row for each row of `kind`. `unique`: fields in which the members of a group should differ (reported)."""
    return Join("each", kind, on, tuple(sees), only_if, agreement, tuple(unique))


def all_(kind: type[Kind], on: On = None, sees: Sequence[str] = (), only_if: Pair | None = None) -> Join:
    """All rows of `kind` as a list in the order of their keys: an aggregate over few."""
    return Join("all", kind, on, tuple(sees), only_if)


def check_call(function: Callable[..., Any], labels: Sequence[str]) -> None:
    """Raises ModelError where a function does not take a row and the rows of these joins, by label."""
    try:
        inspect.signature(function).bind(None, **dict.fromkeys(labels))
    except TypeError as problem:
        wanted = ", ".join(("the row", *labels))
        name = getattr(function, "__name__", "the function")
        raise ModelError(f"expected {name} to take {wanted}, found otherwise: {problem}") from None


class Bound:
    """A join of one mapping, with everything derived that the engine asks for. `by_key`: the other row is read by its key,
    from the field values that `value` answers; otherwise `theirs` is its field in which the value is found. `level`: how many
    joins its value waits for."""

    def __init__(self, owner: type[Kind], label: str, join: Join, before: Sequence[Bound]) -> None:
        """`before`: the joins declared before it in the same mapping. Raises ModelError."""
        self.label, self.join, self.mode, self.kind = label, join, join.mode, join.kind
        self.mine, self.theirs = self._sides(owner, join)
        self.before = tuple(before)
        self.depends = callable(self.mine) and bool(before)
        self.level: int = 1 + max(each.level for each in before) if self.depends else 0
        if self.depends and join.mode == "each":
            raise ModelError(
                f"join {label!r}: expected a value from the row alone for `each`, found one from other joins"
            )
        keys = join.kind.key_fields
        self.by_key = self.theirs is None
        if self.by_key and join.mode != "one":
            raise ModelError(
                f"join {label!r}: expected one(...) for a join on the other row's whole key, found {join.mode}"
            )
        self._check_sides(owner)
        self.name = self._name()
        for name in (*join.sees, *join.unique):
            if name not in join.kind.model_fields and not isinstance(getattr(join.kind, name, None), property):
                raise ModelError(
                    f"join {label!r}: expected fields or properties of {join.kind.__name__} in sees, found {name!r}"
                )
        hidden = [self.theirs] if self.theirs else []
        self.fields = tuple(dict.fromkeys((*keys, *hidden, *join.sees)))
        self.view: View = (join.kind, self.name, self.fields)
        self._seen = namedtuple(f"{join.kind.__name__}Seen", self.fields)  # type: ignore[misc]

    def _sides(self, owner: type[Kind], join: Join) -> tuple[Any, str | None]:
        keys, fields = join.kind.key_fields, join.kind.model_fields
        if isinstance(join.on, tuple):
            mine, theirs = join.on
            if theirs not in fields:
                raise ModelError(f"join {self.label!r}: expected a field of {join.kind.__name__}, found {theirs!r}")
            if isinstance(mine, str) and mine not in owner.model_fields:
                raise ModelError(f"join {self.label!r}: expected a field of {owner.__name__}, found {mine!r}")
            return ((mine,) if isinstance(mine, str) else mine), None if keys == (theirs,) else theirs
        names = (join.on,) if isinstance(join.on, str) else keys
        if missing := [name for name in names if name not in owner.model_fields]:
            raise ModelError(
                f"join {self.label!r}: expected field {missing[0]!r} in {owner.__name__}, found none: set `on`"
            )
        if names == keys or (len(names) == 1 and names[0] not in fields and len(keys) == 1):
            return names, None
        if names[0] not in fields:
            raise ModelError(f"join {self.label!r}: expected field {names[0]!r} in {join.kind.__name__}, found none")
        return names, names[0]

    def _check_sides(self, owner: type[Kind]) -> None:
        """Raises ModelError where the two sides would never find each other."""
        if callable(self.mine):
            check_call(self.mine, [each.label for each in self.before])
            return
        theirs = self.kind.key_fields if self.theirs is None else (self.theirs,)
        for name, other in zip(self.mine, theirs, strict=True):
            found = scalar_type(owner.model_fields[name].annotation)
            wanted = scalar_type(self.kind.model_fields[other].annotation)
            if found and wanted and found != wanted:
                raise ModelError(
                    f"join {self.label!r}: expected {owner.__name__}.{name} to be of type {wanted} as "
                    f"{self.kind.__name__}.{other} is, found {found}"
                )

    def _name(self) -> str:
        if self.theirs is not None:
            return self.theirs
        return "+".join(self.join.kind.key_fields if callable(self.mine) else self.mine)

    def value(self, row: Any, joined: Mapping[str, Any]) -> Any:
        """The join value of a row, or None. `joined`: the rows of the joins before this one, by label."""
        if callable(self.mine):
            return self.mine(row, **joined)
        if len(self.mine) == 1:
            return getattr(row, self.mine[0])
        return tuple(getattr(row, name) for name in self.mine)

    def group(self, value: Any) -> Group | None:
        """The group of a join value; None where there is none to join, or a part of it is missing."""
        is_missing = value is None or value == "" or (isinstance(value, tuple) and None in value)
        return None if is_missing else Group(self.name, group_value(value))

    def provider_value(self, other: Any) -> Any:
        """The value under which a row of the other kind provides for this join."""
        if self.theirs is not None:
            return getattr(other, self.theirs)
        values = tuple(getattr(other, name) for name in self.kind.key_fields)
        return values[0] if len(values) == 1 else values

    def other_key(self, value: Any) -> Key | None:
        """For a join by key: the other row's key; None where the value does not fit into its key forms."""
        values = value if isinstance(value, tuple) else (value,)
        try:
            return self.kind.key_of(dict(zip(self.kind.key_fields, values, strict=True)))
        except ValueError:
            return None

    def seen(self, other: Any) -> Any:
        """What the mapping sees of an accepted row of the other kind: its key and what `sees` declares."""
        return self._seen(*[getattr(other, name) for name in self.fields])
