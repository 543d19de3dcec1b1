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

SEGMENTS = 1_000
"""Of a table, from which a sample takes one."""


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
        first = int(call.place.clock.jitter() * SEGMENTS)
        keys: list[Key] = []
        for n in range(SEGMENTS):
            page = call.scan(table, ((first + n) % SEGMENTS, SEGMENTS), None, size)
            keys += [Key(table, call.store.schema(table).encode(item)) for item in page.items]
            if len(keys) >= size or n >= 10:
                break
        if len(keys) < size:
            page = call.scan(table, (0, 1), None, size)
            keys = [Key(table, call.store.schema(table).encode(item)) for item in page.items]
        report.add(compare.look(call, table, keys[:size], repair=repair))
    return report


def figures(call: Call) -> dict[str, float]:
    """What a schedule reports beside a sample: rows in quarantine, the age of the oldest, and how long a backfill has stood."""
    since = [datetime.fromisoformat(each.since).timestamp() for each in quarantine.held(call)]
    ages = [max(0.0, call.now() - at) for at in since]
    return {"QuarantineDepth": len(ages), "QuarantineAge": max(ages, default=0.0), "BackfillIdle": idle(call)}
