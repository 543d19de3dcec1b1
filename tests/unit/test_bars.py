"""What is shown while a verb works."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from runner import bars
from runner.bars import Display, Tally, drawn, watching
from runner.watch import SILENT, Advance


def part(number: int, rows: int, done: bool = False, waits: str = "", of: int = 2) -> Advance:
    return Advance("backfill", "milestones", number, of, rows, done, waits)


def tally(expected: int, *parts: Advance) -> Tally:
    made = Tally("backfill milestones", expected, 100.0)
    for each in parts:
        made.add(each)
    return made


def test_a_bar_never_exceeds_its_total_and_is_full_only_when_all_is_done() -> None:
    for rows in (0, 5, 10, 1_000):
        _work, told, share = tally(10, part(0, rows, True), part(1, 0)).line(100.0)
        assert share is not None and 0 <= share < 1
        assert (" of " in told) == (rows <= 10), "a total that is too small is not shown"
    assert tally(10, part(0, 600, True), part(1, 634, True)).line(100.0) == (
        "backfill milestones",
        "done, 1,234 rows",
        1.0,
    )


def test_one_part_of_several_is_not_all() -> None:
    assert not tally(10, part(0, 10, True)).is_done


def test_pace_and_time_left_count_this_run_only() -> None:
    it = tally(2_000, part(0, 900))
    it.add(part(0, 1_000))

    assert it.line(110.0)[1] == "1,000 of 2,000 rows, 1 min 40 s left, 10/s"
    assert "links is" in tally(10, part(0, 1, waits="waits: links is 2 min behind")).line(100.0)[1]


def test_kinds_are_counted_over_all_parts() -> None:
    parts = [replace(part(n, 30), kinds={"Order": 20, "Customer": 10}) for n in (0, 1)]

    assert tally(100, *parts).line(100.0)[1] == "60 of 100 rows, 40 Order, 20 Customer"


@pytest.mark.parametrize("width", [100, 80, 60])
def test_lines_fit_and_bars_have_one_length(width: int) -> None:
    lines = [
        tally(6_300_000, part(0, 1_000_000)).line(100.0),
        tally(1, part(0, 300, True), part(1, 0, True)).line(100.0),
        ("comparing", "1 min", None),
    ]

    shown = list(drawn(lines, width))
    assert all(cell_len(line) <= width for line in shown)
    assert len({sum(line.count(each) for each in "━╌") for line in shown[:2]}) == 1
    assert not any(each in shown[2] for each in "━╌")


def test_in_a_pipe_a_line_comes_again_while_nothing_happens(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bars.REPORT <= 2.0
    monkeypatch.setattr(bars, "REPORT", 0.01)
    told: list[str] = []

    def shown(text: str, times: int) -> None:
        while "".join(told).count(text) < times:
            time.sleep(0.01)
            told.append(capsys.readouterr().err)

    with watching(quiet=False, expected={"milestones": 300}) as watch:
        watch.step("stopping the event sources")
        shown("stopping the event sources", 3)
        watch.advance(part(0, 100))
        shown("backfill milestones: 100 of 300 rows", 3)
        watch.advance(part(0, 100, True))
        watch.advance(part(1, 200, True))
        shown("backfill milestones: done, 300 rows", 1)
    time.sleep(0.1)

    assert "\x1b" not in "".join(told)
    assert capsys.readouterr().err == "", "what is done is said once"


def test_what_an_earlier_run_has_finished_is_shown_as_finished(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=False, expected={"milestones": 300}) as watch:
        watch.advance(part(0, 300, True, of=1))

    assert capsys.readouterr().err == "backfill milestones: done, 300 rows\n"


def test_a_script_is_told_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=True) as watch:
        assert watch is SILENT
        watch.step("stopping")
    assert capsys.readouterr().err == ""


def test_a_terminal_is_left_alone_after_the_first_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(bars, "Console", lambda stderr: console)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    display = Display({"milestones": 300})
    display.advance(part(0, 100))
    display.step("comparing")
    display.close()
    told = screen.getvalue()

    display.advance(part(0, 200))
    display.step("more")
    display.close()

    last = told[told.rindex("backfill milestones") :]
    assert "100 of 300 rows" in last and "comparing" in last
    assert "done" not in last.split("comparing")[1], "a step that was interrupted is not done"
    assert screen.getvalue() == told
