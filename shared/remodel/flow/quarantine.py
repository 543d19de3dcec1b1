"""What the model refuses is kept here, in full, until it is mended or removed; its shard goes on.

One item per old row: raw image (compressed JSON), version, reason, when, and the groups in which an earlier, good version
of it may still be held. An image beyond what one item takes goes to further items beside it. A refusal that the index has
passed already (a late page, a second delivery) does not stay: written first, then the index is looked at.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remodel.core.change import Key, Refusal
from remodel.core.entry import Entry
from remodel.core.errors import Unavailable
from remodel.core.record import KEY, Bad, Good, Unreadable, side
from remodel.core.version import BACKFILL, newer
from remodel.core.wire import Item
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.ports import QUARANTINE, Condition, Guarded, Outcome

SOURCE, ROW = "source", "row"
PART = 340_000
"""Bytes of a compressed image in one item, which holds 409,600 in all."""

UNREADABLE = "unreadable:"


@dataclass(frozen=True, slots=True)
class Held:
    """A refused row in quarantine. `seen`: seconds since the epoch."""

    source: str
    id: str
    version: str
    reason: str
    seen: int
    groups: frozenset[str]
    parts: int


def refusal(source: str, record: Unreadable) -> Refusal:
    """A record of which no change can be made, kept under a name of its own: nothing else will ever mend it."""
    text = _json(record.record)
    id = UNREADABLE + hashlib.sha256(text.encode()).hexdigest()
    return Refusal(source, id, BACKFILL, record.reason, record.record)


def hold(engine: Engine, refusals: Iterable[Refusal], patience: Patience) -> set[str]:
    """Keeps these refusals of different rows of one source; the ids that could not be kept in time come back."""
    pending = {each.id: each for each in refusals}
    for _ in patience.tries():
        if not pending:
            return set()
        known = {held.id: held for held in fetch(engine, pending.values(), patience)}
        writes = {id: _guarded(engine, each, known.get(id)) for id, each in pending.items()}
        _parts(engine, pending.values(), patience)
        outcomes = deliver.guard(engine, [write for write in writes.values() if write], patience)
        done = dict(zip([id for id, write in writes.items() if write], outcomes, strict=True))
        kept = [each for id, each in pending.items() if done.get(id, Outcome.DONE) is Outcome.DONE]
        _pass(engine, kept, patience)
        pending = {id: each for id, each in pending.items() if each not in kept}
    return set(pending)


def fetch(engine: Engine, rows: Iterable[Refusal | Held], patience: Patience) -> list[Held]:
    """What is in quarantine of these rows, without images."""
    keys = [_key(each.source, each.id) for each in rows]
    return [_held(item) for item in deliver.read(engine, QUARANTINE, keys, patience) if "reason" in item]


def find(engine: Engine, source: str, ids: Iterable[str], patience: Patience) -> dict[str, Held]:
    """What is in quarantine under these ids, without images."""
    keys = [_key(source, id) for id in ids]
    return {held.id: held for item in deliver.read(engine, QUARANTINE, keys, patience) if (held := _held(item))}


def image(engine: Engine, held: Held, patience: Patience) -> Any:
    """The image as it arrived; binary values as base64 text."""
    keys = [_key(held.source, held.id)]
    keys += [_part_key(held.source, held.id, held.version, n) for n in range(1, held.parts)]
    parts = {item[ROW]["S"]: item["image"]["B"] for item in deliver.read(engine, QUARANTINE, keys, patience)}
    return json.loads(zlib.decompress(b"".join(bytes(parts[key[ROW]["S"]]) for key in keys)))


def all_held(engine: Engine) -> Iterator[Held]:
    """Everything in quarantine, without images. Raises Unavailable."""
    start: Item | None = None
    while True:
        page = engine.store.scan(QUARANTINE, 0, 1, start)
        yield from (_held(item) for item in page.items if "reason" in item)
        start = page.next
        if start is None:
            return


def release(engine: Engine, source: str, versions: Mapping[str, str], patience: Patience) -> None:
    """Takes rows out again that a version above what was refused has mended or removed."""
    found = find(engine, source, versions, patience)
    gone = {id: held for id, held in found.items() if newer(versions[id], held.version)}
    discard(engine, gone.values(), patience)


def look_again(engine: Engine, source: str, ids: Iterable[str], patience: Patience) -> None:
    """Discards what the index has passed of these rows: whoever kept them may have been killed before it looked."""
    _pass(engine, find(engine, source, ids, patience).values(), patience)


def _pass(engine: Engine, refusals: Iterable[Refusal | Held], patience: Patience) -> None:
    """Discards what the index has passed: a later change has been taken, and in every group that is known of.

    One that was taken in part (its call was killed before the row had left all groups) comes again, and then needs to be
    told of the others; but not of one in which a repair has put the row, because it lives there now.
    """
    keys = {Key(group, each.source, each.id): each for each in refusals for group in each.groups}
    if not keys:
        return
    _rosters, entries = index.look(engine, (), keys, patience)
    late = {key for key, entry in entries.items() if newer(entry.version, keys[key].version)}
    left = {key.id for key, entry in entries.items() if entry.kept is not None and key not in late}
    if suspects := {
        key: it for key, it in entries.items() if key.id in left & {k.id for k in late} and key not in late
    }:
        left -= at_home(engine, suspects, patience)
    passed = {key.id: keys[key] for key in late if key.id not in left}
    held = [each for each in fetch(engine, passed.values(), patience) if each.version == passed[each.id].version]
    discard(engine, held, patience)


def at_home(engine: Engine, entries: Mapping[Key, Entry], patience: Patience) -> set[str]:
    """The ids of which every entry that still holds the row is where the row lives now, and as it is now."""
    found: dict[tuple[str, str], Good | Bad] = {}
    for name, source in engine.model.sources.items():
        ids = dict.fromkeys(key.id for key in entries if key.source == name)
        for item in deliver.read(engine, name, [{KEY: {"S": id}} for id in ids], patience):
            found[name, item[KEY]["S"]] = side(item, item[KEY]["S"], source)
    away = {
        key.id
        for key, entry in entries.items()
        if entry.kept is not None and not _is(found.get((key.source, key.id)), key, entry)
    }
    return {key.id for key in entries} - away


def _is(row: Good | Bad | None, key: Key, entry: Entry) -> bool:
    return isinstance(row, Good) and row.group == key.group and row.item == entry.kept


def discard(engine: Engine, held: Iterable[Held], patience: Patience) -> None:
    """Takes these out, each unless it has been refused anew since. Raises Unavailable."""
    gone = list(held)
    writes = [
        Guarded(QUARANTINE, _key(each.source, each.id), None, Condition("version", "=", {"S": each.version}))
        for each in gone
    ]
    if Outcome.AGAIN in deliver.guard(engine, writes, patience):
        raise Unavailable("expected to take mended rows out of quarantine, but time ran out: try again")
    parts = [_part_key(each.source, each.id, each.version, n) for each in gone for n in range(1, each.parts)]
    deliver.guard(engine, [Guarded(QUARANTINE, key, None) for key in parts], patience)


def _guarded(engine: Engine, each: Refusal, known: Held | None) -> Guarded | None:
    if known is not None and newer(known.version, each.version):
        return None
    parts = _compressed(each)
    attributes: Item = {
        "row_id": {"S": each.id},
        "version": {"S": each.version},
        "reason": {"S": each.reason},
        "seen": {"N": str(int(engine.clock.now()))},
        "groups": {"L": [{"S": group} for group in sorted(each.groups | (known.groups if known else frozenset()))]},
        "parts": {"N": str(len(parts))},
        "image": {"B": parts[0]},
    }
    condition = Condition("version", "=", {"S": known.version}) if known else None
    return Guarded(QUARANTINE, _key(each.source, each.id), attributes, condition)


def _parts(engine: Engine, refusals: Iterable[Refusal], patience: Patience) -> None:
    """The further parts of large images, before the items that count them."""
    parts = [
        Guarded(QUARANTINE, _part_key(each.source, each.id, each.version, n), {"image": {"B": part}})
        for each in refusals
        for n, part in enumerate(_compressed(each))
        if n
    ]
    if Outcome.AGAIN in deliver.guard(engine, parts, patience):
        raise Unavailable("expected to keep a large refused row, but time ran out: try again")


def _compressed(each: Refusal) -> list[bytes]:
    data = zlib.compress(_json(each.image).encode())
    return [data[n : n + PART] for n in range(0, len(data), PART)]


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=_binary)
    except (RecursionError, TypeError, ValueError):
        return json.dumps({"not kept": "nested deeper, or of other types, than anything that came out of JSON"})


def _binary(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes | bytearray) else repr(value)


def _key(source: str, id: str) -> Item:
    """An id stands as it is, except where it is longer than DynamoDB takes a sort key."""
    long = len(id.encode(errors="replace")) > 800
    return {SOURCE: {"S": source}, ROW: {"S": "long:" + hashlib.sha256(id.encode()).hexdigest() if long else id}}


def _part_key(source: str, id: str, version: str, part: int) -> Item:
    return {SOURCE: {"S": source}, ROW: {"S": f"{_key(source, id)[ROW]['S']}#{version}#{part}"}}


def _held(item: Item) -> Held:
    return Held(
        item[SOURCE]["S"],
        item["row_id"]["S"],
        item["version"]["S"],
        item["reason"]["S"],
        int(item["seen"]["N"]),
        frozenset(group["S"] for group in item["groups"]["L"]),
        int(item["parts"]["N"]),
    )
