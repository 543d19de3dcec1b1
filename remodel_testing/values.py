"""Values for a field of a kind: a pool of everything that a table may hold, divided by the field's own validation.

A *family* gives a value for each number, so that a field has as many values as a test or a demo needs. What no family hits
(a checksum, a list of codes) the model's author names with pydantic's `Field(examples=[...])`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import islice
from typing import Any, Literal, get_args, get_origin
from uuid import UUID, uuid5

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from remodel.items import Wire, to_python, to_wire
from remodel.kinds import Kind, as_whole, mentions

Family = Callable[[int], Any]

TRIED = 3
"""Values of a family that are tried."""


def _day(n: int) -> str:
    return (date(2026, 1, 1) + timedelta(days=n % 3_000)).isoformat()


def _digest(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()


TEXTS: tuple[Family, ...] = (
    str,
    lambda n: str(uuid5(UUID(int=0), str(n))),
    lambda n: f"{_day(n)}T10:{n % 60:02}:00Z",
    _day,
    lambda n: f"{2020 + n // 12 % 80}-{n % 12 + 1:02}",
    lambda n: f"person{n}@example.org",
    lambda n: f"https://example.org/{n}",
    lambda n: f"name-{n}",
    lambda n: f"NAME{n}",
    lambda n: _digest(n).hex(),
)
OTHERS: tuple[Family, ...] = (
    int,
    lambda n: Decimal(n) / 4,
    lambda n: Decimal(n) / 100_000,
    lambda n: -n,
    lambda n: bool(n % 2),
    lambda n: n.to_bytes(8, "big"),
    _digest,
    lambda n: [str(n)],
    lambda n: [n],
    lambda n: {"a": str(n)},
    lambda n: {str(n)},
    lambda n: {n},
)
ODD: tuple[Any, ...] = (
    *("", " ", "x", "0", "01", "-1", "a#b", "A", "ä", "1:2", "=", "true", "é" * 400, "x" * 1_200, "x" * 3_000),
    *(0, -1, 2, 10**37, Decimal("0.5"), Decimal("1E-130"), Decimal("9.99E+125")),
    *(True, False, b"", b"\0", b"\xff" * 1_100, [], {}, {"a"}, {1}, {b"b"}, [None], {"a": {"b": [1]}}),
)
"""What .NET, another SDK, or a mistake may have left behind."""


@dataclass(frozen=True)
class Values:
    """`families`: of values that the field accepts, the plainest first. `odd`: accepted ones that are unusual. `refused`."""

    families: tuple[Family, ...]
    odd: tuple[Any, ...]
    refused: tuple[Any, ...]


@cache
def values_of(kind: type[Kind], name: str) -> Values:
    info = kind.model_fields[name]
    own = (*_examples(info), *_families(info.annotation, info.metadata))
    families = tuple(each for each in (*own, *TEXTS, *OTHERS) if takes(kind, name, each))
    accepted = [value for value in ODD if accepts(kind, name, value)]
    return Values(families, tuple(accepted), tuple(value for value in ODD if not accepts(kind, name, value)))


def takes(kind: type[Kind], name: str, family: Family) -> bool:
    return all(accepts(kind, name, family(n)) for n in range(1, TRIED + 1))


def accepts(kind: type[Kind], name: str, value: Any) -> bool:
    """Whether the field takes the value, as it comes back from a table; whatever the row as a whole needs."""
    attribute, info = attribute_of(kind, name), kind.model_fields[name]
    if value == "" and kind.empty_is_absent:
        return not info.is_required()
    try:
        stored = to_python(wire_of(value))
        kind.model_validate({attribute: as_whole(stored) if mentions(info.annotation, int) else stored})
    except ValidationError as problem:
        return all(each["loc"][:1] != (attribute,) for each in problem.errors())
    except Exception:
        return False
    return True


def attribute_of(kind: type[Kind], name: str) -> str:
    """What items of the kind call the field."""
    return kind.model_fields[name].alias or name


def wire_of(value: Any) -> Wire:
    """The typed value; an empty set stands for nothing that a table can hold."""
    return to_wire(value)


def _examples(info: FieldInfo) -> Iterator[Family]:
    found = [each for each in _described(info.annotation, info.metadata) if isinstance(each, FieldInfo)]
    if examples := [value for each in (info, *found) for value in each.examples or ()]:
        yield _cycle(examples)


def _families(annotation: Any, metadata: Sequence[Any] = ()) -> Iterator[Family]:
    """Families that the annotation names: literals, ranges, patterns, and those of nested types."""
    if choices := list(_choices(annotation)):
        yield _cycle(choices)
    for each in _described(annotation, metadata):
        if (pattern := getattr(each, "pattern", None)) is not None and (texts := _texts_of(str(pattern))):
            yield _cycle(texts)
        low, high = (_bound(each, *names) for names in (("ge", "gt"), ("le", "lt")))
        if low is not None:
            yield from (_counted(low, 1), _counted(low, Decimal("0.001")))
        if high is not None:
            yield from (_counted(high, -1), _counted(high, Decimal("-0.001")))
        if (length := getattr(each, "min_length", None)) is not None:
            yield lambda n, length=length: str(n).rjust(length, "x")  # type: ignore[misc]
            yield lambda n, length=length: n.to_bytes(max(length, 8), "big")  # type: ignore[misc]
    yield from _nested(annotation)


def _nested(annotation: Any) -> Iterator[Family]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        inner = {fields[name].alias or name: _first(info.annotation, info.metadata) for name, info in fields.items()}
        yield lambda n: {name: family(n) for name, family in inner.items()}
    elif origin in (list, set, frozenset, tuple, dict) and parts:
        element = _first(parts[-1] if parts[-1] is not Ellipsis else parts[0])
        if origin is dict:
            yield lambda n: {"a": element(n)}
        else:
            yield lambda n: {element(n)} if origin in (set, frozenset) else [element(n)]
    else:
        for part in parts:
            yield from _nested(part)


def _first(annotation: Any, metadata: Sequence[Any] = ()) -> Family:
    """The family of a nested type by its type alone: the row as a whole says whether it is accepted."""
    for wanted, family in ((str, TEXTS[0]), (bool, OTHERS[4]), (int, int), (Decimal, OTHERS[1]), (bytes, OTHERS[5])):
        if mentions(annotation, wanted):
            return next(iter(_families(annotation, metadata)), family)
    return next(iter(_families(annotation, metadata)), TEXTS[0])


def _choices(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (each.value for each in annotation)
    else:
        for part in get_args(annotation):
            yield from _choices(part)


def _described(annotation: Any, metadata: Iterable[Any]) -> Iterator[Any]:
    """Everything that `Annotated` says about a type and its parts."""
    for each in (*metadata, *getattr(annotation, "__metadata__", ())):
        yield each
        yield from getattr(each, "metadata", ())
    for part in get_args(annotation):
        if not isinstance(part, str | int | bytes):
            yield from _described(part, ())


def _bound(described: Any, *names: str) -> Decimal | None:
    found = next((value for name in names if (value := getattr(described, name, None)) is not None), None)
    return Decimal(str(found)) if isinstance(found, int | Decimal | float) else None


def _counted(start: Decimal, step: Decimal | int) -> Family:
    return lambda n: start + step * (n % 10)


def _cycle(values: Sequence[Any]) -> Family:
    return lambda n: values[n % len(values)]


@cache
def _texts_of(pattern: str, count: int = 30) -> tuple[str, ...]:
    """Texts that match a pattern, always the same ones."""
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415  # half a second, for models with patterns
    from hypothesis import strategies as st  # noqa: PLC0415

    found: dict[str, None] = {}

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(st.from_regex(pattern))
    def collect(text: str) -> None:
        if text.isprintable():
            found[text] = None

    collect()
    return tuple(islice(found, count))
