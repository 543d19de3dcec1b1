"""Every answer on a screen of 80 and of 60 columns, with contents as large as they come."""

from __future__ import annotations

import ast
import inspect
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from remodel.keys import Key
from remodel.streams import Gap
from runner import show
from runner.backfill import Backfilled
from runner.check import Check, State
from runner.claimed import Claim
from runner.forecast import Fanout, Forecast, Rate, Use
from runner.journal import Step
from runner.plan import Plan
from runner.readiness import Next
from runner.status import Status, TableStatus
from runner.tables import Facts, Table
from runner.validate import Check as Compared
from runner.validate import Validation

MANY = 1_234_567_890
UUID = "06a9c639-0182-4334-8396-41587a8e7305"
REASON = "recorded_by: expected text that is not blank, found only white space \x1b[31m[red]"
ARN = "arn:aws:dynamodb:eu-central-1:1111:table/purposepath-milestones-prod/backup/abcdefghijklmnopqrstuvwxyz-abcdef01"
NAME = "purposepath-measure-milestones-staging"
WHEN = "2026-11-26T07:41:00.123+00:00"
FIELDS = {"a_rather_long_attribute_name": {"expected": {"S": "x" * 900}, "found": {"L": [{"S": "y"}, {"N": "1"}]}}}
EXAMPLE = {"what": "different", "table": "measure_data", "key": UUID, "origin": ["actuals", UUID], "others": []}
STEPS = [
    Step(
        "quarantine replay", "christopher@ip-10-0-12-34 (process 1)", "1", WHEN, "2026-11-26T09:41:00+00:00", "failed",
        {"problem": "NotReady: " + REASON},
    ),
    Step("validate", "anna@laptop", "1", WHEN, "2026-11-26T07:44:20+00:00", "done",
         {"drift": MANY, "repaired": 0, "checks": {"all": True}, "rows": {"all": [1, 2]}}),
    Step("backfill", "anna@laptop", "1", WHEN),
    Step("rollback", "anna@laptop", "1", WHEN, WHEN, "done", {"cleared": {"measure_links": 2, "measure_data": MANY}}),
]  # fmt: skip
STATUS = Status(
    stage="staging",
    lookups="measures, people read from the table: links may grow old",
    tables=[
        TableStatus(name, MANY, "12 of 60 segments", MANY, "event source mapping enabled", 93_600.0, MANY)
        for name in ("measures", "milestones")
    ],
    compared=WHEN,
    drift=MANY,
    unlinked=MANY,
    claims=MANY,
    reads="old, there is no read flag yet",
    rate="1,234,567 write units so far, no limit",
    notes=MANY,
    oldest_note=1_000.0,
    fanouts=MANY,
    large=["measure_id=smeasure-a with 1,234,567 members"],
    fence=WHEN,
    uncovered=True,
    gaps=["milestones from 2026-11-26 07:41 UTC to 2026-11-27 07:41 UTC"],
    last_step="quarantine replay stopped, 2026-11-26 07:41 UTC",
    milestones={"backed up": True, "prepared": True, "cut over": False},
    checks=[Check("backup", State.BLOCKS, REASON, "`remodel backup --execute`", True)],
    next=Next("`remodel backup --execute`", REASON),
)
FORECAST = Forecast(
    MANY, MANY, MANY, MANY, {"milestones": Use(MANY, MANY)}, 12_345.6, 90_000.0, Rate(MANY, "what was asked for"), {}
)
PLAN = Plan(
    "staging", "measures, people followed by stream", {"milestones": MANY}, {"milestones": MANY},
    Fanout(MANY, MANY, MANY, MANY, MANY, MANY), FORECAST,
    "on demand, us-east-1, November 2024", {"milestones": {REASON: MANY}},
    [Claim(Key("measure_data", UUID), [Key("actuals", UUID), Key("readings", UUID)])], [Check(f"stream of {NAME}", State.TODO, "off", "`remodel prepare --execute`", False)],
)  # fmt: skip
DONE = Validation([Compared("every row, both ways", False, REASON)], {}, 3, [{**EXAMPLE, "fields": FIELDS}], MANY)
DONE.examples += [{**EXAMPLE, "what": "claims", "fields": {}, "others": [["readings", UUID]]}]
DONE.examples += [{**EXAMPLE, "what": "tenant_violations", "fields": {}, "others": [["links", UUID]]}]
DONE.examples += [{**EXAMPLE, "what": "orphaned", "fields": {}}]
FIGURES = dict.fromkeys(("scanned", "written", "quarantined", "units"), MANY)
KINDS = {name: dict.fromkeys(("scanned", "written", "quarantined"), MANY) for name in ("Milestone", "none or several")}

SHOWN: dict[str, Callable[[], Any]] = {
    "plan": lambda: show.plan(PLAN),
    "backfilled": lambda: show.backfilled(Backfilled({"milestones": FIGURES}, {"milestones": MANY})),
    "backfilled by kind": lambda: show.backfilled(Backfilled({}, {}, {"measures": {}, "milestones": KINDS})),
    "status": lambda: show.console().print(show.status(STATUS)),
    "status by kind": lambda: show.console().print(
        show.status(replace(STATUS, tables=[replace(each, kinds=KINDS) for each in STATUS.tables]))
    ),
    "validation": lambda: show.validation(DONE, Path("reports/staging.html")),
    "gate": lambda: show.gate(
        [Check("every call's note closed", State.BLOCKS, REASON, "`remodel x --execute`", True)], "would"
    ),
    "gaps": lambda: show.gaps(
        [Gap("milestones", 1_795_678_860.0, 1_795_778_860.0, "the stream was not read")], "would"
    ),
    "rejected": lambda: show.rejected(
        {"source": "actuals", "id": UUID, "seen": WHEN, "reason": REASON, "image": {"recorded_by": {"S": "z" * 300}}}
    ),
    "held": lambda: show.held([{"source": "actuals", "kind": "Actual", "id": UUID, "seen": WHEN, "reason": REASON}]),
    "replayed": lambda: show.replayed(
        {"corrected": MANY, "rejected": {f"actuals {UUID}": REASON}, "batches": MANY}, True
    ),
    "log": lambda: show.log("staging", STEPS),
    "rows": lambda: show.rows("backups", ("table", "backup"), [(NAME, ARN), (NAME, "this DynamoDB has no backups")]),
    "lines": lambda: show.lines(REASON),
}
UNTESTED = {"checks", "console", "live"}
"""They print no answer of their own."""


def printed(width: int, told: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> str:
    screen = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, highlight=False)
    monkeypatch.setattr(show, "console", lambda: screen)
    told()
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_no_answer_is_left_out() -> None:
    public = {
        name for name, each in vars(show).items() if inspect.isfunction(each) and each.__module__ == show.__name__
    }
    shown = {name.removesuffix(" by kind") for name in SHOWN}
    assert {name for name in public if not name.startswith("_")} | {"console"} == shown | UNTESTED


def test_there_is_one_form_of_tables() -> None:
    for path in (Path(__file__).parents[2] / "runner").glob("*.py"):
        modules = [each.module for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.ImportFrom)]
        assert ("rich.table" in modules) == (path.name == "tables.py"), path


@pytest.mark.parametrize("width", [80, 60])
@pytest.mark.parametrize("name", SHOWN)
def test_it_fits(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(width, SHOWN[name], monkeypatch)

    assert text.strip()
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "\x1b" not in text, "what rows hold does not reach the terminal as a command"
    told = re.sub(r"[0-9a-f-]{36}", "", text)
    assert not re.search(r"[{}]|'\w+':|\d{5}|\d{4}-\d\d-\d\dT", told), "neither JSON nor figures for machines"


@pytest.mark.parametrize("width", [80, 60, 40])
def test_headers_and_figures_are_never_broken(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(width, SHOWN["status"], monkeypatch)

    words = text.split()
    for header in ("table", "rows", "backfill", "scanned", "stream", "lag", "quarantined"):
        assert header in words
    assert words.count("1,234,567,890") >= 6


@pytest.mark.parametrize("answer", ["backfilled", "status"])
def test_kinds_are_shown_where_a_table_has_several(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    several = printed(80, SHOWN[f"{answer} by kind"], monkeypatch)

    assert re.search(r"^milestones +Milestone +(1,234,567,890 *){3}$", several, re.MULTILINE)
    assert re.search(r"^milestones +none or several +(1,234,567,890 *){3}$", several, re.MULTILINE)
    assert "kind" not in printed(80, SHOWN[answer], monkeypatch)


def test_a_step_of_the_log_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(80, SHOWN["log"], monkeypatch).splitlines()

    assert len(lines) == 3 + len(STEPS) + 1
    assert re.fullmatch(r"2026-11-26 07:41 +validate +done +3 min 20 s +anna +1,234,567,890 d.*", lines[4])
    assert "failed" in lines[3] and "christopher" in lines[3] and "NotReady" in lines[3]
    assert "not ended" in lines[5]
    assert "1,234,567,892" in lines[6]


def test_where_words_do_not_fit_a_row_is_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("quarantine", ("table", "id", "since"), [("actuals", UUID, "2026-11-26 07:41 UTC")])

    wide = printed(80, lambda: show.console().print(table), monkeypatch)
    narrow = printed(46, lambda: show.console().print(table), monkeypatch)

    assert [len(text.strip().splitlines()) for text in (wide, narrow)] == [4, 4]
    assert UUID in wide and f"id     {UUID}" in narrow.replace("  ", "  ")


def test_no_rows_are_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(80, lambda: show.rows("gaps", ("stream",), []), monkeypatch).split() == ["gaps", "none"]


def test_facts_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    told = printed(60, lambda: show.console().print(Facts({"a": "1", "longer": "2", "empty": ""})), monkeypatch)

    assert [line.split() for line in told.splitlines() if line.strip()] == [["a", "1"], ["longer", "2"]]
