"""DynamoDB's typed JSON (`{"S": "text"}`), read with suspicion and written digit for digit.

Numbers become Decimal, never float; their range is DynamoDB's (38 digits, 1E-130 to 9.99E+125). In a stream event `B`
and `BS` are base64 text, since the event is JSON; the API wants bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]
Scalar = str | Decimal | bool

ROW_LIMIT = 400_000
"""Bytes that a kept row may have: DynamoDB's 409,600 less what the index and the new row add to it."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


def scalar(value: object) -> Scalar | None:
    """Text, number, boolean, or None for NULL and the empty string. Raises ValueError for everything else."""
    kind, inner = _opened(value)
    match kind:
        case "S" if isinstance(inner, str):
            return clean_text(inner) or None
        case "N" if isinstance(inner, str):
            return number(inner)
        case "BOOL" if isinstance(inner, bool):
            return inner
        case "NULL":
            return None
        case _:
            raise ValueError(f"expected text, number or boolean, found DynamoDB type {kind!r}")


def _opened(value: object) -> tuple[str, Any]:
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("expected a typed DynamoDB value, found something else")
    (opened,) = value.items()
    return opened


def clean_text(text: str) -> str:
    """The text itself. Raises ValueError for lone surrogates, which no DynamoDB request can carry."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("expected valid Unicode, found a lone surrogate") from None
    return text


def number(text: str) -> Decimal:
    """Raises ValueError for what DynamoDB would not store as a number: NaN, more than 38 digits, out of range."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("expected a number, found text that does not parse as one")
    found = Decimal(text)
    digits = "".join(map(str, found.as_tuple().digits)).strip("0")
    if len(digits) > 38 or (digits and not -131 < found.adjusted() < 126):
        raise ValueError("expected a number of at most 38 digits between 1E-130 and 9.99E+125")
    return found


def typed(value: Scalar) -> Value:
    """The wire form of a scalar."""
    match value:
        case bool():
            return {"BOOL": value}
        case Decimal():
            return {"N": str(value)}
        case _:
            return {"S": value}


def item(values: Mapping[str, Scalar | None]) -> Item:
    """The wire form of a row; what has no value is left out."""
    return {name: typed(value) for name, value in values.items() if value is not None}


def decoded(value: Any) -> Value:
    """A value of a stream event in the form that the API takes. Raises ValueError where it is not a typed value."""
    kind, inner = _opened(value)
    try:
        match kind:
            case "B":
                return {kind: _bytes(inner)}
            case "BS":
                return {kind: [_bytes(each) for each in inner]}
            case "L":
                return {kind: [decoded(each) for each in inner]}
            case "M":
                return {kind: {name: decoded(each) for name, each in inner.items()}}
    except (TypeError, AttributeError):
        raise ValueError(f"expected a DynamoDB value of type {kind!r}, found another shape") from None
    opened: Value = value
    return opened


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)  # type: ignore[arg-type]
    except binascii.Error:
        raise ValueError("expected base64 text, as stream events carry binary, found other text") from None


def size(row: Mapping[str, Value]) -> int:
    """About what DynamoDB counts for the item, in bytes; never less than 3/4 of it."""
    return sum(_length(name) + _size(value) for name, value in row.items())


def _size(value: Any) -> int:
    match value:
        case str():
            return _length(value)
        case bytes():
            return len(value)
        case dict():
            return 3 + sum(_length(str(name)) + _size(each) for name, each in value.items())
        case list() | tuple() | set():
            return 3 + sum(1 + _size(each) for each in value)
        case _:
            return 1


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))
