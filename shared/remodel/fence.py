"""The fence: while it is set, the application owns the new tables and no call writes a new row.

A call reads it at its first write and again before any write that is more than CHECK seconds after the last reading. So for at
most CHECK seconds and the time limit of one request after it was set, a call may still write.

Each cutover sets an item of its own, named by its moment, and whoever lifts the fence deletes those that he has seen. So a
request that lands late never lifts the fence of a later cutover.
"""

from __future__ import annotations

from remodel.errors import Fenced
from remodel.keys import Key
from remodel.store import INDEX, INDEX_KEY

CHECK = 5.0
"""Seconds for which one reading of the fence counts."""

REQUEST = 13.0
"""Seconds that one write request takes at most: connect 2, read 10, and a second for the machine."""

BOUND = CHECK + REQUEST
"""Seconds after which no call writes any more once the fence was set."""

FENCES = "fence"
"""The partition of the index that has them."""


def fence(since: str) -> Key:
    """`since`: ISO 8601, so that names sort by time."""
    return Key(INDEX, INDEX_KEY.of_texts(FENCES, since))


def raise_fenced(since: str) -> None:
    raise Fenced(
        f"expected that the application still reads the old tables, found that it owns the new ones since {since}: nothing was "
        "written. `remodel rollback` returns to the old tables"
    )
