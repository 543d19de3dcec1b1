"""What a verb refuses, by name. Its message says what was expected, what was found, and what to do."""

from __future__ import annotations

from remodel.errors import RemodelError


class NotReady(RemodelError):
    """A step that this one needs has not been done, or a condition does not hold."""


class Busy(RemodelError):
    """Somebody else is running this verb."""


class NoSuchStack(RemodelError):
    """Neither a deployed stack nor a DynamoDB with its tables is where the options say."""


class CallFailed(RemodelError):
    """A deployed function did not answer, or answered with an error."""
