"""What the model rejects: listed, shown with the row as it is now, and taken up again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remodel.errors import RejectedRow
from remodel.keys import Key
from remodel.mapping import quarantine_key
from remodel.model import Model
from remodel.quarantine import Held, held
from runner import ownership
from runner.errors import NotReady, UnreadableBatch
from runner.world import World

BATCH = 100
"""Rows in one call of the replay function."""

PAYLOAD = 5_000_000
"""Bytes of records in one call: Lambda takes 6 MiB. One record is never larger: it has two images of 400 KB at most, and a
byte of them takes 6 bytes at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Of everything in quarantine: of this table, these keys, with this text in the reason, first rejected in this
    time (UTC)."""

    source: str | None = None
    ids: Collection[str] | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, one: Held) -> bool:
        seen = datetime.fromisoformat(one.since)
        return (
            self.source in (None, one.row.table)
            and (not self.ids or one.row.text in self.ids)
            and (self.reason is None or self.reason.lower() in one.reason.lower())
            and (self.since is None or self.since.replace(tzinfo=UTC) <= seen)
            and (self.until is None or seen <= self.until.replace(tzinfo=UTC))
        )


def chosen(world: World, choice: Choice) -> list[Held]:
    return [each for each in held(world.call()) if choice.takes(each)]


def told(model: Model, one: Held) -> dict[str, str]:
    """`kind` is empty where the key is of no kind, or of several."""
    try:
        kind = model.kind_of(one.row)
    except RejectedRow:
        kind = None
    name = kind.__name__ if kind else ""
    return {"source": one.row.table, "kind": name, "id": one.row.text, "seen": one.since, "reason": one.reason}


def image(world: World, source: str, id: str) -> dict[str, Any]:
    """One rejected row as the old table has it now. Raises NotReady where it is not in quarantine."""
    row, call = Key(source, id), world.call()
    if (item := call.read([quarantine_key(row)]).get(quarantine_key(row))) is None:
        raise NotReady(f"expected {source} {id!r} in quarantine, found nothing: it was corrected, or never rejected")
    one = Held(row, item["reason"]["S"], item["since"]["S"])
    return {**told(world.model, one), "image": call.read([row]).get(row)}


def replay(world: World, rows: Iterable[Held]) -> dict[str, Any]:
    """Each from the row as it is now; what is still rejected, with the reason. Raises Fenced, Busy and CallFailed."""
    ownership.check(world)
    by_source: dict[str, list[str]] = {}
    for one in rows:
        by_source.setdefault(one.row.table, []).append(one.row.text)
    done: dict[str, Any] = {"corrected": 0, "rejected": {}}
    with world.journal.step("quarantine replay") as facts:
        for source, ids in by_source.items():
            for n in range(0, len(ids), BATCH):
                _replay(world, {"source": source, "ids": ids[n : n + BATCH]}, done)
        facts.update(done, rejected=len(done["rejected"]))
    return done


def replay_failed(world: World) -> dict[str, Any]:
    """Every batch in the failure destination, from the rows as they are now; what is done is discarded there. Raises Fenced,
    Busy and CallFailed, and UnreadableBatch for what cannot be read and stays: nobody knows which rows it was about."""
    ownership.check(world)
    done: dict[str, Any] = {"batches": 0, "corrected": 0, "rejected": {}}
    unread = []
    with world.journal.step("quarantine replay") as facts:
        for name in world.failures.look():
            try:
                batch = world.failures.batch(name)
            except UnreadableBatch as problem:
                unread.append(f"{name}: {problem}")
                continue
            for records in _slices(batch.records):
                _replay(world, {"source": batch.source, "records": records}, done)
            world.failures.discard(name)
            done["batches"] += 1
        facts.update(done, rejected=len(done["rejected"]))
        if unread:
            raise UnreadableBatch(f"{'; '.join(unread)}: `remodel resync --execute` covers what could not be read")
    return done


def _replay(world: World, request: dict[str, Any], done: dict[str, Any]) -> None:
    said = world.invoke("Replay", request)
    done["corrected"] += said["corrected"]
    done["rejected"] |= said["rejected"]


def _slices(records: Iterable[Any]) -> Iterator[list[Any]]:
    """As many records as one call takes."""
    taken, size = list[Any](), 0
    for record in records:
        its = len(json.dumps(record))
        if taken and (len(taken) == BATCH or size + its > PAYLOAD):
            yield taken
            taken, size = [], 0
        taken.append(record)
        size += its
    if taken:
        yield taken
