"""Reconcile: a comparison in one call. `counts` is the first look at all parts, `full` confirms what it finds, `sample` looks
at a random part of each table. Tables that do not fit into one call are compared part by part (`compare`), by the runner.
"""

from __future__ import annotations

from datetime import datetime

from remodel import compare, quarantine
from remodel.backfill import idle
from remodel.call import Call
from remodel.errors import OutOfTime
from remodel.findings import Report
from remodel.keys import Key
from remodel.segments import Segment

SEGMENTS, TRIES = 1_000, 11
"""Of a table, and how many of them a sample looks into at most."""


def reconcile(call: Call, mode: str, repair: bool, sample: int = 100) -> Report:
    """Raises Unavailable, Fenced, and OutOfTime where the tables need more than one call."""
    report = _sample(call, sample, repair) if mode == "sample" else _whole(call, mode == "full", repair)
    report.done, report.cursor = True, None
    return report


def _whole(call: Call, confirm: bool, repair: bool) -> Report:
    report = Report()
    for table in compare.tables(call):
        part = compare.compare(call, Segment(table, 0, 1), call.deadline, repair, confirm)
        if not part.done:
            raise OutOfTime("expected tables that one call can compare, found larger ones: `remodel validate --full`")
        report.add(part)
    return report


def _sample(call: Call, size: int, repair: bool) -> Report:
    report = Report()
    for table in compare.tables(call):
        first, encode = int(call.place.clock.jitter() * SEGMENTS), call.store.schema(table).encode
        keys: dict[Key, None] = {}
        # Segments of a small table may be empty: then its first rows are the sample.
        for part in (*(((first + n) % SEGMENTS, SEGMENTS) for n in range(TRIES)), (0, 1)):
            if len(keys) < size:
                page = call.scan(table, part, None, size)
                keys |= dict.fromkeys(Key(table, encode(item)) for item in page.items)
        report.add(compare.look(call, table, [*keys][:size], repair=repair))
    return report


def figures(call: Call) -> dict[str, float]:
    """What a schedule reports beside a sample: rows in quarantine, the age of the oldest, and how long a backfill has stood."""
    since = [datetime.fromisoformat(each.since).timestamp() for each in quarantine.held(call)]
    ages = [max(0.0, call.now() - at) for at in since]
    return {"QuarantineDepth": len(ages), "QuarantineAge": max(ages, default=0.0), "BackfillIdle": idle(call)}
