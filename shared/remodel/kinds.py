"""Tables of the old and the new model, and kinds: what the rows of an old table look like.

A kind is a pydantic class with a key form for each key attribute of its table. It says what is accepted: types, ranges,
required attributes. Whether a row is accepted depends on that row alone.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Field  # noqa: PLC0414 (pages of models have it from here)

from remodel.errors import RejectedRow, declared, require
from remodel.items import Item, canonical_number, to_python
from remodel.keys import HASH_LIMIT, RANGE_LIMIT, Key, KeyForms, KeySchema

TYPES: Mapping[type, str] = {str: "S", int: "N", Decimal: "N", bytes: "B"}

RESERVED = ("index", "quarantine", "migration")
"""Logical names of the engine's own tables, and of the one that the command line keeps."""


def _schema(what: str, key: Mapping[str, type]) -> KeySchema:
    """Raises ModelError where there is no key, more than two key attributes, or one of another type."""
    require(
        1 <= len(key) <= 2 and all(kind in TYPES for kind in key.values()),
        f"{what}: expected one or two key attributes of type str, int, Decimal, or bytes, found {dict(key)}",
    )
    return KeySchema(tuple((name, TYPES[kind]) for name, kind in key.items()))


@dataclass(frozen=True)
class Index:
    """A global secondary index of a table. `types`: of its key attributes that are not text. `only`: the attributes that it has
    beside keys; None where it has all."""

    name: str
    hash: str
    range: str | None = None
    types: Mapping[str, type] = field(default_factory=dict)
    only: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Raises ModelError for types of other attributes, or types that no key can have."""
        unknown = ", ".join(sorted(self.types.keys() - {self.hash, self.range}))
        require(not unknown, f"index {self.name!r}: expected types of its key attributes, found {unknown}")
        _schema(f"index {self.name!r}", self.types or {self.hash: str})

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, TYPES[self.types.get(name, str)]) for name in (self.hash, self.range) if name)


class Table:
    """`name`: logical. `own`: the table's own name, which a template proposes. `indexes`: global secondary ones."""

    def __init__(self, name: str, own: str | None, indexes: Sequence[Index], key: Mapping[str, type]) -> None:
        """Raises ModelError for a name of which no environment variable can be made, or that is the engine's own."""
        require(
            re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) and name.lower() not in RESERVED,
            f"expected a table name of letters, digits, - and _ other than {', '.join(RESERVED)}, found {name!r}",
        )
        self.name, self.own, self.indexes = name, own, tuple(indexes)
        self.schema = _schema(f"table {name!r}", key)


class Old(Table):
    """An old table: its logical name and its key attributes, partition key first: `Old("shop", PK=str, SK=str)`. Behind the
    logical name may stand the table's own, and secondary indexes that a sandbox's table has."""

    def __init__(self, name: str, own: str | None = None, /, *indexes: Index, **key: type) -> None:
        super().__init__(name, own, indexes, key)
        self.kinds: list[type[Kind]] = []


class New(Table):
    """A new table: `New("orders", customer_id=str, order_id=str, indexes=[Index("by-day", "customer_id", "placed_at")])`."""

    def __init__(self, name: str, own: str | None = None, /, indexes: Sequence[Index] = (), **key: type) -> None:
        super().__init__(name, own, indexes, key)

    @cached_property
    def limits(self) -> tuple[tuple[str, str, int, str], ...]:
        """Attribute, type, and longest value in bytes, of the table's key and of those of its indexes, and whose key it is."""
        keys = [(self.schema.attributes, "key"), *((each.attributes, each.name) for each in self.indexes)]
        return tuple(
            (name, kind, limit, what)
            for attributes, what in keys
            for (name, kind), limit in zip(attributes, (HASH_LIMIT, RANGE_LIMIT), strict=False)
        )


class Kind(BaseModel):
    """Rows of one kind of an old table: `class Order(Kind, of=SHOP, PK="CUST#{customer_id}", SK="ORDER#{order_id}")`.

    The fields in the key forms are read from the key. A key attribute whose name pydantic claims for itself (`title`) goes
    into `key={"title": "{title}"}`. NULL means that an attribute is absent; `empty_is_absent` says so of the empty text.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    table: ClassVar[Old]
    kind_label: ClassVar[str]
    forms: ClassVar[KeyForms]
    key_fields: ClassVar[tuple[str, ...]]
    empty_is_absent: ClassVar[bool] = False
    _numbers: ClassVar[Mapping[str, Any]]
    _sources: ClassVar[tuple[tuple[str, bool], ...]]

    def __init_subclass__(cls, of: Old | None = None, key: Mapping[str, str] | None = None, **forms: str) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls, of: Old | None = None, key: Mapping[str, str] | None = None, **forms: str
    ) -> None:
        if of is None:
            return
        with declared(f"kind {cls.__name__} of {of.name}"):
            cls.table, cls.kind_label = of, f"{of.name}.{cls.__name__}"
            cls.forms = KeyForms(of.schema, {**(key or {}), **forms})
            cls.key_fields = cls.forms.fields
            _check(cls)
        annotations = {name: info.annotation for name, info in cls.model_fields.items()}
        cls._numbers = {name: found for name, found in annotations.items() if found in (int, Decimal)}
        cls._sources = tuple(
            (info.alias or name, mentions(info.annotation, int))
            for name, info in cls.model_fields.items()
            if name not in cls.key_fields
        )
        of.kinds.append(cls)

    @classmethod
    def used(cls, item: Item) -> Item:
        """The attributes that are read, where that depends on the row; by default each that has a field's name."""
        return item

    @classmethod
    def read(cls, key: Key, item: Item) -> Self:
        """The row. Raises RejectedRow with every attribute that is wrong, and without the row's content."""
        values = cls.fields_of(key)
        problems: dict[str, str] = {}
        used = cls.used(item)
        for attribute, whole in cls._sources:
            if (wire := used.get(attribute)) is None:
                continue
            try:
                value = to_python(wire)
            except ValueError as problem:
                problems[attribute] = str(problem)
                continue
            if value is not None and not (value == "" and cls.empty_is_absent):
                values[attribute] = as_whole(value) if whole else value
        try:
            row = cls.model_validate(values)
        except ValidationError as problem:
            # What is wrong with the row as a whole is about no attribute.
            told = {str(each["loc"][0]) if each["loc"] else "row": each for each in problem.errors()}
            problems = {name: _plain(each["type"], each["msg"]) for name, each in told.items()} | problems
        if problems:
            raise RejectedRow("; ".join(f"{name}: {problems[name]}" for name in sorted(problems)))
        return row

    @classmethod
    def fields_of(cls, key: Key) -> dict[str, Any]:
        """The fields that a key holds. Raises RejectedRow where the key is not of this kind's forms."""
        found = cls.forms.read(cls.table.schema.decode(key.text))
        if found is None:
            raise RejectedRow(f"expected a key of the forms of {cls.__name__}, found another")
        return typed(cls, found)

    @classmethod
    def key_of(cls, fields: Mapping[str, Any]) -> Key:
        """The inverse of `fields_of`. Raises ValueError where the fields do not fit into the key forms."""
        return Key(cls.table.name, cls.forms.write(fields))


def typed(kind: type[Kind], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the kind from their texts, as they stand in a key. Raises RejectedRow where a text gives no value, or where
    another text would give the same."""
    found = dict(fields)
    for name in kind._numbers.keys() & found.keys():
        text = found[name]
        try:
            found[name] = value = kind._numbers[name](text)
        except (ValueError, ArithmeticError):
            value = None
        if value is None or (str(value) != text and canonical_number(str(value)) != text):
            raise RejectedRow(f"expected fields of {kind.__name__}'s types in its key, found text that is none")
    return found


def _check(cls: type[Kind]) -> None:
    """Raises ModelError for a kind that contradicts itself, or another one of its table."""
    for attribute, kind in cls.table.schema.attributes:
        for name in cls.forms[attribute].fields:
            require(name in cls.model_fields, f"expected fields for {attribute} in its key form, found no {name!r}")
            is_fitting = _fits_key(cls.model_fields[name].annotation, kind)
            require(is_fitting, f"expected a type for {name!r} that fits {attribute} of type {kind}")
    require(len(set(cls.key_fields)) == len(cls.key_fields), "expected each field once in its key, found one twice")
    for name, info in cls.model_fields.items():
        require(not mentions(info.annotation, float), f"expected Decimal for {name!r}, found float, which loses digits")
        is_free = not isinstance(vars(Kind).get(name), classmethod)
        require(is_free, f"expected another name than {name!r}, which kinds have a function of: set an alias")
    for other in cls.table.kinds:
        require(other.__name__ != cls.__name__, f"expected names that differ, found {cls.__name__} twice")
        shapes = [[form.shape for form in each.forms.values()] for each in (cls, other)]
        require(shapes[0] != shapes[1], f"expected key forms that differ, found the same as those of {other.__name__}")


def _fits_key(annotation: Any, kind: str) -> bool:
    found = scalar_type(annotation)
    return not is_optional(annotation) and (found == kind or (kind == "S" and found == "N"))


def mentions(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(mentions(each, wanted) for each in get_args(annotation))


def is_optional(annotation: Any) -> bool:
    return mentions(annotation, type(None))


def scalar_type(annotation: Any) -> str | None:
    """The type that DynamoDB has for a field's values; None where the annotation leaves it open."""
    if annotation in TYPES:
        return TYPES[annotation]
    parts, origin = get_args(annotation), get_origin(annotation)
    if origin is Literal:
        found = {TYPES.get(type(each)) for each in parts}
    elif origin is Annotated:
        return scalar_type(parts[0])
    elif origin in (Union, types.UnionType):
        found = {scalar_type(each) for each in parts if each is not type(None)}
    else:
        return None
    return found.pop() if len(found) == 1 else None


def as_whole(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


_PLAIN = {
    "missing": "expected a value, found none",
    "string_type": "expected text, found another type",
    "bytes_type": "expected bytes, found another type",
    "decimal_type": "expected a number, found another type",
    "is_instance_of": "expected a number, found another type",
    "int_type": "expected a whole number, found another value",
    "bool_type": "expected true or false, found another value",
}


def _plain(kind: str, message: str) -> str:
    return _PLAIN.get(kind, message.removeprefix("Value error, "))
