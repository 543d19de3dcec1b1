"""What the readiness checks judge: plain facts about a stage, gathered by `survey`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from remodel.index import Size
from remodel.streams import Gap
from runner.names import command
from runner.schema import Schema
from runner.world import Denial, Reader


@dataclass(frozen=True, slots=True)
class Table:
    """`declared`, `found`: as the template declares it, and as `describe_table` answers; None where there is none.
    `follows`: whether the migration reads its stream. `recovery`: point-in-time recovery, ENABLED or DISABLED, empty
    where the endpoint does not know it, None where it was not asked. `expires`: the attribute of its TTL; `consumers`:
    other readers of its stream; each None where the endpoint does not say."""

    name: str
    physical: str
    role: Literal["migrated", "looked up", "new", "engine"]
    declared: Schema | None
    found: Mapping[str, Any] | None
    follows: bool = False
    recovery: str | None = None
    expires: str | None = ""
    consumers: Sequence[str] | None = ()

    @property
    def view(self) -> str | None:
        """Of its stream; None where the stream is off."""
        stream = (self.found or {}).get("StreamSpecification", {})
        return stream.get("StreamViewType") if stream.get("StreamEnabled") else None


@dataclass(frozen=True, slots=True)
class Stack:
    """`deploy`: how the stage is deployed; `makes_old_tables`: whether that makes the old tables, too. `parameters`:
    what `prepare` still has to tell the next deployment, empty for nothing; `refused`: why it cannot. `denied`: None
    where it was not asked."""

    deploy: str
    makes_old_tables: bool = False
    parameters: str = ""
    refused: str = ""
    denied: Sequence[Denial] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What has happened since the migration began.

    compared: seconds since the last full comparison that counts was begun; None without one. drift, claims,
    violations (pairs of rows that the model keeps apart): what it found. open: tables whose backfill is not done.
    refused: rows in quarantine by reason; quarantined: by old table. accepted: by reason, how many of these may stay.
    failed: batches in the failure destination. gaps: in which records of a stream may have been trimmed unread. notes:
    seconds for which each open note has been open. fanouts: pending. large: groups so large that a change of one costs
    others time. fenced: since when the fence is set, empty where it is not; interrupted: whether that is the fence of a
    cutover that was killed. uncovered: whether no resync has ended since the application returned to the old tables.
    cut_over: days since the cutover. finished: whether `finish` has ended."""

    compared: float | None = None
    drift: int = 0
    claims: int = 0
    violations: int = 0
    open: Sequence[str] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    gaps: Sequence[Gap] = ()
    notes: Sequence[float] = ()
    fanouts: int = 0
    large: Sequence[Size] = ()
    fenced: str = ""
    interrupted: bool = True
    uncovered: bool = False
    cut_over: float = 0.0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """`where`: the options that lead to the stage. `backup`: seconds since the last backup was begun, None without one;
    `has_backups`: whether this DynamoDB knows backups. `flag`: what the read flag says. `run`: None before it
    matters."""

    where: str
    tables: Sequence[Table]
    readers: Sequence[Reader]
    stack: Stack
    backup: float | None
    has_backups: bool
    flag: str | None
    run: Run | None = None

    def command(self, words: str) -> str:
        """A verb of `remodel` with its options, as it is typed for this stage."""
        return command(words, self.where)

    def of(self, *roles: str) -> list[Table]:
        return [each for each in self.tables if each.role in roles]
