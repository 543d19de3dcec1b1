"""Batched requests, sent again until nothing is left of them or time is up.

BatchWriteItem and BatchGetItem return what they did not process, and PartiQL batches carry an error per statement, all
with HTTP 200: no SDK retries those. What is left when time is up is reported, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from remodel.core.errors import Rejected, Unavailable
from remodel.core.model import NewKey
from remodel.core.wire import Item
from remodel.flow.engine import Engine, Patience
from remodel.ports import READS, WRITES, Guarded, Outcome, Write

T = TypeVar("T")


@dataclass(slots=True)
class Left:
    """What could not be written: in time, or ever (with DynamoDB's reason)."""

    unfinished: set[NewKey] = field(default_factory=set)
    rejected: dict[NewKey, str] = field(default_factory=dict)


def read(engine: Engine, table: str, keys: Iterable[Item], patience: Patience) -> list[Item]:
    """The items of these different keys that exist, read consistently. Raises Unavailable when time is up."""
    pending, found = list(keys), []
    for _ in patience.tries():
        left: list[Item] = []
        for chunk in chunks(pending, READS):
            try:
                items, unprocessed = engine.store.get(table, chunk)
            except Unavailable:
                items, unprocessed = [], chunk
            found += items
            left += unprocessed
        pending = left
        if not pending:
            return found
    raise Unavailable(f"expected to read table {table!r}, but {len(pending)} keys were not answered in time: try again")


def write(engine: Engine, writes: Iterable[Write], patience: Patience) -> Left:
    """Unconditional writes to different keys."""
    pending, left = list(writes), Left()
    for _ in patience.tries():
        pending = [each for chunk in chunks(pending, WRITES) for each in _send(engine, chunk, left)]
        if not pending:
            break
    left.unfinished = {each.key for each in pending}
    return left


def guard(engine: Engine, writes: Sequence[Guarded], patience: Patience) -> list[Outcome]:
    """Guarded writes to different keys of one table; AGAIN is left only where time ran out."""
    outcomes = [Outcome.AGAIN] * len(writes)
    for _ in patience.tries():
        open_ = [n for n, outcome in enumerate(outcomes) if outcome is Outcome.AGAIN]
        for chunk in chunks(open_, WRITES):
            try:
                answers = engine.store.guard([writes[n] for n in chunk])
            except Unavailable:
                continue
            for n, answer in zip(chunk, answers, strict=True):
                outcomes[n] = answer
        if Outcome.AGAIN not in outcomes:
            break
    return outcomes


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk


def _send(engine: Engine, chunk: list[Write], left: Left) -> list[Write]:
    """One batch. Where DynamoDB rejects it, each write alone, so that a bad row does not take its neighbours along."""
    try:
        return engine.store.write(chunk)
    except Unavailable:
        return chunk
    except Rejected as problem:
        if len(chunk) == 1:
            left.rejected[chunk[0].key] = str(problem)
            return []
        return [each for one in chunk for each in _send(engine, [one], left)]
