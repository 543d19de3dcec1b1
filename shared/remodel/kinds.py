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

from remodel.errors import ModelError, RejectedRow
from remodel.items import Item, canonical_number, to_python, to_wire
from remodel.keys import HASH_LIMIT, RANGE_LIMIT, Form, Key, KeySchema

TYPES: Mapping[type, str] = {str: "S", int: "N", Decimal: "N", bytes: "B"}


def schema_of(table: str, key: Mapping[str, type]) -> KeySchema:
    """Raises ModelError where a table has no key, more than two key attributes, or one of another type."""
    if not 1 <= len(key) <= 2 or not all(kind in TYPES for kind in key.values()):
        raise ModelError(
            f"table {table!r}: expected one or two key attributes of type str, int, Decimal, or bytes, found {dict(key)}"
        )
    return KeySchema(tuple((name, TYPES[kind]) for name, kind in key.items()))


def logical_name(name: str) -> str:
    """Raises ModelError for a name that is not letters, digits, `-`, and `_`, of which environment variables are made, or that
    is the engine's own."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or name.lower() in RESERVED:
        raise ModelError(
            f"expected a table name of letters, digits, - and _ other than {', '.join(RESERVED)}, found {name!r}"
        )
    return name


RESERVED = ("index", "quarantine", "migration")
"""Logical names of the engine's own tables, and of the one that the command line keeps."""


class Old:
    """An old table: its logical name and its key attributes, partition key first: `Old("shop", PK=str, SK=str)`. Behind the
    logical name may stand the table's own, which a template proposes, and secondary indexes that a sandbox's table has."""

    def __init__(self, name: str, own: str | None = None, /, *indexes: Index, **key: type) -> None:
        self.name, self.own, self.indexes = logical_name(name), own, indexes
        self.schema = schema_of(name, key)
        self.kinds: list[type[Kind]] = []

    def __repr__(self) -> str:
        return f"Old({self.name!r})"


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
        if unknown := self.types.keys() - {self.hash, self.range}:
            raise ModelError(
                f"index {self.name!r}: expected types of its key attributes, found {', '.join(sorted(unknown))}"
            )
        if not all(kind in TYPES for kind in self.types.values()):
            raise ModelError(
                f"index {self.name!r}: expected key attributes of type str, int, Decimal, or bytes, found {self.types}"
            )

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        names = [self.hash, *([self.range] if self.range else [])]
        return tuple((name, TYPES[self.types.get(name, str)]) for name in names)


class New:
    """A new table: `New("orders", customer_id=str, order_id=str, indexes=[Index("by-day", "customer_id", "placed_at")])`."""

    def __init__(self, name: str, own: str | None = None, /, indexes: Sequence[Index] = (), **key: type) -> None:
        self.name, self.own = logical_name(name), own
        self.schema = schema_of(name, key)
        self.indexes = tuple(indexes)

    @cached_property
    def limits(self) -> tuple[tuple[str, str, int, str], ...]:
        """Attribute, type, and longest value in bytes, of the table's key and of those of its indexes, and whose key it is."""
        keys = [(self.schema.attributes, "key"), *((each.attributes, each.name) for each in self.indexes)]
        return tuple(
            (name, kind, limit, what)
            for attributes, what in keys
            for (name, kind), limit in zip(attributes, (HASH_LIMIT, RANGE_LIMIT), strict=False)
        )

    def __repr__(self) -> str:
        return f"New({self.name!r})"


class Kind(BaseModel):
    """Rows of one kind of an old table: `class Order(Kind, of=SHOP, PK="CUST#{customer_id}", SK="ORDER#{order_id}")`.

    The fields in the key forms are read from the key. A key attribute whose name pydantic claims for itself (`title`) goes
    into `key={"title": "{title}"}`. NULL means that an attribute is absent; `empty_is_absent` says so of the empty text.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    table: ClassVar[Old]
    kind_label: ClassVar[str]
    forms: ClassVar[Mapping[str, Form]]
    key_fields: ClassVar[tuple[str, ...]]
    empty_is_absent: ClassVar[bool] = False
    _sources: ClassVar[tuple[tuple[str, bool], ...]]
    _key_types: ClassVar[Mapping[str, Any]]

    def __init_subclass__(cls, of: Old | None = None, key: Mapping[str, str] | None = None, **forms: str) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls, of: Old | None = None, key: Mapping[str, str] | None = None, **forms: str
    ) -> None:
        if of is None:
            return
        cls.table, cls.kind_label = of, f"{of.name}.{cls.__name__}"
        cls.forms = _forms(cls, of, {**(key or {}), **forms})
        cls.key_fields = tuple(name for form in cls.forms.values() for name in form.fields)
        cls._key_types = {name: cls.model_fields[name].annotation for name in cls.key_fields}
        cls._sources = tuple(
            (info.alias or name, mentions(info.annotation, int))
            for name, info in cls.model_fields.items()
            if name not in cls.key_fields
        )
        for name, info in cls.model_fields.items():
            if mentions(info.annotation, float):
                raise ModelError(f"kind {cls.__name__}: expected Decimal for {name!r}, found float, which loses digits")
            if isinstance(vars(Kind).get(name), classmethod):
                raise ModelError(
                    f"kind {cls.__name__}: expected another name than {name!r}, which kinds have a function of: set an alias"
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
            problems = {_place(each["loc"]): _plain(each["type"], each["msg"]) for each in problem.errors()} | problems
        if problems:
            raise RejectedRow("; ".join(f"{name}: {problems[name]}" for name in sorted(problems)))
        return row

    @classmethod
    def fields_of(cls, key: Key) -> dict[str, Any]:
        """The fields that a key holds. Raises RejectedRow where the key is not of this kind's forms."""
        found: dict[str, Any] = {}
        for name, wire in cls.table.schema.decode(key.text).items():
            ((kind, inner),) = wire.items()
            read = {cls.forms[name].fields[0]: inner} if kind == "B" else cls.forms[name].read(inner)
            if read is None:
                raise RejectedRow(f"expected {name} of the form {cls.forms[name].text!r}, found another")
            found |= read
        try:
            return {name: typed(cls._key_types[name], text) for name, text in found.items()}
        except (ValueError, ArithmeticError):
            raise RejectedRow(
                f"expected fields of {cls.__name__}'s types in its key, found text that is none"
            ) from None

    @classmethod
    def key_of(cls, fields: Mapping[str, Any]) -> Key:
        """The inverse of `fields_of`. Raises ValueError where the fields do not fit into the key forms."""
        return Key(cls.table.name, write_key(cls.table.schema, cls.forms, fields))


def write_key(schema: KeySchema, forms: Mapping[str, Form], fields: Mapping[str, Any]) -> str:
    """The key text that forms and field values give. Raises ValueError where it cannot be read back, or is none that a row can
    have."""
    item: Item = {}
    for name, kind in schema.attributes:
        form = forms[name]
        value = fields[form.fields[0]] if form.is_field else None
        item[name] = {kind: form.write(fields)} if kind == "S" else to_wire(value)
        if kind not in item[name]:
            raise ValueError(f"expected key attribute {name!r} of type {kind}, found another")
    return schema.possible(item)


def _forms(cls: type[Kind], of: Old, texts: Mapping[str, str]) -> dict[str, Form]:
    """Raises ModelError for forms that are missing, name no field, or cannot be inverted."""
    if set(texts) != set(of.schema.names):
        raise ModelError(
            f"kind {cls.__name__}: expected a key form for each of {', '.join(of.schema.names)}, found {', '.join(texts)}"
        )
    forms = {}
    for name, kind in of.schema.attributes:
        try:
            form = forms[name] = Form(texts[name])
        except ValueError as problem:
            raise ModelError(f"kind {cls.__name__}: {problem}") from None
        if unknown := [each for each in form.fields if each not in cls.model_fields]:
            raise ModelError(f"kind {cls.__name__}: expected fields for {name}={form.text!r}, found no {unknown[0]!r}")
        if kind != "S" and not form.is_field:
            raise ModelError(
                f"kind {cls.__name__}: expected {name} of type {kind} to be one field, found {form.text!r}"
            )
        if found := [each for each in form.fields if not _fits_key(cls.model_fields[each].annotation, kind)]:
            raise ModelError(f"kind {cls.__name__}: expected a type for {found[0]!r} that fits {name} of type {kind}")
    fields = [each for form in forms.values() for each in form.fields]
    if len(set(fields)) != len(fields):
        raise ModelError(f"kind {cls.__name__}: expected each field once in its key, found one twice")
    _check_others(cls, of, [form.shape for form in forms.values()])
    return forms


def _check_others(cls: type[Kind], of: Old, shapes: Sequence[str]) -> None:
    """Raises ModelError where a kind of the table has the same name, or key forms of the same shape."""
    for other in of.kinds:
        if other.__name__ == cls.__name__:
            raise ModelError(f"kinds of {of.name}: expected names that differ, found {cls.__name__} twice")
        if [form.shape for form in other.forms.values()] == shapes:
            raise ModelError(
                f"kinds {other.__name__} and {cls.__name__}: expected key forms that differ, found the same"
            )


def _fits_key(annotation: Any, kind: str) -> bool:
    found = scalar_type(annotation)
    return not is_optional(annotation) and (found == kind or (kind == "S" and found == "N"))


def mentions(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(mentions(each, wanted) for each in get_args(annotation))


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


def is_optional(annotation: Any) -> bool:
    return any(each is type(None) or is_optional(each) for each in get_args(annotation))


def as_whole(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def typed(annotation: Any, text: Any) -> Any:
    """A field of a key, read from text as its annotation wants it. Raises where another text would give the same value."""
    if annotation in (int, Decimal):
        value = annotation(text)
        if str(value) != text and canonical_number(str(value)) != text:
            raise ValueError
        return value
    return text


_PLAIN = {
    "missing": "expected a value, found none",
    "string_type": "expected text, found another type",
    "bytes_type": "expected bytes, found another type",
    "decimal_type": "expected a number, found another type",
    "is_instance_of": "expected a number, found another type",
    "int_type": "expected a whole number, found another value",
    "bool_type": "expected true or false, found another value",
}


def _place(loc: tuple[int | str, ...]) -> str:
    """The attribute that an error of pydantic is about; what is wrong with the row as a whole has none."""
    return str(loc[0]) if loc else "row"


def _plain(kind: str, message: str) -> str:
    return _PLAIN.get(kind, message.removeprefix("Value error, "))
