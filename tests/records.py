"""Changes of old tables, and their stream records in Lambda's format."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.places import DONE, Handlers, replicate

if TYPE_CHECKING:
    from remodel.items import Item
    from remodel.model import Model

LABEL = "2026-11-22T08:00:00.000"
Record = dict[str, Any]


class Stream:
    """Numbers its records as DynamoDB does: growing, and growing in length."""

    def __init__(self, model: Model, tables: Mapping[str, str], label: str = LABEL) -> None:
        self._model, self._tables, self._label = model, tables, label
        self._numbers = count(9_999_999_999_999_999_999_990, 3)

    def record(self, source: str, old: Item | None, new: Item | None) -> Record:
        row = new if new is not None else old
        assert row is not None
        images = {"OldImage": old, "NewImage": new}
        body = {
            "ApproximateCreationDateTime": 1795334400,
            "Keys": as_event({name: row[name] for name in self._model.old_tables[source].schema.names}),
            **{name: as_event(image) for name, image in images.items() if image is not None},
            "SequenceNumber": str(next(self._numbers)),
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        return {
            "eventID": "0",
            "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": body,
            "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:1:table/{self._tables[source]}/stream/{self._label}",
        }


def as_event(value: Any) -> Any:
    """Binary is base64 text in an event."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: as_event(each) for name, each in value.items()}
        case list():
            return [as_event(each) for each in value]
    return value


class Application:
    """Writes to the old tables of a place. What its streams carry is delivered when a test says so."""

    def __init__(self, handlers: Handlers) -> None:
        self.place, self.handlers = handlers.place, handlers
        self.stream = Stream(self.place.model, self.place.tables)

    def put(self, source: str, *rows: Item) -> list[Record]:
        records = [self.stream.record(source, self.place.get(source, row), row) for row in rows]
        self.place.put(source, *rows)
        return records

    def remove(self, source: str, *rows: Item) -> list[Record]:
        """`rows`: anything with their keys."""
        found = [(row, self.place.get(source, row)) for row in rows]
        self.place.remove(source, *rows)
        return [self.stream.record(source, old, None) for row, old in found if old is not None]

    def become(self, source: str, rows: Iterable[Item]) -> list[Record]:
        """Makes these the rows of an old table."""
        encode = self.place.schema(source).encode
        old, new = self.place.by_key(source), {encode(row): row for row in rows}
        changed = [row for key, row in new.items() if old.get(key) != row]
        gone = [row for key, row in old.items() if key not in new]
        return [*self.put(source, *changed), *self.remove(source, *gone)]

    def deliver(self, source: str, *records: Record) -> None:
        assert self.handlers(replicate(source), {"Records": list(records)}) == DONE

    def do(self, source: str, *rows: Item) -> None:
        """A change and its delivery."""
        self.deliver(source, *self.put(source, *rows))

    def undo(self, source: str, *rows: Item) -> None:
        """A removal and its delivery."""
        self.deliver(source, *self.remove(source, *rows))

    def backfill(self, *tables: str, segments: int = 1) -> None:
        for table in tables or self.place.model.order:
            for segment in range(segments):
                event = {"table": table, "segment": segment, "total_segments": segments, "cursor": None}
                assert self.handlers("Backfill", event)["done"]
