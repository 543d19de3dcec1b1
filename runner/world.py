"""What a verb is given: the engine on the stage's tables, the journal, and what stands around them, each behind a protocol.

Two places provide it: a deployed stack (`aws`), and a DynamoDB Local with the local cloud (`here`). Both may be asked before
anything is deployed; what is not there yet says so when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from remodel.call import Call, Clock, Place
from remodel.hints import Hint
from remodel.model import Model
from runner.errors import NotReady
from runner.failed import Batch
from runner.journal import Journal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LONGEST, PAUSE = 900.0, 1.0
"""Seconds that a change may take, and between two looks. A call of Lambda lasts no longer; an index on a table with rows takes
about as long as a backfill of them."""

OLD, NEW = "old", "new"
"""What the application reads, as the read flag says it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the stream of one old table.

    lag: seconds that the oldest change not yet settled has waited; None where it is unknown.
    polled: seconds since the stream was last shown to be read; None where nothing shows it.
    idle: whether it is off, and nothing that it began is under way any more.
    deployed: whether it is there at all, and could be switched on.
    blind: whether the endpoint counts no polls at all, as some emulators.
    late: seconds after which the lag of a moment is known.
    """

    source: str
    enabled: bool
    lag: float | None
    told: str
    polled: float | None = None
    idle: bool = False
    deployed: bool = True
    blind: bool = False
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Denial:
    """A right that a role needs and does not have; `known` False where that could not be asked."""

    role: str
    found: str
    known: bool = True


Invoke = Callable[[str, Mapping[str, Any]], Any]
"""The answer of a function of the template, by its logical id, to a payload. Raises CallFailed."""


class Readers(Protocol):
    def look(self) -> list[Reader]:
        """Of every connected stream, lookups included."""

    def switch(self, enabled: bool) -> None:
        """All of them; that is asked for, and takes a while. Off, a stream keeps its place for 24 hours."""

    def consumers(self, stream: str) -> list[str]:
        """Other readers of a stream, by its ARN, as far as the endpoint knows them."""


class Tips(Protocol):
    def read(self) -> list[Hint]:
        """What was written to the old tables since the last reading. Raises NotReady."""


class Flag(Protocol):
    """Which model the application reads."""

    name: str

    def read(self) -> str | None:
        """OLD, NEW, or None where there is no flag yet."""

    def write(self, value: str) -> None: ...


class Failures(Protocol):
    def look(self) -> list[str]:
        """The names of all batches in the failure destination."""

    def batch(self, name: str) -> Batch:
        """Raises UnreadableBatch."""

    def discard(self, name: str) -> None: ...

    def empty(self) -> None:
        """All versions of all batches are gone, so that the destination can be removed."""


class Stack:
    """What is deployed beside the tables: nothing, unless a subclass knows more. `deploy`: the command that deploys it.
    `makes_old_tables`: whether a deployment makes the old tables, too."""

    def __init__(self, deploy: str, makes_old_tables: bool = False) -> None:
        self.deploy, self.makes_old_tables = deploy, makes_old_tables

    def missing(self, parameters: Mapping[str, str]) -> str:
        """What of these parameters of the template the next deployment would not find, and where it belongs; empty for none."""
        return ""

    def connect(self, parameters: Mapping[str, str]) -> None:
        """Puts them there."""

    def denied(self) -> list[Denial]:
        """What the functions need and their roles do not allow."""
        return []

    def removals(self) -> list[str]:
        """What `remove` would take away."""
        return []

    def remove(self) -> None:
        """Tables stay: the template retains them. Raises NotReady with each resource that cannot be deleted."""


@dataclass(frozen=True, slots=True)
class World:
    """`place`: the engine on the stage's tables. `tables`: physical names by logical name, and that of the migration's table.
    `tips`: makes readers at the ends of all connected streams as they are at that moment. `declared`: the template's tables
    under these names, as `create_table` takes them. `where`: the options of `remodel` that lead to this stage.
    `as_json`: whether the answer is for a script."""

    stage: str
    place: Place
    dynamodb: DynamoDBClient
    tables: Mapping[str, str]
    invoke: Invoke
    readers: Readers
    journal: Journal
    flag: Flag
    failures: Failures
    stack: Stack
    tips: Callable[[], Tips]
    declared: Sequence[Mapping[str, Any]] = ()
    where: str = ""
    as_json: bool = False

    @property
    def model(self) -> Model:
        return self.place.model

    @property
    def clock(self) -> Clock:
        return self.place.clock

    @property
    def sources(self) -> list[str]:
        """The old tables in the order in which they are backfilled; those that are only looked up where they are live."""
        return [name for name in self.model.order if name in self.place.live]

    @property
    def migrated(self) -> list[str]:
        """The old tables whose rows become new rows, in that order."""
        return [name for name in self.model.order if self.model.migrates(name)]

    def call(self, seconds: float = 300.0) -> Call:
        return self.place.call(seconds)

    def rows(self, tables: Iterable[str]) -> dict[str, int]:
        """How many rows each has, as DynamoDB last counted, which it does every few hours."""
        return {name: (self.describe(name) or {"ItemCount": 0})["ItemCount"] for name in tables}

    def wait(self, reached: Callable[[], bool], expected: str, found: str) -> None:
        """Until something is reached. Raises NotReady, with what was expected instead of what was found."""
        deadline = self.clock.now() + LONGEST
        while not reached():
            if self.clock.now() > deadline:
                raise NotReady(f"expected {expected} within {LONGEST:.0f} s, found {found}")
            self.clock.sleep(PAUSE)

    def declaration(self, table: str) -> Any:
        """As the template has it; None where it has none."""
        return next((each for each in self.declared if each["TableName"] == self.tables[table]), None)

    def describe(self, table: str) -> Any:
        """`describe_table` of a table of the model; None where there is none."""
        try:
            return self.dynamodb.describe_table(TableName=self.tables[table])["Table"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return None
