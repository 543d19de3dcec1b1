"""A batch of stream records: hints, materialized together; the answer is the first record that is not done.

Lambda repeats the shard from the record that is answered, so a temporary error costs nothing but time. A permanent error never
reaches Lambda: a bad row ends in quarantine, and a record that cannot be read counts as a gap of the stream.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from remodel import index, streams
from remodel.call import Call
from remodel.converge import converge
from remodel.errors import NotAStreamEvent, Unavailable, WrongStream
from remodel.hints import merge, read_record
from remodel.keys import Key
from remodel.materialize import Done

_ARN = re.compile(r"arn:[^:]*:dynamodb:[^:]*:[^:]*:table/(?P<table>[^/]+)/stream/(?P<label>.+)")

SLICE = 1_000
"""Rows of a batch that are taken up together. Where they do not fit into memory, Lambda halves the batch."""

LAST = 253_402_300_800.0
"""The end of the year 9999, in seconds since the epoch."""


@dataclass
class Batch:
    """`rows`: different old rows in it. `failed`: sequence number of the first record that is not done; None where all are."""

    records: int = 0
    rows: int = 0
    unreadable: int = 0
    failed: str | None = None
    done: Done = field(default_factory=Done)

    @property
    def answer(self) -> dict[str, Any]:
        """In Lambda's format."""
        return {"batchItemFailures": [] if self.failed is None else [{"itemIdentifier": self.failed}]}


def replicate(call: Call, source: str, table: str, event: Any) -> Batch:
    """`source`: logical name of the old table, `table`: its physical name.

    Raises NotAStreamEvent, WrongStream, Fenced, TableNotFound, and NotAllowed: the shard is held.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise NotAStreamEvent(
            "expected a batch of a DynamoDB stream (an object with a list `Records`), found something else: "
            "connect the function to the stream of its old table"
        )
    label = _label(table, records)
    read = [read_record(call.model, source, record) for record in records]
    hints = list(merge(each.hint for each in read if each.hint is not None).values())
    batch = Batch(len(records), len(hints), sum(not each.is_whole for each in read))
    finished = set[Key]()
    try:
        if batch.unreadable:
            reason = f"{batch.unreadable} records could not be read completely"
            streams.gap(call, streams.Gap(source, call.now(), call.now(), reason))
        last = [streams.sighting(call, source, label, _time(records[-1]))] if label else []
        for n in range(0, max(1, len(hints)), SLICE):
            some = hints[n : n + SLICE]
            batch.done = batch.done.plus(converge(call, some, last if n + SLICE >= len(hints) else ()))
            finished.update(hint.key for hint in some)
        index.name_large(call, batch.done.largest)
    except Unavailable:
        left = [each for each in read if not finished or (each.hint is not None and each.hint.key not in finished)]
        batch.failed = (left[0].sequence_number or "") if left else None
    return batch


def _label(table: str, records: Sequence[Any]) -> str:
    """The label of the stream. Raises WrongStream for records of another table."""
    label = ""
    for record in records:
        arn = record.get("eventSourceARN") if isinstance(record, dict) else None
        if arn is None:
            continue
        found = _ARN.fullmatch(str(arn))
        if found is None or found["table"] != table:
            raise WrongStream(
                f"expected records of the stream of table {table!r}, found one of {str(arn)[:200]!r}: the shard is held, "
                "check which stream the function's event source mapping reads"
            )
        label = found["label"]
    return label


def _time(record: Any) -> float | None:
    """When DynamoDB made the record, in seconds since the epoch."""
    body = record.get("dynamodb") if isinstance(record, dict) else None
    found = body.get("ApproximateCreationDateTime") if isinstance(body, dict) else None
    return float(found) if isinstance(found, int | float) and 0 < found < LAST else None
