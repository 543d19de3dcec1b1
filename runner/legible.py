"""What rows hold, as a person may see it: the content can be hostile, huge or invisible.

Characters that show nothing, or that turn the text around them, are named instead. Long text is shortened; of two
long values the part is shown in which they differ. What comes out can be written as UTF-8, whatever went in.
"""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

SHOWN = 240
"""Characters of one value that are shown."""

LEAD = 60
"""Characters that are shown before the first difference of two long values."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a value that is shown, not yet `legible`: what is alike, what differs, what is alike again.

    `kind`: the type that DynamoDB knows it by, None where there is no value. `before`, `after`: characters left out.
    """

    kind: str | None
    alike: str = ""
    differs: str = ""
    alike_again: str = ""
    before: int = 0
    after: int = 0


ABSENT = Excerpt(None)


def legible(text: str) -> str:
    """The text on one line, with everything named that could not be seen: ‹U+202E›, and ↵ for the end of a line."""
    if text and unicodedata.combining(text[0]):
        return _named(text[0]) + legible(text[1:])
    return "".join(map(_character, text))


def shortened(text: str, limit: int = SHOWN) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} characters more)"


def plain(value: Any) -> tuple[str, str]:
    """The type of a wire value, and what it says: `{"N": "1.50"}` is a number, 1.50."""
    if not _is_wire(value):
        return "not a DynamoDB value", _json(value)
    ((kind, inner),) = value.items()
    return KINDS[kind][0], inner if kind == "S" else _said(value)


def side_by_side(expected: Any, found: Any) -> tuple[Excerpt, Excerpt]:
    """Two wire values, either of them None where there is none, cut to the place where they differ."""
    if expected is None or found is None:
        return _alone(expected), _alone(found)
    (kind, text), (other_kind, other) = plain(expected), plain(found)
    head = _common(text, other)
    tail = min(_common(text[::-1], other[::-1]), len(text) - head, len(other) - head)
    start = max(0, head - LEAD) if max(len(text), len(other)) > SHOWN else 0
    return _excerpt(kind, text, start, head, tail), _excerpt(other_kind, other, start, head, tail)


def _alone(value: Any) -> Excerpt:
    if value is None:
        return ABSENT
    kind, text = plain(value)
    return _excerpt(kind, text, 0, len(text), 0)


def _excerpt(kind: str, text: str, start: int, head: int, tail: int) -> Excerpt:
    stop = min(len(text), start + SHOWN)
    end = max(head, min(stop, len(text) - tail))
    parts = (text[start : min(head, stop)], text[head : min(end, stop)], text[end:stop])
    return Excerpt(kind, *parts, before=start, after=len(text) - stop)


def _common(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _is_wire(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and value.keys() <= KINDS.keys()


def _said(value: Any) -> str:
    """Inside of lists and maps, texts stand in quotes: what is "1" there is not 1."""
    if not _is_wire(value):
        return _json(value)
    ((kind, inner),) = value.items()
    return KINDS[kind][1](inner)


def _map(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{_json(name)}: {_said(values[name])}" for name in sorted(values)) + "}"


def _set(members: Iterable[str]) -> str:
    """In one order, since a set has none."""
    return "{" + ", ".join(sorted(members)) + "}"


def _base64(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _character(character: str) -> str:
    if character == "\n":
        return "↵"
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return _named(character)


def _named(character: str) -> str:
    return f"‹U+{ord(character):04X}›"


KINDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "S": ("text", _json),
    "N": ("number", str),
    "BOOL": ("boolean", _json),
    "NULL": ("null", lambda _: "null"),
    "B": ("binary", _base64),
    "L": ("list", lambda values: "[" + ", ".join(map(_said, values)) + "]"),
    "M": ("map", _map),
    "SS": ("set of texts", lambda texts: _set(map(_json, texts))),
    "NS": ("set of numbers", _set),
    "BS": ("set of binaries", lambda binaries: _set(map(_base64, binaries))),
}
"""What each type of DynamoDB is called, and how it is told."""
