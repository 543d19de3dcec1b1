"""The page that a validation leaves: what is shown of hostile, huge and missing content, and where points stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from runner.drift import BOTTOM, RUNS, TOP, Picture, Run, picture
from runner.journal import Step
from runner.legible import ABSENT, SHOWN, legible, plain, shortened, side_by_side
from runner.report import HELD, Findings, findings, html, write
from runner.validate import Check, Validation

WHEN = "2026-01-02T03:04:05.678+00:00"


def of(history: Sequence[Run] = (), quarantined: Sequence[dict[str, str]] = (), **done: Any) -> Findings:
    """Of a run that found nothing else."""
    run = Run(WHEN, done.get("drift", 0), not done.get("drift"))
    return Findings("dev", "kim@desk", Validation(**done), [*history, run], quarantined)


class Text(HTMLParser):
    """What a reader sees of a page, section by section; and every element that it is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {"": ""}
        self._section = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("section", "footer"):
            self._section = dict(attrs).get("id") or ""
            self.sections.setdefault(self._section, "")

    def handle_data(self, data: str) -> None:
        self.sections[self._section] += data


def difference(what: str = "different", **fields: tuple[Any, Any]) -> dict[str, Any]:
    both = {name: {"expected": expected, "found": found} for name, (expected, found) in fields.items()}
    who = {"origin": ["actuals", "a1"], "others": [["readings", "r1"]]}
    return {"what": what, "table": "data", "key": "d1", **who, "fields": both}


def refused(**changed: str) -> dict[str, str]:
    return {"source": "actuals", "id": "a1", "seen": "2026-01-01T00:00:00+00:00", "reason": "no value", **changed}


HOSTILE = "<script>document.title='x'</script>\"'><img src=x onerror=alert(1)>&lt;\u202e\x00\ud800"


def everywhere(text: str) -> Findings:
    """Findings that hold this text wherever there is room for text."""
    shown: dict[str, Any] = difference(text, **{text: ({"S": text}, {"M": {text: {"L": [{"S": text}]}}})})
    done = Validation(
        [Check(text, False, text)],
        {text: (1, 2)},
        1,
        [shown | {"table": text, "key": text, "origin": [text, text], "others": [[text, text]]}],
    )
    held = [refused(source=text, id=text, seen=text, reason=text)]
    return Findings(text, text, done, [Run(text, 1, False), Run(text, 1, False)], held)


def test_hostile_content_is_shown_and_becomes_no_part_of_the_page() -> None:
    plain_page, hostile = Text(html(everywhere("harmless"))), Text(html(everywhere(HOSTILE)))

    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain_page.elements]
    assert [attrs.keys() for _, attrs in hostile.elements] == [attrs.keys() for _, attrs in plain_page.elements]
    for section in ("counts", "checks", "drift", "differences", "quarantined"):
        assert "<script>document.title='x'</script>" in hostile.sections[section], section
        assert "&lt;‹U+202E›‹U+0000›‹U+D800›" in hostile.sections[section], section


def test_a_page_can_be_written_whatever_the_rows_hold(tmp_path: Path) -> None:
    write(tmp_path / "report.html", everywhere(HOSTILE))

    written = (tmp_path / "report.html").read_bytes()
    assert b"\0" not in written
    assert "\u202e" not in written.decode()


def test_a_page_names_no_address_and_forbids_to_load_anything() -> None:
    page = html(everywhere("harmless"))

    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<iframe| src=| href=", page)
    policy = next(attrs for tag, attrs in Text(page).elements if attrs.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'; style-src 'unsafe-inline';")


def test_the_template_lies_beside_the_module_and_is_packaged() -> None:
    assert resources.files("runner").joinpath("report.html").is_file()
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert 'runner = ["*.html"]' in project


def test_huge_content_is_shortened_and_says_so() -> None:
    page = html(everywhere("y" * 400_000))

    assert len(page) < 60_000
    assert f"({400_000 - SHOWN:,} characters more)" in unescape(page)


def test_two_huge_values_are_shown_where_they_differ() -> None:
    alike = "x" * 200_000
    expected, found = side_by_side({"S": alike + "one" + alike}, {"S": alike + "other" + alike})

    assert (expected.differs, found.differs) == ("ne", "ther")
    assert expected.before == found.before > 199_000
    for excerpt, whole in ((expected, 400_003), (found, 400_005)):
        shown = excerpt.alike + excerpt.differs + excerpt.alike_again
        assert len(shown) == SHOWN
        assert excerpt.before + len(shown) + excerpt.after == whole


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("1.50", "1.05", ("50", "05")),
        ("same", "same and more", ("", " and more")),
        ("aa", "aaa", ("", "a")),
        ("", "x", ("", "x")),
        ("abc", "axc", ("b", "x")),
    ],
)
def test_what_differs_is_told_apart_from_what_is_alike(one: str, other: str, differs: tuple[str, str]) -> None:
    excerpts = side_by_side({"S": one}, {"S": other})

    assert tuple(each.differs for each in excerpts) == differs
    assert [each.alike + each.differs + each.alike_again for each in excerpts] == [one, other]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"S": "text"}, ("text", "text")),
        ({"N": "1.50"}, ("number", "1.50")),
        ({"BOOL": True}, ("boolean", "true")),
        ({"NULL": True}, ("null", "null")),
        ({"B": b"\x00\x01"}, ("binary", "AAE=")),
        ({"B": "AAE="}, ("binary", "AAE=")),
        ({"SS": ["b", "a"]}, ("set of texts", '{"a", "b"}')),
        ({"NS": ["2", "1"]}, ("set of numbers", "{1, 2}")),
        ({"BS": [b"\x01", b"\x00"]}, ("set of binaries", "{AA==, AQ==}")),
        ({"L": [{"S": "1"}, {"N": "1"}, {"NULL": True}]}, ("list", '["1", 1, null]')),
        ({"M": {"b": {"BOOL": False}, "a": {"M": {}}}}, ("map", '{"a": {}, "b": false}')),
        ({"S": "a", "N": "1"}, ("not a DynamoDB value", '{"S": "a", "N": "1"}')),
        ("bare", ("not a DynamoDB value", '"bare"')),
    ],
)
def test_wire_values_are_told_readably(value: Any, told: tuple[str, str]) -> None:
    assert plain(value) == told


def test_a_value_that_is_not_there_is_not_an_empty_one() -> None:
    assert side_by_side(None, {"S": ""})[0] == ABSENT
    shown = Text(html(of(examples=[difference(name=(None, {"S": ""}))]))).sections["differences"]
    assert re.search(r"nothing\s+text\s+empty", shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, שלום, 語, 🙂", "plain, שלום, 語, 🙂"),
        ("a\u200bb", "a‹U+200B›b"),
        ("a\u00a0b", "a‹U+00A0›b"),
        ("a\tb\r\nc", "a‹U+0009›b‹U+000D›↵c"),
        ("\u0301", "‹U+0301›"),
        ("e\u0301", "e\u0301"),
        ("\u2067\ud800", "‹U+2067›‹U+D800›"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, shown: str) -> None:
    assert legible(text) == shown


def test_short_text_is_left_as_it_is() -> None:
    assert shortened("x" * SHOWN) == "x" * SHOWN


def test_nothing_found_says_so() -> None:
    seen = Text(html(of())).sections

    assert "No differences" in seen["differences"]
    assert "Nothing is in quarantine" in seen["quarantined"]
    assert "Nothing was counted" in seen["counts"]
    assert "Nothing was checked" in seen["checks"]


def test_drift_without_an_example_is_not_told_as_none() -> None:
    seen = Text(html(of(drift=3))).sections["differences"]

    assert "No differences" not in seen
    assert "none was told in full" in seen


def test_counts_that_differ_are_told_with_their_sign() -> None:
    seen = Text(html(of(rows={"data": (1200, 2201), "links": (5, 0), "more": (0, 0)})))

    rows = [line.split() for line in re.sub(r"\n", "", seen.sections["counts"]).split("difference")[1:]]
    assert rows == [["data1,2002,201+1,001links50−5more00none"]]


def test_of_very_many_refused_rows_the_first_are_shown() -> None:
    seen = Text(html(of(quarantined=[refused(id=f"row-{n};") for n in range(HELD + 5)])))

    assert f"The first {HELD} of {HELD + 5}" in seen.sections["quarantined"]
    assert f"row-{HELD - 1};" in seen.sections["quarantined"]
    assert f"row-{HELD};" not in seen.sections["quarantined"]


def runs(*drifts: int | None) -> list[Run]:
    return [Run(f"2026-01-01T00:00:{n % 60:02d}+00:00", drift, drift == 0) for n, drift in enumerate(drifts)]


def heights(drawn: Picture) -> list[float]:
    return [point.y for point in drawn.points]


def test_one_run_stands_in_the_middle_without_a_line() -> None:
    drawn = picture(runs(0))

    assert [(point.x, point.y) for point in drawn.points] == [(55.0, BOTTOM)]
    assert not drawn.lines


def test_runs_without_drift_all_stand_on_the_base_line_below_a_scale() -> None:
    drawn = picture(runs(0, 0, 0))

    assert heights(drawn) == [BOTTOM] * 3
    assert drawn.levels == [(0, BOTTOM), (1, TOP)]


def test_small_drift_is_drawn_in_proportion() -> None:
    drawn = picture(runs(20, 10, 0))

    assert heights(drawn) == [TOP, (TOP + BOTTOM) / 2, BOTTOM]
    assert not drawn.is_logarithmic


def test_one_row_of_drift_is_told_apart_from_none_beside_a_million() -> None:
    drawn = picture(runs(1_000_000, 1, 0))

    assert drawn.is_logarithmic
    assert heights(drawn)[0] == TOP
    assert BOTTOM - heights(drawn)[1] > 15
    assert heights(drawn)[2] == BOTTOM


@pytest.mark.parametrize("most", [*range(1, 25), 99, 100, 101, 10**9])
def test_the_scale_reaches_the_greatest_drift(most: int) -> None:
    levels = [level for level, _ in picture(runs(most)).levels]

    assert levels[-1] >= most
    assert len(levels) <= 11
    assert levels == sorted(set(levels))


def test_no_line_leads_over_a_run_of_unknown_drift() -> None:
    drawn = picture(runs(3, 2, None, 1, 0))

    assert [(one.run.drift, other.run.drift) for one, other in drawn.lines] == [(3, 2), (1, 0)]


def test_of_very_many_runs_the_latest_are_drawn_from_left_to_right() -> None:
    drawn = picture(runs(*range(500)))

    assert [point.run.drift for point in drawn.points] == list(range(500 - RUNS, 500))
    assert drawn.left_out == 500 - RUNS
    assert [point.x for point in drawn.points] == sorted({point.x for point in drawn.points})


def test_few_runs_are_each_labelled_and_of_many_the_last() -> None:
    for history, labels in ((runs(7, 0), ["7", "0", "4"]), (runs(*range(500)), ["4"])):
        page = html(of(history, drift=4))
        assert re.findall(r'class="value.*?>([0-9,]+)<', page) == labels
        assert len(re.findall('class="date"', page)) == 2


def test_this_run_is_the_last_of_the_history() -> None:
    seen = Text(html(of(runs(7, 0), drift=4))).sections["drift"]

    assert re.search(r"2026-01-02 03:04:05, this run\s*4\s*failed\s*2026-01-01 00:00:01\s*0\s*passed", seen)
    assert "now 4" in html(of(drift=4))


def test_findings_of_a_validation_tell_how_it_is_now() -> None:
    still = difference("missing") | {"key": "d2"}
    done = Validation(
        [Check("all", False, "1 missing")], {"data": (2, 2)}, drift=2, examples=[still, still], repaired=9
    )
    steps = [
        Step("validate", "kim", "0.1.0", "b1", "e1", "done", {"drift": 3, "checks": {"all": False}}),
        Step("validate", "kim", "0.1.0", "b2", "e2", "failed", {"problem": "no answer"}),
        Step("validate", "kim", "0.1.0", "b3", "e3", "done", {"drift": 0, "checks": {"all": True}}),
        Step("validate", "kim", "0.1.0", "b4"),
        Step("validate", "lee", "0.1.0", "b5", "e5", "done", {"drift": 2, "checks": {"all": False}}),
    ]

    told = findings(done, "dev", steps, [refused()])

    assert told.runs == [Run("e1", 3, False), Run("e2", None, False), Run("e3", 0, True), Run("e5", 2, False)]
    assert (told.stage, told.when, told.by) == ("dev", "e5", "lee")
    assert (told.done, told.quarantined) == (done, [refused()])
    assert Text(html(told)).sections["differences"].count("d2") == 1
