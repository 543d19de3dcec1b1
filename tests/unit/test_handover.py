"""How long the application is paused depends on what it changes, and not on how large the tables are.

The store in memory takes a moment for each item that it is asked for. So the clock shows what a pause is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.rows import Stream
from measures.model import MODEL
from remodel import fence
from remodel.call import Call, Place
from remodel.hints import Hint
from remodel.keys import Key
from remodel.replicate import replicate
from remodel.store import READS
from remodel_testing.memory import Fault, MemoryStore
from runner import handover
from runner.comparison import Found
from runner.errors import NotReady
from runner.handover import Rehearsed, hand_over
from runner.world import Reader, World
from tests.rows import actual, guid, link, text
from tests.still import memory_place

ITEM = 0.01 / READS
"""Seconds that an item of a request takes: a request of a hundred takes ten milliseconds."""

CHANGED = 400

READ = Reader("actuals", True, 0.0, "on")


Told = Callable[[str, float], None]


class Application:
    """Writes a row when it is told so. `late`: its function reads that only when the pause is asked for. As tips, it shows what
    was written."""

    place: Place
    stream: Stream

    def __init__(self, late: bool = False) -> None:
        self._late = late
        self._seen: list[Hint] = []
        self._waiting: list[Any] = []

    def read(self) -> list[Hint]:
        seen, self._seen = self._seen, []
        return seen

    def write(self) -> None:
        row, store = actual("written", measure_id=text(guid("m1"))), self.place.store
        assert isinstance(store, MemoryStore)
        store.tables["actuals"].put(row)
        self._waiting.append(self.stream.record("actuals", None, row))
        self._seen.append(Hint(Key("actuals", guid("written"))))

    def deliver(self) -> None:
        records, self._waiting = {"Records": self._waiting}, []
        assert replicate(self.place.call(600.0), "actuals", "actuals", records).failed is None

    def hear(self, told: str) -> None:
        if self._late and told.startswith("comparing in advance"):
            self.write()
        if told.startswith("pause the application"):
            self.deliver()


def silent(told: str, now: float) -> None: ...


def paused(
    rows: int, reader: Reader = READ, tell: Told = silent, application: Application | None = None
) -> tuple[float, int]:
    """Seconds from the last change to the moment at which the flag can be flipped, and old rows compared in it."""

    def ticking(_operation: str, _key: Key | None) -> Fault | None:
        clock.sleep(ITEM)
        return None

    place, store = memory_place(MODEL, ticking)
    clock = place.clock
    stream, began = Stream(), clock.now()
    links = [link(f"link {n}", measure_id=text(guid(f"m{n}"))) for n in range(20)]
    changed = [actual(f"changed {n}", measure_id=text(guid(f"m{n % 20}"))) for n in range(CHANGED)]
    same: Any = {"id": {"S": "row"}}  # one item for all of them: a million fit into a worker's memory
    for n in range(rows):
        store.tables["actuals"].apply(f"row {n}", same)
    for source, each in (("links", links), ("actuals", changed)):
        for row in each:
            store.tables[source].put(row)
        records = [stream.record(source, None, row) for row in each]
        assert replicate(place.call(600.0), source, source, {"Records": records}).failed is None
    nothing: Any = SimpleNamespace(check=lambda: None)
    names = {name: name for name in store.tables}
    readers: Any = SimpleNamespace(look=lambda: [reader])
    world = World("dev", place, nothing, names, nothing, readers, nothing, nothing, nothing, nothing, Application)
    application = application or Application()
    application.place, application.stream = place, stream

    def hear(told: str) -> None:
        application.hear(told)
        tell(told, clock.now() - began)

    done = hand_over(world, application, began, hear)
    assert place.call(1.0).fenced_since()
    return clock.now() - done.quiet, done.compared


def test_the_pause_does_not_depend_on_the_size_of_the_tables() -> None:
    small, compared = paused(10_000)

    assert paused(1_000_000) == (pytest.approx(small), compared)
    assert compared == 0, "all of it was compared before the pause"
    assert small < handover.QUIET + fence.BOUND + 5


def test_what_was_on_its_way_before_the_pause_is_all_that_is_compared_in_it() -> None:
    """A busy application always has something on its way."""
    assert paused(10, application=Application(late=True))[1] == 1


@pytest.mark.parametrize(
    ("rounds", "compared"), [(handover.ROUNDS, 0), (1, 1)], ids=["a second round", "no other round"]
)
def test_what_is_written_during_a_long_round_is_compared_by_the_next_one(
    rounds: int, compared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, ended, listed = Application(), handover.ended, []

    def write_once(call: Call, parts: Any) -> set[str]:
        if not listed:
            writing.write()
            writing.deliver()
        listed.append(parts)
        return ended(call, parts)

    monkeypatch.setattr(handover, "ended", write_once)
    monkeypatch.setattr(handover, "ROUNDS", rounds)
    monkeypatch.setattr(handover, "QUIET", 0.05)

    assert paused(10, application=writing)[1] == compared
    assert len(listed) == min(rounds, 2)


@pytest.mark.parametrize(("missing", "left"), [(0, ()), (1, ("written",))], ids=["all is right", "something differs"])
def test_where_not_all_is_noted_any_change_may_be_what_differs(
    missing: int, left: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    application, place = Application(), memory_place(MODEL)[0]
    application.place, application.stream = place, Stream()
    world: Any = SimpleNamespace(call=lambda seconds=600.0: place.call(seconds), clock=place.clock)
    monkeypatch.setattr(handover, "_all_is_noted", lambda world: False)
    monkeypatch.setattr(handover, "compare", lambda *asked: Found(0.0, Counter(missing=missing), {}))
    application.write()

    done = handover._round(world, place.clock.now(), application, Rehearsed())

    assert [hint.key.text for hint in done.hints] == [guid(each) for each in left]


def test_what_metrics_tell_late_is_waited_for_before_the_pause_is_asked_for() -> None:
    """Own readers of the streams do not see what was written before they were opened."""
    told: list[tuple[str, float]] = []

    paused(10, replace(READ, late=200.0), lambda each, now: told.append((each, now)))

    assert told[0][0].startswith(
        "waiting 200 s until it is known that all before has been read; the application goes on"
    )
    asked = next(now for each, now in told if each.startswith("pause the application"))
    assert asked > told[0][1] + 200


@pytest.mark.parametrize("lag", [None, handover.LAG + 1], ids=["unknown", "behind"])
def test_a_stream_that_is_read_late_ends_the_cutover_before_the_pause(lag: float | None) -> None:
    told: list[str] = []

    with pytest.raises(NotReady, match="expected every stream to be read within 15 s, found actuals later than that"):
        paused(10, replace(READ, lag=lag), lambda each, now: told.append(each))

    assert told == []
    assert paused(10, replace(READ, lag=lag, blind=True))[0] > 0, "an emulator that measures nothing cannot be asked"
