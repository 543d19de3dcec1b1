"""A stream record is understood: what an old row was, what it is now, and the version of the change.

Assumes nothing of the record but that it came out of JSON. What cannot be understood is Unreadable, never an exception:
one bad record must not hold up its shard. The exception is a wrong stream view, which spoils every record of the stream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remodel.core import wire
from remodel.core.errors import Refused, WrongStreamView
from remodel.core.model import Source
from remodel.core.version import stream_version
from remodel.core.wire import Item

KEY = "id"
"""The partition key of every old and new table."""

VIEW = "NEW_AND_OLD_IMAGES"

_IMAGES = {"INSERT": (None, "NewImage"), "MODIFY": ("OldImage", "NewImage"), "REMOVE": ("OldImage", None)}

_ARN = re.compile(r"arn:[^:]*:dynamodb:[^:]*:[^:]*:table/(?P<table>[^/]+)/stream/(?P<label>.+)")


@dataclass(frozen=True, slots=True)
class Good:
    """A row that the model takes. `item` is the wire form that the index keeps."""

    row: Any
    group: str
    item: Item


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that the model refuses. `image` is what arrived, untouched."""

    reason: str
    group: str | None
    image: Any


Side = Good | Bad | None


@dataclass(frozen=True, slots=True)
class Understood:
    """One change of one old row; None on the side where there is no row."""

    sequence_number: str
    version: str
    id: str
    old: Side
    new: Side


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record of which no change can be made. `sequence_number` and `id` as far as they could be read."""

    sequence_number: str | None
    id: str | None
    reason: str
    record: Any


def understand(record: Any, source: Source, table: str) -> Understood | Unreadable:
    """`record` in Lambda's format, from the stream of the old table with this physical name.

    Raises WrongStreamView where the stream carries less than both images.
    """
    try:
        return _understand(record, source, table)
    except (ValueError, RecursionError) as problem:
        return Unreadable(_sequence_number(record), _id(record), str(problem) or type(problem).__name__, record)


def side(image: Any, id: str, source: Source) -> Good | Bad:
    """A row as the model sees it, from a stream image or a scan."""
    try:
        kept = {name: wire.decoded(image[name]) for name in source.attributes & image.keys()}
        if image.get(KEY) != {"S": id}:
            raise ValueError(f"expected the row to carry its own key in {KEY!r}")
        if (size := wire.size(kept)) > wire.ROW_LIMIT:
            raise ValueError(f"expected a row of at most {wire.ROW_LIMIT} bytes, found {size}: a new row would not fit")
        row = source.read(kept)
    except (Refused, ValueError, RecursionError) as problem:
        return Bad(str(problem) or type(problem).__name__, _group(image, source), image)
    group = source.group(kept)
    assert group is not None, "a row that can be read has a group"
    return Good(row, group, kept)


def _understand(record: Any, source: Source, table: str) -> Understood | Unreadable:
    body = _mapping(record, "dynamodb")
    _check_view(body)
    found = _ARN.fullmatch(str(record.get("eventSourceARN")))
    if found is None:
        raise ValueError(
            f"expected the ARN of a DynamoDB stream in eventSourceARN, found {record.get('eventSourceARN')!r}"
        )
    if found["table"] != table:
        raise ValueError(
            f"expected a record of table {table!r}, found one of {found['table']!r}: check the stream's ARN"
        )
    sequence_number = _text(body, "SequenceNumber")
    version = stream_version(found["label"], sequence_number)
    id = wire.clean_text(_text(_mapping(_mapping(body, "Keys"), KEY), "S"))
    images = _IMAGES.get(str(record.get("eventName")))
    if images is None:
        raise ValueError(f"expected eventName INSERT, MODIFY or REMOVE, found {record.get('eventName')!r}")
    old, new = (side(_mapping(body, name), id, source) if name else None for name in images)
    return Understood(sequence_number, version, id, old, new)


def _check_view(body: Mapping[str, Any]) -> None:
    view = body.get("StreamViewType", VIEW)
    if view != VIEW:
        raise WrongStreamView(
            f"expected a stream with view type {VIEW}, found {view!r}: "
            f"switch the table's stream off, then on again with {VIEW}, and give its new ARN to the stack"
        )


def _group(image: Any, source: Source) -> str | None:
    try:
        return source.group({name: image[name] for name in source.attributes & image.keys()})
    except (ValueError, TypeError, AttributeError, LookupError):
        return None


def _mapping(container: Any, name: str) -> Any:
    found = container.get(name) if isinstance(container, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"expected an object {name!r} in the record, found {type(found).__name__}")
    return found


def _text(container: Mapping[str, Any], name: str) -> str:
    found = container.get(name)
    if not isinstance(found, str) or not found:
        raise ValueError(f"expected text in {name!r}, found {type(found).__name__}")
    return found


def _sequence_number(record: Any) -> str | None:
    try:
        return _text(_mapping(record, "dynamodb"), "SequenceNumber")
    except ValueError:
        return None


def _id(record: Any) -> str | None:
    try:
        return wire.clean_text(_text(_mapping(_mapping(_mapping(record, "dynamodb"), "Keys"), KEY), "S"))
    except ValueError:
        return None
