"""Replay takes up quarantined rows and failed batches again, by key, from the row as it is now.

Replaying an image would be a stale write, so no image is ever replayed: each key goes through `sync`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from remodel.core.errors import BadRequest
from remodel.core.record import Understood, understand
from remodel.flow import inflight, quarantine
from remodel.flow.engine import Engine, Patience
from remodel.flow.sync import sync

Wanted = dict[tuple[str, str], set[str]]
"""Old rows as (source, id), with groups in which traces of them may be."""


@dataclass(slots=True)
class Replayed:
    mended: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def replay(engine: Engine, wanted: Wanted, patience: Patience) -> Replayed:
    """Raises Unavailable when time is up; what was mended until then stays mended."""
    replayed = Replayed()
    for (source, id), groups in wanted.items():
        if source not in engine.model.every:
            raise BadRequest(f"expected source to be one of {', '.join(engine.model.every)}, found {source!r}")
        synced = sync(engine, source, id, groups, patience)
        if synced.refused is None:
            replayed.mended += 1
        else:
            replayed.refused[f"{source} {id}"] = synced.refused
    return replayed


def quarantined(engine: Engine, patience: Patience) -> Wanted:
    """Every row in quarantine (records that could not be read are left to a person), and what a killed repair left open."""
    held = [each for each in quarantine.all_held(engine) if not each.id.startswith(quarantine.UNREADABLE)]
    wanted: Wanted = {(each.source, each.id): set(each.groups) for each in held}
    for source in engine.model.every:
        for id, note in inflight.open_repairs(engine, source, patience).items():
            wanted.setdefault((source, id), set()).update(note.groups)
    return wanted


def failed(engine: Engine, source: str, table: str, records: Iterable[Any]) -> Wanted:
    """The rows of a failed batch, from the payload that the failure destination keeps."""
    wanted: Wanted = {}
    for record in records:
        found = understand(record, engine.model.every[source], table)
        if found.id is not None:
            groups = wanted.setdefault((source, found.id), set())
            if isinstance(found, Understood):
                groups |= {each.group for each in (found.old, found.new) if each is not None and each.group is not None}
    return wanted
