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
from operator import attrgetter, itemgetter
from typing import Any, Literal, NamedTuple

from remodel.errors import ModelError, require
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
    joins its value waits for. `provider_value`: of a row of the other kind, the value under which it is found."""

    def __init__(self, owner: type[Kind], label: str, join: Join, before: Sequence[Bound]) -> None:
        """`before`: the joins declared before it in the same mapping. Raises ModelError."""
        self.label, self.join, self.mode, self.kind = label, join, join.mode, join.kind
        self.before = tuple(before)
        self.mine, self.theirs = self._sides(owner)
        self.by_key = self.theirs is None
        self.depends = callable(self.mine) and bool(before)
        self.level: int = 1 + max(each.level for each in before) if self.depends else 0
        self._check(owner)
        keys = join.kind.key_fields
        self.name = self.theirs or "+".join(keys if callable(self.mine) else self.mine)
        # A getter of one field gives its value, one of several a tuple of theirs.
        self._value = self.mine if callable(self.mine) else attrgetter(*self.mine)
        self.provider_value = attrgetter(self.theirs) if self.theirs else attrgetter(*keys)
        self.fields = tuple(dict.fromkeys((*keys, *([self.theirs] if self.theirs else []), *join.sees)))
        self.view: View = (join.kind, self.name, self.fields)
        self._seen = namedtuple(f"{join.kind.__name__}Seen", self.fields)  # type: ignore[misc]

    def _sides(self, owner: type[Kind]) -> tuple[Any, str | None]:
        """Where the row has the value, as names of fields or a function, and in which field the other row has it; None for its
        whole key."""
        keys, fields, on = self.kind.key_fields, self.kind.model_fields, self.join.on
        mine, theirs = on if isinstance(on, tuple) else (on, on)
        if isinstance(on, str) and on not in fields and len(keys) == 1:
            theirs = keys[0]
        names = () if callable(mine) else keys if mine is None else (mine,)
        for name in names:
            require(name in owner.model_fields, f"expected field {name!r} in {owner.__name__}, found none: set `on`")
        require(theirs is None or theirs in fields, f"expected field {theirs!r} in {self.kind.__name__}, found none")
        return names or mine, None if keys == (theirs,) else theirs

    def _check(self, owner: type[Kind]) -> None:
        """Raises ModelError where the two sides would never find each other, or the mapping could not see what it needs."""
        join, kind = self.join, self.kind
        is_alone = join.mode != "each" or not self.depends
        require(is_alone, "expected a value from the row alone for `each`, found one from other joins")
        is_one = join.mode == "one" or not self.by_key
        require(is_one, f"expected one(...) for a join on the other row's whole key, found {join.mode}")
        for name in (*join.sees, *join.unique):
            is_there = name in kind.model_fields or isinstance(getattr(kind, name, None), property)
            require(is_there, f"expected fields or properties of {kind.__name__} in sees, found {name!r}")
        if callable(self.mine):
            check_call(self.mine, [each.label for each in self.before])
            return
        for name, other in zip(self.mine, [self.theirs] if self.theirs else kind.key_fields, strict=True):
            found = scalar_type(owner.model_fields[name].annotation)
            wanted = scalar_type(kind.model_fields[other].annotation)
            require(
                found == wanted or not found or not wanted,
                f"expected {owner.__name__}.{name} to be of type {wanted} as {kind.__name__}.{other} is, found {found}",
            )

    def value(self, row: Any, joined: Mapping[str, Any]) -> Any:
        """The join value of a row, or None. `joined`: the rows of the joins before this one, by label, if it `depends`."""
        return self._value(row, **joined) if self.depends else self._value(row)

    def group(self, value: Any) -> Group | None:
        """The group of a join value; None where there is none to join, or a part of it is missing."""
        is_missing = value is None or value == "" or (isinstance(value, tuple) and None in value)
        return None if is_missing else Group(self.name, group_value(value))

    def key_group(self, fields: Mapping[str, Any]) -> Group | None:
        """For a join by key: the group of the row of the other kind that has these key fields."""
        return self.group(itemgetter(*self.kind.key_fields)(fields))

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
