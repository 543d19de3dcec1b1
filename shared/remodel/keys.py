"""Keys of rows as plain text, and key forms such as `CUST#{customer_id}`, which are read both ways.

A `Key` names one item of one table by the table's logical name and the text of its key. The text is injective: two items
of a table never share one. Nothing is normalized but the spelling of numbers, which DynamoDB does not keep either.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from remodel.errors import require
from remodel.items import Item, canonical_number, number, to_wire
from remodel.items import text as valid

HASH_LIMIT, RANGE_LIMIT = 2_048, 1_024
"""Bytes of a partition key and of a sort key: DynamoDB's limits."""


class Key(NamedTuple):
    """`table`: logical name. `text`: of the key attributes, as `KeySchema.encode` writes it."""

    table: str
    text: str


@dataclass(frozen=True)
class KeySchema:
    """The key attributes of a table with their types (`S`, `N` or `B`): one, or partition key and sort key."""

    attributes: tuple[tuple[str, str], ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.attributes)

    def encode(self, item: Mapping[str, Any]) -> str:
        """The text of an item's key. Raises ValueError where an attribute is missing or has another type."""
        texts = [_encode_value(item, name, kind) for name, kind in self.attributes]
        return self.of_texts(*texts) if len(texts) == 2 else texts[0]

    def possible(self, item: Mapping[str, Any]) -> str:
        """As `encode`; raises ValueError also for a key that DynamoDB cannot hold. No row is under such a key."""
        text = self.encode(item)
        for (name, kind), limit in zip(self.attributes, (HASH_LIMIT, RANGE_LIMIT), strict=False):
            length = len(item[name][kind].encode() if kind == "S" else item[name][kind])
            if not 0 < length <= limit:
                raise ValueError(f"{name}: expected 1 to {limit} bytes for key, found {length}")
        return text

    def checked(self, text: str) -> str:
        """The text of a key, as somebody has written it. Raises ValueError where no row can be under it."""
        if self.possible(self.decode(text)) != text:
            raise ValueError("expected the text of a key as `encode` writes it, found another")
        return text

    @staticmethod
    def of_texts(partition: str, sort: str) -> str:
        """The text of a key that consists of a partition key and a sort key, from the text of each."""
        return f"{len(partition)}:{partition}{sort}"

    def decode(self, text: str) -> Item:
        """The key attributes, typed."""
        if len(self.attributes) == 1:
            name, kind = self.attributes[0]
            return {name: _decode_value(text, kind)}
        (first, kind), (second, other) = self.attributes
        length, _, rest = text.partition(":")
        cut = int(length)
        return {first: _decode_value(rest[:cut], kind), second: _decode_value(rest[cut:], other)}


def _encode_value(item: Mapping[str, Any], name: str, kind: str) -> str:
    value = item.get(name)
    if not isinstance(value, dict) or kind not in value:
        raise ValueError(f"expected key attribute {name!r} of type {kind}, found none")
    inner = value[kind]
    if kind == "S" and isinstance(inner, str):
        return valid(inner)
    if kind == "N" and isinstance(inner, str):
        number(inner)
        return canonical_number(inner)
    if kind == "B" and isinstance(inner, bytes):
        return base64.b64encode(inner).decode()
    raise ValueError(f"expected key attribute {name!r} of type {kind}, found another content")


def _decode_value(text: str, kind: str) -> dict[str, Any]:
    return {kind: base64.b64decode(text) if kind == "B" else text}


class Form:
    """A key form: text with fields in braces. `read` inverts `write`; where values make that impossible, `write` refuses.

    A field with a dot, `{link.id}`, names a field of a joined row. `shape`: the form without the names of its fields; forms of
    one shape fit the same texts. `is_field`: whether it is one field and nothing else.
    """

    _PART = re.compile(r"\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)\}")

    def __init__(self, text: str) -> None:
        """Raises ModelError for a form that cannot be inverted."""
        self.text, self.shape = text, self._PART.sub("{}", text)
        self.fields = tuple(self._PART.findall(text))
        self.is_field = self.shape == "{}"
        form = f"the key form {text!r}"
        require(len(set(self.fields)) == len(self.fields), f"expected each field once in {form}, found one twice")
        require("}{" not in text, f"expected text between the fields of {form}, found none: no inverse")
        literals = self._PART.split(text)[::2]
        require(not re.search(r"[{}]", "".join(literals)), f"expected fields as {{name}} in {form}, found other braces")
        # One group for each field. A field ends at the first occurrence of the text behind it: atomic groups, so that no key
        # takes more than linear time.
        first, *between, last = map(re.escape, literals) if self.fields else (re.escape(text), "")
        groups = [*(f"(?>(.+?){each})" for each in between), *([f"(.+){last}"] if self.fields else [])]
        self._pattern = re.compile(first + "".join(groups), re.DOTALL)

    def read(self, text: Any) -> dict[str, Any] | None:
        """The fields of a text of this form; None where it has another. A field alone may be bytes."""
        if self.is_field:
            return {self.fields[0]: text}
        found = self._pattern.fullmatch(text) if isinstance(text, str) else None
        return dict(zip(self.fields, found.groups(), strict=True)) if found else None

    def write(self, values: Mapping[str, Any]) -> str:
        """Raises ValueError where a field has no text of its own, or where the text would read back as other values."""
        wanted = {}
        for name in self.fields:
            if values[name] is None or isinstance(values[name], bytes):
                raise ValueError(f"expected text or a number for {name} in the key form {self.text!r}, found neither")
            wanted[name] = str(values[name])
        text = self._PART.sub(lambda found: wanted[found[1]], self.text)
        if not self.is_field and self.read(text) != wanted:
            raise ValueError(
                f"expected values that the key form {self.text!r} gives back, found an empty one or a separator in one"
            )
        return text


class KeyForms(dict[str, Form]):
    """The forms of a table's key attributes, by name: together they read and write a key."""

    def __init__(self, schema: KeySchema, texts: Mapping[str, str], whole: bool = True) -> None:
        """`whole`: for all key attributes. Raises ModelError for forms that cannot be inverted."""
        names = set(schema.names)
        is_there = texts.keys() == names if whole else texts.keys() <= names
        require(is_there, f"expected key forms for {', '.join(schema.names)}, found {', '.join(texts)}")
        super().__init__({name: Form(texts[name]) for name in schema.names if name in texts})
        for name, kind in schema.attributes if whole else ():
            found = self[name]
            require(
                kind == "S" or found.is_field, f"expected {name} of type {kind} to be one field, found {found.text!r}"
            )
        self.schema = schema
        self.fields = tuple(field for form in self.values() for field in form.fields)

    def read(self, wire: Item) -> dict[str, Any] | None:
        """The fields of a key, as text or bytes; None where the key has other forms."""
        found: dict[str, Any] = {}
        for name, form in self.items():
            ((_, inner),) = wire[name].items()
            if (fields := form.read(inner)) is None:
                return None
            found |= fields
        return found

    def write(self, fields: Mapping[str, Any]) -> str:
        """The text of a key. Raises ValueError where it could not be read back, or is none that a row can have."""
        item: Item = {}
        for name, kind in self.schema.attributes:
            form = self[name]
            item[name] = {"S": form.write(fields)} if kind == "S" else to_wire(fields[form.fields[0]])
            if kind not in item[name]:
                raise ValueError(f"expected key attribute {name!r} of type {kind}, found another")
        return self.schema.possible(item)
