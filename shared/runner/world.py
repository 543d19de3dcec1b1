"""What a verb is given: the engine on the stage's tables, the deployed functions, the streams' readers, and the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from remodel.flow.engine import Engine, Patience
from runner.journal import Journal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the stream of one old table. `lag`: seconds that the oldest change not yet settled has waited, if known."""

    source: str
    enabled: bool
    lag: float | None
    told: str


class Functions(Protocol):
    def invoke(self, name: str, payload: Mapping[str, Any]) -> Any:
        """The answer of a function of the template, by its logical id. Raises CallFailed."""


class Readers(Protocol):
    def look(self) -> list[Reader]:
        """Of every connected stream, lookups included."""


@dataclass(frozen=True, slots=True)
class World:
    """`tables`: physical names by the model's own, and those of index, quarantine and migration. `declared`: the
    template's tables, as `create_table` takes them."""

    stage: str
    engine: Engine
    dynamodb: DynamoDBClient
    tables: Mapping[str, str]
    functions: Functions
    readers: Readers
    journal: Journal
    declared: tuple[Mapping[str, Any], ...] = ()

    @property
    def sources(self) -> list[str]:
        """The old tables in the order in which they are backfilled; lookups where they are live."""
        lookups = [name for name in self.engine.model.lookups if name in self.engine.live]
        return [*lookups, *self.engine.model.sources]

    def patience(self, seconds: float = 300.0) -> Patience:
        return Patience(self.engine.clock, self.engine.clock.now() + seconds)
