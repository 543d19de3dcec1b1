"""How fast a backfill may write."""

from __future__ import annotations

import pytest

from measures.model import MODEL
from remodel.backfill import backfill
from remodel.segments import Segment
from remodel_testing.memory import Fault
from runner.pace import BEHIND, SMALLEST, Pace, furthest_behind
from tests.rows import actual
from tests.still import memory_place


def test_what_was_asked_for_is_shared_between_segments() -> None:
    assert Pace(asked=400.0).each(4) == 100.0
    assert Pace().each(4) is None


def test_throttling_halves_it_and_it_grows_again() -> None:
    pace = Pace(asked=400.0).after(100, 1.0, throttled=3)
    assert pace.each(1) == 200.0
    assert pace.after(100, 1.0, throttled=0).each(1) == 250.0
    for _ in range(10):
        pace = pace.after(100, 1.0, throttled=0)
    assert pace.each(1) == 400.0


def test_without_a_limit_throttling_holds_it_to_a_share_of_what_it_reached() -> None:
    pace = Pace().after(3_000, 2.0, throttled=1)
    assert pace.each(4) == 750.0


def test_it_never_stands_still() -> None:
    pace = Pace(asked=100.0)
    for _ in range(50):
        pace = pace.after(1, 1.0, throttled=1)
    assert pace.share == SMALLEST
    assert pace.each(1) == 100.0 * SMALLEST
    assert Pace(asked=1.0, share=SMALLEST).each(8) == 1.0


def test_the_stream_that_is_furthest_behind_is_named() -> None:
    assert furthest_behind([("links", BEHIND), ("actuals", None)]) is None
    assert furthest_behind([("links", BEHIND + 1), ("actuals", BEHIND + 9)]) == ("actuals", BEHIND + 9)


@pytest.mark.parametrize("rate", [500.0, 40.0])
def test_a_call_keeps_to_its_rate(rate: float) -> None:
    place, store = memory_place(MODEL)
    for n in range(300):
        store.tables["actuals"].put(actual(f"{n}"))
    began = place.clock.now()

    done = backfill(place.call(9_000.0), Segment("actuals", 0, 1), began + 8_000.0, rate)

    assert done.done
    assert done.units >= 300, "a membership of each row"
    assert place.clock.now() - began == pytest.approx(done.units / rate, rel=0.01)


def test_a_call_says_how_often_it_was_turned_away() -> None:
    refused = iter([True] * 5)

    def hook(operation: str, key: object) -> Fault | None:
        return Fault.UNPROCESSED if operation == "write" and next(refused, False) else None

    place, store = memory_place(MODEL, hook)
    store.tables["actuals"].put(actual())
    call = place.call(9_000.0)

    assert backfill(call, Segment("actuals", 0, 1), call.deadline).throttled == 5
