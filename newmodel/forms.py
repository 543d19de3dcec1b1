"""Key forms found in the texts of key attributes: `CUST#17` and `CUST#18` are both `CUST#{}`.

A text is split at its first separator. A part is a word of the form where it is made of letters and comes again, or stands
between values; else it is a value. What is found is a guess, and a person reads it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from remodel.timestamps import instant

Shape = tuple[str | None, ...]
"""Literal texts, and None for each value."""

SEPARATORS = re.compile(r"[#|:/]")
WORD = re.compile(r"[A-Za-z][A-Za-z_-]*")

FEW = 30
"""Different words at one place, at most; with more of them they are values, such as names."""

ALWAYS_FEW = 8
"""So many different words are words of the form even where none comes again."""


def shapes(texts: Sequence[str], is_composite: bool) -> list[Shape]:
    """The shape of each text of one key attribute. `is_composite`: the table has a sort key, so that a text may come again."""
    every = [_parts(text) for text in texts]
    found: list[list[str | None]] = [[] for _ in texts]
    for n in range(max(map(len, every), default=0)):
        here = [(tuple(shape), parts[n]) for shape, parts in zip(found, every, strict=True) if n < len(parts)]
        met = Counter(here)
        words, rows = Counter(before for before, _ in met), Counter(before for before, _ in here)
        for shape, parts in zip(found, every, strict=True):
            if n < len(parts):
                before, part = tuple(shape), parts[n]
                is_few = words[before] <= min(FEW, max(ALWAYS_FEW, rows[before] // 2))
                comes_again = met[before, part] > 1
                is_alone = len(parts) == 1 and not is_composite
                is_word = is_few and not is_alone and _is_word(parts, shape, comes_again)
                shape.append(part if n % 2 or not part or is_word else None)
    return [tuple(_joined(shape)) for shape in found]


def _is_word(parts: Sequence[str], shape: Sequence[str | None], comes_again: bool) -> bool:
    """Of the next part, by what stands before it."""
    part = parts[len(shape)]
    if not WORD.fullmatch(part):
        return False
    if not shape:
        return len(parts) > 1 or part.isupper() or comes_again
    return (part.isupper() or comes_again) if shape[-2] is None else (part.isupper() and comes_again)


def _parts(text: str) -> list[str]:
    """Parts and separators in turn; a timestamp is one part."""
    separator = SEPARATORS.search(text)
    if separator is None or is_time(text):
        return [text]
    return re.split(f"({re.escape(separator[0])})", text)


def is_time(text: str) -> bool:
    try:
        instant(text)
    except ValueError:
        return False
    return True


def _joined(parts: Sequence[str | None]) -> Iterator[str | None]:
    """Literals that touch are one; so are values with only a separator between them, which a form could not tell apart."""
    literal, is_value = "", False
    for n, part in enumerate(parts):
        if part is None:
            if not is_value or n < 2 or parts[n - 2] is not None:
                yield from [literal] if literal else []
                yield None
            literal, is_value = "", True
        else:
            literal += part
    if literal:
        yield literal
