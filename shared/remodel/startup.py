"""Settings of the garbage collector for a function; an entry point imports this module first.

By default CPython walks through all young objects after 700 new ones (Python 3.13: 2,000). A page of rows creates a
hundred thousand objects that are all in use, and so do imports. These walks took a quarter of a cold start and a third
of a backfill (`benchmarks/`). Almost all objects have no cycles and are freed at once, as ever.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 10_000, 20, 100
"""New objects before the young ones are walked through, and how many such walks before the older ones are. Cycles of 10,000
objects take a few megabytes at most."""

gc.set_threshold(YOUNG, MIDDLE, OLD)


def done() -> None:
    """Call this after the imports: their objects live as long as the process, so no walk needs to visit them again."""
    gc.freeze()
