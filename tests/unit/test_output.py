"""What rows hold reaches a person as text: on the screen, in errors, in the report and in what functions answer."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
import typer
from rich.console import Console

from remodel.findings import EXAMPLES, Finding, Report
from remodel.keys import Key
from remodel.mapping import LONGEST_REASON, quarantine_row
from runner import show
from runner.drift import Run
from runner.journal import Step
from runner.options import fail, say
from runner.report import Findings, html
from runner.validate import Check, Validation
from tests.hostile.values import MARKUP, ODD, nested

WHEN = "2026-11-26T07:41:00.123+00:00"
LONG = "x\x1b[2J" * 100_000
HOSTILE = [*MARKUP, *ODD, LONG, "a\nstage sandbox: everything is done", "".join(map(chr, range(1, 32)))]
ROOM = 20_000
"""Characters of any answer about a single row."""


def row(text: str) -> dict[str, Any]:
    image = {text: {"S": text}, "list": {"L": [{"S": text}]}, "map": {"M": {text: nested(20)}}, "set": {"SS": [text]}}
    return {
        "source": "links",
        "kind": "Link",
        "id": text,
        "seen": WHEN,
        "reason": "label: expected text",
        "image": image,
    }


def example(text: str) -> dict[str, Any]:
    """As the reconcile function answers."""
    key, other = Key("measure_data", text), Key("links", text)
    found = Finding("different", key, other, {"x": {"S": text}, text: {"S": "1"}}, {"x": {"S": "y"}}, (other,))
    report = Report()
    report.name([found])
    return report.examples[0]


ANSWERS: dict[str, Callable[[str], Any]] = {
    "quarantine list": lambda text: show.held([row(text)]),
    "quarantine show": lambda text: show.rejected(row(text)),
    "quarantine replay": lambda text: show.replayed(
        {"corrected": 0, "rejected": {f"links {text}": "label: no"}}, False
    ),
    "validate": lambda text: show.validation(Validation([Check("c", False, "1")], {}, 1, [example(text)]), "page"),  # type: ignore[arg-type]
    "log": lambda text: show.log("dev", [Step("cutover", text, "1", WHEN, WHEN, "failed", {"problem": text})]),
    "plan": lambda text: show.rows(
        "rejected", ("table", "reason"), [("links", quarantine_row(Key("links", "x"), text)["reason"]["S"])]
    ),
    "lines": lambda text: show.lines(f"changed: links {text[:300]}"),
}


def is_text(found: str, but: str = "\n ") -> bool:
    return not any(unicodedata.category(each)[0] in "CZ" and each not in but for each in found)


@pytest.mark.parametrize("verb", ANSWERS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_a_terminal_is_given_text(verb: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None, highlight=False)
    monkeypatch.setattr(show, "console", lambda: screen)

    ANSWERS[verb](text)

    told = screen.file.getvalue()  # type: ignore[attr-defined]
    assert is_text(told.replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "").replace("\x1b[31m", ""))
    assert "[/]" in told or text != "[/]", "and is no markup"
    assert "\nstage sandbox:" not in told, "no line of its own"
    assert len(told) < ROOM


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_a_script_and_an_error_are_given_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(True, row(text), print)
    with pytest.raises(typer.Exit):
        fail(f"expected something else, found {text}", 2)

    out, err = capsys.readouterr()
    assert out.isascii() and is_text(out) and json.loads(out)["id"] == text
    assert is_text(err) and err.count("\n") == 1 and len(err) < ROOM * 5


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_a_page_is_given_text(text: str) -> None:
    runs, one = [Run(WHEN, 1, False)], Validation(drift=1, examples=[example(text)])
    empty = html(Findings("dev", "me", Validation(drift=1), runs))
    found = html(Findings("dev", text, one, runs, [row(text)]))

    assert is_text(found)
    assert found.count("<script") == empty.count("<script") and "<img" not in found
    assert len(found) - len(empty) < ROOM


def test_what_a_function_answers_is_bounded() -> None:
    keys = [Key("links", f"{n}{LONG}") for n in range(1_000)]
    findings = [
        Finding("claims", key, key, {"x": {"S": LONG}}, {"x": {"S": "y" * 400_000}}, tuple(keys)) for key in keys
    ]
    report = Report()
    report.name(findings)

    assert len(report.examples) == EXAMPLES
    assert len(json.dumps(report.examples)) < 6_000_000, "what Lambda answers with at most"


def test_a_reason_is_bounded() -> None:
    assert len(quarantine_row(Key("links", "x"), LONG)["reason"]["S"]) == LONGEST_REASON


def test_drift_is_named_before_what_is_left_out() -> None:
    report = Report()
    report.apart = [Finding("tenant_violations", Key("links", str(n)), None) for n in range(EXAMPLES)]
    report.name([Finding("missing", Key("links", "x"), None)])
    other = Report()
    other.name([Finding("orphaned", Key("links", "y"), None)])
    report.add(other)

    assert [each["what"] for each in report.examples[:3]] == ["missing", "orphaned", "tenant_violations"]
