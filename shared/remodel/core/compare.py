"""Two rows are compared attribute by attribute; numbers by value, since DynamoDB normalises how they are written."""

from __future__ import annotations

import hashlib
from decimal import Context, Decimal
from typing import Any

from remodel.core.wire import Item

_EXACT = Context(prec=130)

FieldDifference = tuple[Any, Any]
"""Expected and found, in wire form; None where the attribute is absent."""


def differing(expected: Item, found: Item) -> dict[str, FieldDifference]:
    """The attributes in which two rows differ; empty where they say the same."""
    names = expected.keys() | found.keys()
    return {
        name: (expected.get(name), found.get(name))
        for name in sorted(names)
        if expected.get(name) != found.get(name) and _canonical(expected.get(name)) != _canonical(found.get(name))
    }


def digest(row: Item) -> bytes:
    """16 bytes that are the same for rows that say the same."""
    text = repr([(name, _canonical(row[name])) for name in sorted(row)])
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


def _canonical(value: Any) -> Any:
    match value:
        case {"N": str(text)}:
            return "N", str(Decimal(text).normalize(_EXACT))
        case {"NS": list(numbers)}:
            return "NS", sorted(str(Decimal(text).normalize(_EXACT)) for text in numbers)
        case {"SS": list(texts)} | {"BS": list(texts)}:
            return "set", sorted(texts)
        case {"L": list(values)}:
            return "L", [_canonical(each) for each in values]
        case {"M": dict(values)}:
            return "M", [(name, _canonical(values[name])) for name in sorted(values)]
        case _:
            return value
