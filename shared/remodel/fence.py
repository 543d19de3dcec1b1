"""The fence: one item. While it is set, the application owns the new tables and no call writes a new row.

A call reads it at its first write and again before any write that is more than CHECK seconds after the last reading. So for at
most CHECK seconds and the time limit of one request after it was set, a call may still write.
"""

from __future__ import annotations

from remodel.errors import Fenced
from remodel.keys import Key
from remodel.store import GROUP, INDEX, INDEX_KEY, NAME

CHECK = 5.0
"""Seconds for which one reading of the fence counts."""

REQUEST = 13.0
"""Seconds that one write request takes at most: connect 2, read 10, and a second for the machine."""

BOUND = CHECK + REQUEST
"""Seconds after which no call writes any more once the fence was set."""

FENCE = Key(INDEX, INDEX_KEY.encode({GROUP: {"S": "fence"}, NAME: {"S": "fence"}}))


def raise_fenced(since: str) -> None:
    raise Fenced(
        f"expected that the application still reads the old tables, found that it owns the new ones since {since}: nothing was "
        "written. `remodel rollback` returns to the old tables"
    )
