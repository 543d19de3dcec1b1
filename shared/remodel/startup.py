"""What an entry point imports first: the garbage collector is told that imports and batches make many objects and no garbage.

CPython walks all young objects after every 700 (Python 3.13: 2,000) that are made. Reading a page of rows makes a hundred
thousand, all of which are still needed, and imports as many: the walks were a quarter of a cold start and a third of a
backfill (`benchmarks/`). Objects without cycles, which is nearly all, are freed at once as ever.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 10_000, 20, 100
"""Objects before the young ones are walked, and how often that is before the older ones are. Cycles of 10,000 objects are a
few megabytes at the most."""

gc.set_threshold(YOUNG, MIDDLE, OLD)


def done() -> None:
    """What was imported stays as long as the process; nobody need walk it again."""
    gc.freeze()
