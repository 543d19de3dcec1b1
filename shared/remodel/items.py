"""DynamoDB's typed values (`{"S": "text"}`), read without trust and written digit for digit.

Numbers become Decimal, never float. Their range is DynamoDB's: 38 digits, 1E-130 to 9.99E+125. In a stream event `B` and
`BS` are base64 text, because the event is JSON; the API takes bytes, and so does the engine.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

Wire = dict[str, Any]
"""One typed value."""

Item = dict[str, Wire]
"""A row as DynamoDB stores it: typed values by attribute."""

ITEM_LIMIT = 409_600
"""Bytes of one item, names included: DynamoDB's limit."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_SHORT = re.compile(r"-?[\d.]{1,38}", re.ASCII)
"""Texts of Decimal and int that are in range at a glance."""

_EXACT = Context(prec=130)


def to_python(wire: object) -> Any:
    """The value of a typed value; None for NULL. Raises ValueError where it is not one that DynamoDB can hold."""
    if not isinstance(wire, dict) or len(wire) != 1:
        raise ValueError("expected a typed DynamoDB value, found something else")
    ((kind, inner),) = wire.items()
    match kind:
        case "S" if isinstance(inner, str):
            return inner if inner.isascii() else text(inner)
        case "N" if isinstance(inner, str):
            return number(inner)
        case "BOOL" if isinstance(inner, bool):
            return inner
        case "NULL":
            return None
        case "B" if isinstance(inner, bytes):
            return inner
        case "L" if isinstance(inner, list):
            return [to_python(each) for each in inner]
        case "M" if isinstance(inner, dict):
            return {text(name): to_python(each) for name, each in inner.items()}
        case "SS" | "NS" | "BS" if isinstance(inner, list | tuple | set):
            return {to_python({kind[0]: each}) for each in inner}
    raise ValueError(f"expected a DynamoDB value, found type {kind!r} with another content")


def to_wire(value: Any) -> Wire:
    """The typed value. Raises ValueError for a type that DynamoDB does not have (float among them)."""
    match value:
        case str():
            return {"S": text(value)}
        case bool():
            return {"BOOL": value}
        case Decimal() | int():
            return {"N": _digits(value)}
        case bytes():
            return {"B": value}
        case None:
            return {"NULL": True}
        case list() | tuple():
            return {"L": [to_wire(each) for each in value]}
        case dict():
            return {"M": {text(str(name)): to_wire(each) for name, each in value.items()}}
        case set() | frozenset() if value:
            wires = [to_wire(each) for each in value]
            kinds = {kind for wire in wires for kind in wire}
            if len(kinds) == 1 and kinds <= {"S", "N", "B"}:
                (kind,) = kinds
                return {f"{kind}S": sorted(wire[kind] for wire in wires)}
            raise ValueError("expected a set of texts, of numbers, or of bytes, found a mixture")
    raise ValueError(f"expected a value that DynamoDB can hold, found a Python {type(value).__name__}")


def _digits(value: Decimal | int) -> str:
    found = str(value)
    if not _SHORT.fullmatch(found):
        number(found)
    return found


def to_item(values: Mapping[str, Any]) -> Item:
    """A row in wire form; an attribute that is None is left out. Raises ValueError that names the attribute."""
    item = {}
    for name, value in values.items():
        if value is None:
            continue
        if type(value) is str and value.isascii():  # most values
            item[name] = {"S": value}
            continue
        try:
            item[name] = to_wire(value)
        except ValueError as problem:
            raise ValueError(f"{name}: {problem}") from None
    return item


def text(found: str) -> str:
    """The text itself. Raises ValueError for lone surrogates, which no request can carry."""
    if not found.isascii():
        try:
            found.encode()
        except UnicodeEncodeError:
            raise ValueError("expected valid Unicode, found a lone surrogate") from None
    return found


def number(found: object) -> Decimal:
    """Raises ValueError for what DynamoDB does not store as a number: NaN, more than 38 digits, out of range."""
    if not isinstance(found, str) or not _NUMBER.fullmatch(found):
        raise ValueError("expected a number, found text that does not parse as one")
    value = Decimal(found)
    if len(found) <= 38 and "e" not in found and "E" not in found:
        return value
    digits = "".join(map(str, value.as_tuple().digits)).strip("0")
    if len(digits) > 38 or (digits and not -131 < value.adjusted() < 126):
        raise ValueError("expected a number of at most 38 digits between 1E-130 and 9.99E+125")
    return value


def canonical_number(found: str) -> str:
    """One spelling for each number: `1.50` and `15E-1` are both `1.5`."""
    value = Decimal(found).normalize(_EXACT)
    if not value:
        return "0"
    return format(value, "f") if abs(value.adjusted()) < 40 else str(value)


def from_event(wire: Any) -> Wire:
    """A value of a stream event in the form that the API takes. Raises ValueError where it is not a typed value."""
    if not isinstance(wire, dict) or len(wire) != 1:
        raise ValueError("expected a typed DynamoDB value, found something else")
    ((kind, inner),) = wire.items()
    try:
        match kind:
            case "S" | "N":
                return wire
            case "B":
                return {kind: _bytes(inner)}
            case "BS":
                return {kind: [_bytes(each) for each in inner]}
            case "L":
                return {kind: [from_event(each) for each in inner]}
            case "M":
                return {kind: item_from_event(inner)}
    except TypeError:
        raise ValueError(f"expected a DynamoDB value of type {kind!r}, found another shape") from None
    return wire


def item_from_event(image: Any) -> Item:
    """An item of a stream event. Raises ValueError for anything that is no typed item."""
    if not isinstance(image, dict):
        raise ValueError("expected an item, found something else")
    decoded = {
        name: from_event(value)
        for name, value in image.items()
        if not (isinstance(value, dict) and len(value) == 1 and ("S" in value or "N" in value))  # most values
    }
    return image | decoded if decoded else image


def to_event(value: Any) -> Any:
    """The inverse of `from_event`, for a value or an item: in what is sent as JSON, binary is base64 text."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: to_event(each) for name, each in value.items()}
        case list():
            return [to_event(each) for each in value]
    return value


def _bytes(found: object) -> bytes:
    if isinstance(found, bytes):
        return found
    try:
        return base64.b64decode(found, validate=True)  # type: ignore[arg-type]
    except binascii.Error:
        raise ValueError("expected base64 text, as stream events carry binary, found other text") from None


def size(item: Mapping[str, Any]) -> int:
    """What DynamoDB counts for the item, in bytes, or a little more."""
    total = 0
    for name, value in item.items():
        inner = value.get("S")
        total += _length(name) + (_length(inner) if inner is not None else _size(value))
    return total


def _size(value: Any) -> int:
    ((kind, inner),) = value.items()
    match kind:
        case "S":
            return _length(inner)
        case "N":
            return len(inner) // 2 + 3
        case "B":
            return len(inner)
        case "SS" | "NS" | "BS":
            return sum(_size({kind[0]: each}) for each in inner)
        case "L":
            return 3 + sum(1 + _size(each) for each in inner)
        case "M":
            return 3 + sum(1 + _length(name) + _size(each) for name, each in inner.items())
    return 1


def _length(found: str) -> int:
    return len(found) if found.isascii() else len(found.encode(errors="replace"))


def same(one: Item, other: Item) -> bool:
    """Whether two rows hold the same; numbers by value, because DynamoDB normalizes their spelling, sets without order."""
    return one == other or (one.keys() == other.keys() and not differences(one, other))


def differences(expected: Item, found: Item) -> dict[str, tuple[Wire | None, Wire | None]]:
    """Expected and found by attribute, where two rows differ; None where the attribute is absent."""
    result = {}
    for name in sorted(expected.keys() | found.keys()):
        one, other = expected.get(name), found.get(name)
        if one != other and (one is None or other is None or _canonical(one) != _canonical(other)):
            result[name] = (one, other)
    return result


def _canonical(value: Any) -> Any:
    ((kind, inner),) = value.items()
    match kind:
        case "N":
            return kind, canonical_number(inner)
        case "NS":
            return kind, sorted(canonical_number(each) for each in inner)
        case "SS" | "BS":
            return kind, sorted(inner)
        case "L":
            return kind, [_canonical(each) for each in inner]
        case "M":
            return kind, {name: _canonical(each) for name, each in inner.items()}
    return value
