"""Whether the index has every row of a looked-up table: each segment of one whole backfill of it came to its end.

Until then what the index does not know is read from the table itself, so links are right as far as anybody can tell; and
each row that the backfill brings settles the links that depend on it once more. Afterwards the index alone is asked.
"""

from __future__ import annotations

from remodel.core.entry import GROUP, NAME
from remodel.core.errors import Unavailable
from remodel.core.wire import Item
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, Guarded, Outcome

COMPLETE = "complete"


def note_segment(engine: Engine, source: str, segment: int, total: int, patience: Patience) -> None:
    """A segment is done; whoever notes the last one of a division notes that all is. Raises Unavailable."""
    _insert(engine, _key(source, f"{total}/{segment}"), patience)
    if len(list(index.items(engine, _group(source), patience, prefix=f"{total}/"))) == total:
        _insert(engine, _key(source, COMPLETE), patience)


def is_complete(engine: Engine, source: str, patience: Patience) -> bool:
    """Asked of the index until it says yes, which stays true."""
    if source not in engine.complete and deliver.read(engine, INDEX, [_key(source, COMPLETE)], patience):
        engine.complete.add(source)
    return source in engine.complete


def _insert(engine: Engine, key: Item, patience: Patience) -> None:
    if deliver.guard(engine, [Guarded(INDEX, key, {"noted": {"N": "1"}})], patience) == [Outcome.AGAIN]:
        raise Unavailable("expected to note that a segment is done, but time ran out: call again")


def _key(source: str, name: str) -> Item:
    return {GROUP: {"S": _group(source)}, NAME: {"S": name}}


def _group(source: str) -> str:
    """Not the group of any row: see `flow.inflight`."""
    return f"done\n{source}"
