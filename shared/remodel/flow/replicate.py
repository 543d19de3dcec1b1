"""A batch of a stream: understand, ingest, settle, and answer with the first record that is not done.

Lambda takes up the shard again from that record. A passing error (throttling, a timeout, what stays unprocessed) makes
a record not done; a permanent one never reaches Lambda, it is quarantined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remodel.core.change import Change, Intake, Key, Refusal, fold
from remodel.core.errors import NotAStreamEvent, Unavailable
from remodel.core.record import Understood, Unreadable, understand
from remodel.flow import quarantine
from remodel.flow.engine import Engine, Patience
from remodel.flow.ingest import Fate, Ingested, ingest
from remodel.flow.refuse import refuse
from remodel.flow.settle import Rejection, Task, settle, task


@dataclass(slots=True)
class Batch:
    """What became of a batch. `failed`: the sequence number that Lambda starts again from; None where all is done."""

    records: int = 0
    changes: int = 0
    stale: int = 0
    quarantined: int = 0
    written: int = 0
    unfinished: int = 0
    failed: str | None = None
    reasons: list[str] = field(default_factory=list)

    @property
    def answer(self) -> dict[str, list[dict[str, str]]]:
        return {"batchItemFailures": [{"itemIdentifier": self.failed}] if self.failed else []}


def replicate(engine: Engine, source: str, table: str, event: Any, patience: Patience) -> Batch:
    """`event` in Lambda's format, from the stream of the old table `source`, whose physical name is `table`.

    Raises NotAStreamEvent, WrongStreamView, and Unavailable where the record to start again from cannot be named.
    """
    records = _records(event)
    understood = [understand(record, engine.model.every[source], table) for record in records]
    batch = Batch(records=len(records))
    open_ = _names(understood)
    try:
        _process(engine, source, understood, batch, open_, patience)
    except Unavailable as problem:
        batch.reasons.append(str(problem))
    batch.unfinished = len(open_)
    if open_:
        batch.failed = first_not_done(understood, open_)
    return batch


def first_not_done(understood: Sequence[Understood | Unreadable], open_: set[str | int]) -> str:
    """The sequence number of the first record whose row is not done."""
    for number, record in enumerate(understood):
        if record.id in open_ or number in open_:
            if record.sequence_number is None:
                raise Unavailable("a record without sequence number could not be kept in time: send the batch again")
            return record.sequence_number
    raise AssertionError("what is open came from a record")


def _records(event: Any) -> list[Any]:
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise NotAStreamEvent(
            f"expected a DynamoDB stream event with a list 'Records', found {type(event).__name__}"
            f"{' with ' + ', '.join(sorted(map(str, event))) if isinstance(event, dict) else ''}: "
            "connect this function to a stream, or invoke it with a file of events/"
        )
    return records


def _names(understood: Sequence[Understood | Unreadable]) -> set[str | int]:
    """What has to be done before the batch is: rows by id, unreadable records by their place."""
    return {record.id if isinstance(record, Understood) else n for n, record in enumerate(understood)}


def _process(
    engine: Engine,
    source: str,
    understood: Sequence[Understood | Unreadable],
    batch: Batch,
    open_: set[str | int],
    patience: Patience,
) -> None:
    _keep_unreadable(engine, source, understood, batch, open_, patience)
    intakes = _intakes(engine, source, understood, patience)
    changes = [change for intake in intakes.values() for change in intake.changes]
    unfinished, refusals = take(engine, changes, batch, patience)
    refusals = {**refusals, **{id: intake.refusal for id, intake in intakes.items() if intake.refusal}}
    batch.quarantined += len(refusals)
    batch.reasons += [refusal.reason for refusal in refusals.values()]
    unfinished |= refuse(engine, refusals.values(), patience)
    mended = {
        id: intake.changes[0].version
        for id, intake in intakes.items()
        if intake.mended and intake.changes and id not in unfinished
    }
    if mended:
        quarantine.release(engine, source, mended, patience)
    open_.intersection_update(unfinished)


def take(
    engine: Engine, changes: Sequence[Change], batch: Batch, patience: Patience
) -> tuple[set[str], dict[str, Refusal]]:
    """Every change goes this way: ingest, then settle. Back come the ids not finished, and those that go to quarantine."""
    fates = ingest(engine, changes, patience)
    batch.changes += len(changes)
    batch.stale += sum(ingested.fate is Fate.STALE for ingested in fates.values())
    settled = settle(engine, to_settle(changes, fates), patience)
    batch.written += settled.written
    unfinished = {key for key, ingested in fates.items() if ingested.fate is Fate.UNFINISHED} | settled.unfinished
    by_key = {change.key: change for change in changes}
    rejected = {
        key: Rejection(ingested.reason, by_key[key].version, by_key[key].item)
        for key, ingested in fates.items()
        if ingested.fate is Fate.REJECTED
    }
    return {key.id for key in unfinished}, rejections({**rejected, **settled.rejected}, by_key)


def to_settle(changes: Sequence[Change], fates: Mapping[Key, Ingested]) -> list[Task]:
    """Every change that the index has, a stale one too."""
    return [
        task(change, fates[change.key])
        for change in changes
        if fates[change.key].fate not in (Fate.UNFINISHED, Fate.REJECTED)
    ]


def rejections(rejected: Mapping[Key, Rejection], changes: Mapping[Key, Change]) -> dict[str, Refusal]:
    """What DynamoDB will never take, though the model did, is kept like any refused row."""
    return {
        key.id: Refusal(
            key.source,
            key.id,
            each.version,
            f"DynamoDB does not take what follows from this row: {each.reason}",
            changes[key].item if key in changes else each.kept,
            frozenset({key.group}),
        )
        for key, each in rejected.items()
    }


def _keep_unreadable(
    engine: Engine,
    source: str,
    understood: Sequence[Understood | Unreadable],
    batch: Batch,
    open_: set[str | int],
    patience: Patience,
) -> None:
    found = {
        n: quarantine.refusal(source, record) for n, record in enumerate(understood) if isinstance(record, Unreadable)
    }
    batch.quarantined += len(found)
    batch.reasons += [refusal.reason for refusal in found.values()]
    left = quarantine.hold(engine, found.values(), patience)
    open_.difference_update(n for n, refusal in found.items() if refusal.id not in left)


def _intakes(
    engine: Engine, source: str, understood: Sequence[Understood | Unreadable], patience: Patience
) -> dict[str, Intake]:
    """One intake a row. A mended one also leaves the groups that quarantine remembers for it."""
    records: dict[str, list[Understood]] = {}
    for record in understood:
        if isinstance(record, Understood):
            records.setdefault(record.id, []).append(record)
    intakes = {id: fold(engine.model.every[source], id, each) for id, each in records.items()}
    mended = [id for id, intake in intakes.items() if intake.mended and intake.changes]
    for id, held in quarantine.find(engine, source, mended, patience).items() if mended else ():
        changes = intakes[id].changes
        left = held.groups - {change.key.group for change in changes}
        changes += [Change(Key(group, source, id), changes[0].version, alone=True) for group in sorted(left)]
    return intakes
