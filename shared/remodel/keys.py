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

from remodel.items import Item, canonical_number, number
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
        if len(self.attributes) == 1:
            name, kind = self.attributes[0]
            return _encode_value(item, name, kind)
        (first, kind), (second, other) = self.attributes
        partition = _encode_value(item, first, kind)
        return self.of_texts(partition, _encode_value(item, second, other))

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


@dataclass(frozen=True)
class Form:
    """A key form: text with fields in braces. `read` inverts `write`; where values make that impossible, `write` refuses.

    A field with a dot, `{link.id}`, names a field of a joined row.
    """

    text: str

    _PART = re.compile(r"\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)\}")

    def __post_init__(self) -> None:
        """Raises ValueError for a form that cannot be inverted."""
        if len(set(self.fields)) != len(self.fields):
            raise ValueError(f"expected each field once in the key form {self.text!r}, found one twice")
        if "}{" in self.text:
            raise ValueError(f"expected text between the fields of the key form {self.text!r}, found none: no inverse")
        if re.search(r"[{}]", self._PART.sub("", self.text)):
            raise ValueError(f"expected fields as {{name}} in the key form {self.text!r}, found other braces")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        return tuple(self._PART.findall(self.text))

    @cached_property
    def shape(self) -> str:
        """The form without the names of its fields: forms of one shape fit the same texts."""
        return self._PART.sub("{}", self.text)

    @cached_property
    def is_field(self) -> bool:
        """Whether the form is one field and nothing else."""
        return self._PART.fullmatch(self.text) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """One group for each field. A field ends at the first occurrence of the text behind it: atomic groups, so that no
        key takes more than linear time."""
        literals = [re.escape(each) for each in self._PART.split(self.text)[::2]]
        between = "".join(f"(?>(.+?){each})" for each in literals[1:-1])
        last = f"(.+){literals[-1]}" if self.fields else ""
        return re.compile(literals[0] + between + last, re.DOTALL)

    def read(self, text: str) -> dict[str, str] | None:
        """The fields of a text of this form; None where it has another."""
        if self.is_field:
            return {self.fields[0]: text}
        found = self._pattern.fullmatch(text)
        return dict(zip(self.fields, found.groups(), strict=True)) if found else None

    def write(self, values: Mapping[str, Any]) -> str:
        """Raises ValueError where a field has no text of its own, or where the text would read back as other values."""
        wanted = {name: self._text(name, values[name]) for name in self.fields}
        text = self._PART.sub(lambda found: wanted[found[1]], self.text)
        if not self.is_field and self.read(text) != wanted:
            raise ValueError(
                f"expected values that the key form {self.text!r} gives back, found an empty one or a separator in one"
            )
        return text

    def _text(self, name: str, value: Any) -> str:
        if value is None or isinstance(value, bytes):
            found = type(value).__name__
            raise ValueError(f"expected text or a number for {name} in the key form {self.text!r}, found {found}")
        return str(value)
