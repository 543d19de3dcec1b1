"""A comparison accuses nobody too soon: what arrives within 15 seconds was on its way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from measures.model import MODEL
from remodel.compare import CONFIRM, LOOKS, look
from remodel.converge import converge
from remodel.findings import EXAMPLES, first
from remodel.hints import of_row
from remodel.keys import Key
from tests.rows import actual, guid, link, number
from tests.still import StillClock, memory_place

LAST = CONFIRM * LOOKS


@pytest.mark.parametrize(("arrives", "different"), [(CONFIRM, 0), (LAST, 0), (LAST + 1, 1)])
def test_what_arrives_before_the_last_look_is_no_difference(arrives: float, different: int) -> None:
    place, store = memory_place(MODEL)

    class Clock(StillClock):
        """The function of the stream reads the change at a time of its own."""

        def sleep(self, seconds: float) -> None:
            before, self.time = self.time, self.time + seconds
            if before < began + arrives <= self.time:
                converge(place.call(600.0), [of_row(MODEL, key, changed)])

    for source, row in (("links", link()), ("actuals", actual())):
        store.tables[source].put(row)
        converge(place.call(600.0), [of_row(MODEL, Key(source, row["id"]["S"]), row)])
    key, changed = Key("actuals", guid("actual")), actual(actual_value=number(77))
    store.tables["actuals"].put(changed)
    clock = Clock()
    began = clock.now()

    report = look(replace(place, clock=clock).call(600.0), "actuals", [key])

    assert report.counts["different"] == different
    assert clock.now() - began == min(LAST, CONFIRM if arrives == CONFIRM else LAST)


def test_differences_are_shown_before_all_else() -> None:
    """A report shows few examples, and pairs that are kept apart may be many."""
    told = [{"what": "tenant_violations"} for _ in range(EXAMPLES)]

    assert first([*told, {"what": "missing"}])[0] == {"what": "missing"}
