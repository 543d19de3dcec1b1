"""What the model refuses: listed, shown with its image, and taken up again from the rows as they are now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from remodel.flow import quarantine
from remodel.flow.quarantine import Held
from runner.errors import NotReady
from runner.world import World

BATCH = 100
"""Rows in one call of the replay function."""


def chosen(
    world: World, source: str | None, ids: Iterable[str], reason: str | None, since: float, until: float
) -> list[Held]:
    """Of everything in quarantine: of this table, these ids, with this text in the reason, seen in this time."""
    wanted = set(ids)
    return [
        held
        for held in quarantine.all_held(world.engine)
        if source in (None, held.source)
        and (not wanted or held.id in wanted)
        and (reason is None or reason.lower() in held.reason.lower())
        and since <= held.seen <= until
    ]


def told(held: Held) -> dict[str, Any]:
    seen = datetime.fromtimestamp(held.seen, UTC).isoformat()
    return {**asdict(held), "seen": seen, "groups": sorted(held.groups)}


def image(world: World, source: str, id: str) -> dict[str, Any]:
    """One refused row with its image, as it arrived. Raises NotReady where it is not in quarantine."""
    held = quarantine.find(world.engine, source, [id], world.patience()).get(id)
    if held is None:
        raise NotReady(f"expected {source} {id!r} in quarantine, found nothing: it was mended, or never refused")
    return {**told(held), "image": quarantine.image(world.engine, held, world.patience())}


def replay(world: World, rows: Iterable[Held]) -> dict[str, Any]:
    """Each from the row as it is now; what is still refused, with the reason."""
    by_source: dict[str, list[str]] = {}
    for held in rows:
        if not held.id.startswith(quarantine.UNREADABLE):
            by_source.setdefault(held.source, []).append(held.id)
    mended, refused = 0, dict[str, str]()
    with world.journal.step("quarantine replay") as facts:
        for source, ids in by_source.items():
            for n in range(0, len(ids), BATCH):
                said = world.functions.invoke("Replay", {"source": source, "ids": ids[n : n + BATCH]})
                mended += said["mended"]
                refused |= said["refused"]
        facts.update(mended=mended, refused=len(refused))
    return {"mended": mended, "refused": refused}


def replay_failed(world: World) -> dict[str, Any]:
    """Every batch in the failure destination, from the rows as they are now; what is done is discarded there."""
    mended, refused, batches = 0, dict[str, str](), 0
    with world.journal.step("quarantine replay") as facts:
        for failed in world.failures.look():
            records = world.failures.records(failed)
            for n in range(0, len(records), BATCH):
                said = world.functions.invoke("Replay", {"source": failed.source, "records": records[n : n + BATCH]})
                mended += said["mended"]
                refused |= said["refused"]
            world.failures.discard(failed)
            batches += 1
        facts.update(batches=batches, mended=mended, refused=len(refused))
    return {"batches": batches, "mended": mended, "refused": refused}
