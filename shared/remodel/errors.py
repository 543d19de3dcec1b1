"""Every error that the engine raises, by name.

A message says what was expected, what was found and what to do. Callers decide by type, never by text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RemodelError(Exception):
    """The base of all named errors."""


class ModelError(RemodelError, ValueError):
    """A model's declaration contradicts itself. Raised at import; the message names the line."""


def require(holds: object, expectation: str) -> None:
    """Raises ModelError where something that a model declares does not hold."""
    if not holds:
        raise ModelError(expectation)


@contextmanager
def declared(place: str) -> Iterator[None]:
    """Names the place of a declaration that does not hold."""
    try:
        yield
    except ModelError as problem:
        raise ModelError(f"{place}: {problem}") from None


class ModelNotFound(RemodelError):
    """The setting REMODEL_MODEL leads to no model."""


class RejectedRow(RemodelError, ValueError):
    """The new model does not take this row. The row goes to quarantine; its shard goes on."""


class NotAStreamEvent(RemodelError):
    """The function was called with something that is not a batch of a DynamoDB stream."""


class WrongStream(RemodelError):
    """The batch comes from another table than the function's own, or without both images."""


class MissingSetting(RemodelError):
    """An environment variable that the template sets is missing."""


class BadRequest(RemodelError):
    """The payload of a function does not have the documented form."""


class TableNotFound(RemodelError):
    """A table that the settings name does not exist in this Region and account."""


class NotAllowed(RemodelError):
    """The function's role does not permit a request that the engine needs."""


class StreamNotReady(RemodelError):
    """Backfill may not start: the table's stream is off or does not carry both images."""


class Fenced(RemodelError):
    """The application owns the new tables (after the cutover); the engine writes no new row."""


class Unavailable(RemodelError):
    """DynamoDB did not answer, throttled, or failed temporarily. The same request may succeed later."""


class Unanswered(Unavailable):
    """No answer came. What the request asked for may still happen, even after a repetition of it has succeeded."""


class OutOfTime(Unavailable):
    """The call's deadline passed before its work was done. The work is repeated by the next call."""


class Rejected(RemodelError):
    """DynamoDB refuses this request as it stands (a validation error)."""
