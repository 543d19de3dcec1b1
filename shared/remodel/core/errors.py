"""Every error that the engine raises, by name.

A message says what was expected, what was found and what to do; callers decide by type, never by text.
"""

from __future__ import annotations


class RemodelError(Exception):
    """The base of all named errors."""


class Refused(RemodelError):
    """The new model cannot take this row. The row goes to quarantine; its shard goes on."""


class NotAStreamEvent(RemodelError):
    """The function was called with something that is not a batch of a DynamoDB stream."""


class WrongStreamView(RemodelError):
    """The stream does not carry both images, so a row that moves or disappears cannot be followed."""


class MissingSetting(RemodelError):
    """An environment variable that the template sets is not there."""


class BadRequest(RemodelError):
    """The payload of a backfill, reconcile or replay call is not of the documented form."""


class TableNotFound(RemodelError):
    """A table that the settings name does not exist, or not in this Region and account."""


class NotAllowed(RemodelError):
    """The role of the function may not do what the engine needs."""


class StreamNotReady(RemodelError):
    """Backfill may not start: the table's stream is off or does not carry both images."""


class RosterFull(RemodelError):
    """A group has more links than one roster item holds (some 2,000; an item's 400 KB)."""


class LedgerFull(RemodelError):
    """The whole of both models does not fit the disk of the function that compares them."""


class Unavailable(RemodelError):
    """DynamoDB did not answer, throttled or failed in passing. The same request may succeed later."""


class Rejected(RemodelError):
    """DynamoDB will never take this request as it stands (a validation error)."""
