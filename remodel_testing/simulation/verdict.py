"""What is wrong at the end of a run, by the oracles: other code than the engine's, and the old tables alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remodel import compare, mapping
from remodel.findings import DRIFT
from remodel.items import Item
from remodel.keys import Key
from remodel.mapping import SINCE
from remodel.segments import Segment
from remodel.store import QUARANTINE
from remodel_testing import limits

if TYPE_CHECKING:
    from remodel_testing.simulation.run import Run


def problems(run: Run, final: bool = True) -> list[str]:
    tables = run.store.tables
    wanted = _expected(run)
    found: list[str] = []
    for name, rows in wanted.rows.items():
        stored = tables[name].items
        found += [f"missing in {name}: {text}" for text in rows.keys() - stored.keys()]
        found += [f"orphaned in {name}: {text}: {stored[text]}" for text in stored.keys() - rows.keys()]
        found += [
            f"different in {name}: {text}: {stored[text]}, expected {rows[text]}"
            for text in rows.keys() & stored.keys()
            if stored[text] not in [limits.stored(row) for row in rows[text]]
        ]
    held = {(item["source"]["S"], item["row_id"]["S"]) for item in tables[QUARANTINE].items.values()}
    found += [f"misfiled: {row}" for row in held ^ wanted.quarantine]
    if final:
        found += [f"a note stays open: {name}" for name in run.owners]
        found += [f"a fan-out stays open: {name}" for name in run.pending]
        if not found and run.world.compared:
            found += _compared(run)
    return sorted(found)


def _expected(run: Run) -> Any:
    old = {name: list(run.store.tables[name].items.values()) for name in run.model.old_tables}
    return run.world.oracle(old)


def _compared(run: Run) -> list[str]:
    """The engine's own comparison of what is right finds nothing."""
    call = run.place.call(9e9)
    run.store.stale = _never
    found = []
    for table in compare.tables(call):
        report = compare.compare(call, Segment(table, 0, 1), 9e15, confirm=False)
        drift = [each for each in report.examples if each["what"] in DRIFT]
        found += [f"the comparison sees a difference that is none: {each}" for each in drift]
    return found


def _never(key: Key) -> bool:
    return False


def carry_back(run: Run) -> None:
    """What the application does while it owns the new tables, carried back to the old ones."""
    for change in run.world.late:
        run.change(*change)
    wanted, tables = _expected(run), run.store.tables
    for name, rows in wanted.rows.items():
        tables[name].items = {text: limits.stored(versions[0]) for text, versions in rows.items()}
    tables[QUARANTINE].items = {}
    for source, text in wanted.quarantine:
        tables[QUARANTINE].put(_quarantined(run, source, text))


def _quarantined(run: Run, source: str, text: str) -> Item:
    key = Key(source, text)
    reason = mapping.parse(run.model, key, run.store.tables[source].items[text]).reason or ""
    return {**mapping.quarantine_row(key, reason), SINCE: {"S": "2027-01-01T00:00:00Z"}}
