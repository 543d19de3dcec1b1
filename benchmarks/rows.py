"""Old rows as an application writes most of them, small and regular, and the stream records of their changes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from remodel.items import Item

TENANT = "tenant-1"
SEQUENCE = 9_999_999_999_999_999_999_990
USERS = 20


def guid(space: int, number: int) -> str:
    """A GUID that says what it is: of which space, and which one."""
    return str(UUID(int=(space << 96) | (4 << 76) | (8 << 60) | number))


def number_of(id: str) -> int:
    return UUID(id).int & 0xFFFFFFFF


def measure(number: int) -> str:
    return guid(1, number)


def link(number: int, of: str) -> Item:
    return {
        "id": {"S": guid(2, number)},
        "tenant_id": {"S": TENANT},
        "goal_id": {"S": guid(3, number)},
        "measure_id": {"S": of},
        "linked_at": {"S": f"2025-01-{number % 28 + 1:02}T08:30:00.1234567Z"},
        "threshold_pct": {"N": "80"},
        "link_type": {"S": "direct"},
        "weight": {"N": "0.25"},
        "display_order": {"N": "1"},
        "is_primary": {"BOOL": True},
        "created_by": {"S": f"user-{number % USERS}"},
        "created_at": {"S": "2025-01-01T08:30:00.1234567Z"},
    }


def actual(number: int, of: str, value: int = 0) -> Item:
    return {
        "id": {"S": guid(4, number)},
        "tenant_id": {"S": TENANT},
        "measure_id": {"S": of},
        "measurement_date": {"S": f"2025-03-{number % 28 + 1:02}"},
        "actual_value": {"N": f"{number + value}.25"},
        "expected_value": {"N": "1250.5"},
        "variance": {"N": "-3.5"},
        "variance_percentage": {"N": "-0.28"},
        "is_manual_override": {"BOOL": False},
        "data_source": {"S": "Manual"},
        "triggers_replan": {"BOOL": False},
        "recorded_by": {"S": f"user-{number % USERS}"},
        "recorded_at": {"S": "2025-04-01T09:15:00.1234567Z"},
        "created_at": {"S": "2025-04-01T09:15:00.1234567Z"},
        "updated_at": {"S": "2025-04-02T09:15:00.1234567Z"},
    }


class Stream:
    """Records in Lambda's format; `later` ones come behind all others."""

    def __init__(self, later: bool = False) -> None:
        self._numbers = count(SEQUENCE + later * 10**9, 3)

    def record(self, table: str, old: Item | None, new: Item | None) -> dict[str, Any]:
        row = new or old
        assert row is not None
        images = {"OldImage": old, "NewImage": new}
        number = str(next(self._numbers))
        return {
            "eventID": f"{number} of {row['id']['S']}",
            "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_334_400,
                "Keys": {"id": row["id"]},
                **{name: image for name, image in images.items() if image is not None},
                "SequenceNumber": number,
                "SizeBytes": 500,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:1:table/{table}/stream/2026-11-22T08:00:00.000",
        }


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of actuals as (before, after), 60 % inserts, 30 % modifies, 10 % removals; and what has to be there first."""

    links: list[Item]
    before: list[Item]
    batch: list[tuple[Item | None, Item | None]]


def changes(run: int, size: int, measures: int, links: int) -> Changes:
    """`run` keeps the rows of different rounds apart."""
    start = run * 1_000_000
    ids = [measure(start + n) for n in range(measures)]
    made = [link(start + n * links + m, id) for n, id in enumerate(ids) for m in range(links)]
    rows = [actual(start + n, ids[n % measures]) for n in range(size)]
    inserted, modified = size * 6 // 10, size * 3 // 10
    batch: list[tuple[Item | None, Item | None]] = [(None, row) for row in rows[:inserted]]
    for n, row in enumerate(rows[inserted : inserted + modified], inserted):
        batch.append((row, actual(start + n, row["measure_id"]["S"], value=1)))
    batch += [(row, None) for row in rows[inserted + modified :]]
    random.Random(run).shuffle(batch)
    return Changes(made, rows[inserted:], batch)
