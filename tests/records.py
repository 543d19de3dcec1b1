"""Stream records for tests, in Lambda's format."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from remodel.core.wire import Item

LABEL = "2026-11-22T08:00:00.000"
World = dict[str, list[Item]]


class Stream:
    """Numbers its records as DynamoDB does: growing, and growing in length."""

    def __init__(self, tables: dict[str, str], label: str = LABEL) -> None:
        self._tables, self._label = tables, label
        self._numbers = count(9_999_999_999_999_999_999_990, 3)

    def record(self, source: str, old: Item | None, new: Item | None) -> dict[str, Any]:
        row = new if new is not None else old
        assert row is not None
        images = {"OldImage": old, "NewImage": new}
        return {
            "eventID": "0",
            "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1795334400,
                "Keys": {"id": row["id"]},
                **{name: image for name, image in images.items() if image is not None},
                "SequenceNumber": str(next(self._numbers)),
                "SizeBytes": 100,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:1:table/{self._tables[source]}/stream/{self._label}",
        }

    def changes(self, source: str, before: World, after: World) -> Iterator[dict[str, Any]]:
        """The records that lead from one state of an old table to the next."""
        old = {row["id"]["S"]: row for row in before.get(source, [])}
        new = {row["id"]["S"]: row for row in after.get(source, [])}
        for id in sorted(old.keys() | new.keys()):
            if old.get(id) != new.get(id):
                yield self.record(source, old.get(id), new.get(id))
