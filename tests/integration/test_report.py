"""The report in a real browser, opened from disk: it is drawn, it fits, and nothing in it runs or is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from runner.drift import Run
from runner.report import Findings, html, write
from runner.validate import Check, Validation
from tests.browser import Browser, browsing, chromium

pytestmark = pytest.mark.timeout(900)  # the first run may have to install the browser

OWNED = "document.title='owned'"
PAYLOADS = (
    f"<script>{OWNED}</script>",
    f"</script></style></title><script>{OWNED}</script>",
    f'"><img src="http://127.0.0.1:9/fetched" onerror="{OWNED}">',
    f"'><svg onload={OWNED}>",
    f"<iframe srcdoc='<script>parent.{OWNED}</script>'></iframe><style>@import 'http://127.0.0.1:9/fetched'</style>",
    "{{ 7 * 7 }} \u202e \ud800 \x00 <link rel=stylesheet href=http://127.0.0.1:9/fetched>",
    "z" * 400_000,
)
DRIFTS = (400, 30, None, 2, 0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing(chromium()) as it:
        yield it


def found() -> Findings:
    """Every payload wherever there is room for text."""
    differences = [
        {
            "what": "different",
            "table": "measure_data",
            "key": text,
            "origin": ["actuals", text],
            "others": [],
            "fields": {text: {"expected": {"S": text}, "found": {"L": [{"S": text}]}}},
        }
        for text in PAYLOADS
    ]
    done = Validation(
        checks=[Check(text, n % 2 == 0, text) for n, text in enumerate(PAYLOADS)],
        rows={"measure_links": (1201, 1200), "measure_data": (5, 5)},
        drift=7,
        examples=differences,
    )
    runs = [Run(f"2026-01-0{n + 1}T00:00:00+00:00", drift, drift == 0) for n, drift in enumerate(DRIFTS)]
    held = [{"source": "links", "id": text, "seen": text, "reason": text} for text in PAYLOADS]
    this = Run("2026-01-09T10:00:00+00:00", 7, False)
    return Findings("dev", "".join(PAYLOADS[:6]), done, [*runs, this], held)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    write(tmp_path / "report.html", found())
    return tmp_path / "report.html"


def boxes(browser: Browser, selector: str) -> list[dict[str, Any]]:
    told = f"[...document.querySelectorAll({selector!r})].map(each => each.getBoundingClientRect().toJSON())"
    boxes: list[dict[str, Any]] = browser.value(told)
    return boxes


def opened(browser: Browser, path: Path, width: int = 1000, scheme: Literal["dark", "light"] = "light") -> Browser:
    browser.open(path, width, scheme)
    return browser


def test_it_tells_what_was_found(browser: Browser, page: Path) -> None:
    opened(browser, page)

    assert browser.value("document.title") == "Validation of dev: failed, 2026-01-09 10:00:00 UTC"
    cells = browser.value("[...document.querySelectorAll('#counts tbody tr')].map(row => row.innerText.split(/\\s+/))")
    assert cells == [["measure_links", "1,201", "1,200", "−1"], ["measure_data", "5", "5", "none"]]
    for section, rows in (("#checks tbody tr", 7), ("#differences article", 7), ("#quarantined tbody tr", 7)):
        assert len(boxes(browser, section)) == rows
    assert "<script>document.title='owned'</script>" in browser.value("document.body.innerText")


def test_expected_and_found_stand_side_by_side(browser: Browser, page: Path) -> None:
    for width in (1000, 380):
        opened(browser, page, width)
        expected, other = boxes(browser, "[data-side=expected]"), boxes(browser, "[data-side=found]")
        assert len(expected) == len(other) == len(PAYLOADS)
        for left, right in zip(expected, other, strict=True):
            assert left["top"] == right["top"]
            assert 100 < left["width"] <= right["left"] - left["left"] + 1


def test_the_drift_is_drawn(browser: Browser, page: Path) -> None:
    opened(browser, page)

    points = boxes(browser, "#drift .point > :not(title):not(.this)")
    assert len(points) == len(DRIFTS) + 1
    assert all(box["width"] >= 6 and box["height"] >= 6 for box in points)
    lefts = [box["left"] for box in points]
    assert lefts == sorted(set(lefts))
    middles = [box["top"] + box["height"] / 2 for box in points]
    most, more, unknown, two, none, now = middles
    assert most < more < now < two < none
    assert unknown == pytest.approx(none, abs=1)
    lines = boxes(browser, "#drift .between")
    assert len(lines) == 3
    assert all(box["width"] > 20 for box in lines)
    inside = browser.value("document.querySelector('.chart').getBoundingClientRect().toJSON()")
    for box in boxes(browser, "#drift .chart text"):
        assert inside["left"] - 1 <= box["left"] and box["right"] <= inside["right"] + 1
        assert inside["top"] - 1 <= box["top"] and box["bottom"] <= inside["bottom"] + 1


def test_nothing_runs_and_nothing_is_fetched(browser: Browser, page: Path) -> None:
    opened(browser, page)

    assert "owned" not in browser.value("document.title")
    assert browser.value("document.querySelectorAll('script, img, iframe, link, [onload], [onerror]').length") == 0
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []


def test_what_rows_hold_would_not_run_even_without_the_policy(browser: Browser, tmp_path: Path) -> None:
    bare, policies = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html(found()))
    (tmp_path / "bare.html").write_text(bare)

    opened(browser, tmp_path / "bare.html")

    assert policies == 1
    assert "owned" not in browser.value("document.title")
    assert browser.requests == [(tmp_path / "bare.html").as_uri()]


def test_what_were_not_escaped_would_not_run_for_the_policy(browser: Browser, tmp_path: Path) -> None:
    broken = html(found()).replace("</header>", "</header>" + "".join(PAYLOADS[:4]))
    (tmp_path / "broken.html").write_text(broken, errors="replace")

    opened(browser, tmp_path / "broken.html")

    assert "owned" not in browser.value("document.title")
    assert any("Content Security Policy" in each for each in browser.complaints)
    assert len(browser.requests) > 1
    assert browser.blocked == len(browser.requests) - 1


@pytest.mark.parametrize("width", [320, 380, 800, 1600])
def test_it_fits_any_screen(browser: Browser, page: Path, width: int) -> None:
    opened(browser, page, width)

    assert browser.value("document.documentElement.scrollWidth") <= width


def test_it_is_dark_where_that_is_preferred_but_not_on_paper(browser: Browser, page: Path) -> None:
    def ground_and_ink() -> tuple[int, int]:
        style = "getComputedStyle(document.querySelector('h1')).color + getComputedStyle(document.body).backgroundColor"
        ink, _green, _blue, ground, *_rest = re.findall("[0-9]+", browser.value(style))
        return int(ground), int(ink)

    light = opened(browser, page) and ground_and_ink()
    dark = opened(browser, page, scheme="dark") and ground_and_ink()
    browser.print()
    paper = ground_and_ink()

    assert light[0] > 230 and light[1] < 50
    assert dark[0] < 50 and dark[1] > 200
    assert paper[0] == 255 and paper[1] < 50
