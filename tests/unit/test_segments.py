"""How far work on whole tables is, as every driver of it sees it."""

from __future__ import annotations

from measures.model import MODEL
from remodel.call import Call
from remodel.segments import Progress, Segment, advance, forget, progress, standing, unfinished
from tests.still import memory_place


def call() -> Call:
    return memory_place(MODEL)[0].call(600.0)


def test_a_segment_goes_on_where_it_was_left_and_sums_up_its_calls() -> None:
    it = call()
    first = advance(it, "run", Progress(Segment("links", 1, 4)), "x", {"written": 2, "units": 1.5})
    assert standing(it, "run", Segment("links", 1, 4)) == first
    assert first.segment.cursor == "x" and not first.done

    last = advance(it, "run", first, None, {"written": 3})
    assert last.done and last.counts == {"written": 5, "units": 1.5}
    assert progress(it, "run") == [last]


def test_a_segment_that_was_not_begun_stands_where_the_caller_says() -> None:
    assert standing(call(), "run", Segment("links", 0, 2, "here")) == Progress(Segment("links", 0, 2, "here"))


def test_a_table_that_was_begun_keeps_its_division() -> None:
    it = call()
    advance(it, "run", Progress(Segment("links", 1, 3)), None, {})

    assert [each.segment for each in unfinished(it, "run", "links", 8)] == [
        Segment("links", 0, 3),
        Segment("links", 2, 3),
    ]
    assert len(unfinished(it, "run", "actuals", 8)) == 8
    assert len(unfinished(it, "another", "links", 8)) == 8


def test_a_run_that_is_forgotten_begins_anew() -> None:
    it = call()
    for table in ("links", "actuals"):
        advance(it, "run", Progress(Segment(table, 0, 1)), None, {})

    forget(it, "run", ["links"])
    assert [each.table for each in progress(it, "run")] == ["actuals"]
    forget(it, "run")
    assert progress(it, "run") == []
