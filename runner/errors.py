"""What a verb refuses, by name. Its message says what was expected, what was found, and what to do."""

from __future__ import annotations

from remodel.errors import RemodelError


class NotReady(RemodelError):
    """A step that this one needs has not been done, or a condition does not hold."""


class Busy(RemodelError):
    """Another process runs this verb."""


class LeaseLost(RemodelError):
    """Another process has taken the verb over while this process was stopped or cut off."""


class NoSuchStack(RemodelError):
    """Neither a deployed stack nor a DynamoDB with its tables is where the options say."""


class StackOfAnotherStage(RemodelError):
    """The stack that is named was deployed for another stage."""


class NoSuchProfile(RemodelError):
    """AWS's configuration on this machine does not have the profile that the stage is deployed with."""


class UnreadableBatch(RemodelError):
    """What is kept as a failed batch is none, or its records are no longer in the stream."""


class CallFailed(RemodelError):
    """A deployed function did not answer, or answered with an error."""


class SamconfigUnreadable(RemodelError):
    """SAM refuses what `samconfig.toml` says, or reads it from somewhere else."""


class SamconfigUnwritable(RemodelError):
    """`samconfig.toml` cannot be extended so that SAM reads what it read before; the file is as it was."""


class TableOfAnotherStack(RemodelError):
    """A new table belongs to a stack of this template that is not the stage's."""
