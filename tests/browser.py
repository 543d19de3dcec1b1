"""A real browser for tests: Debian's chromium, driven by Playwright.

Where there is none, it is installed once if that needs no question; otherwise the tests that need it are skipped.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW = "no chromium on PATH: as root on Debian, `apt-get install -y --no-install-recommends chromium`"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def chromium() -> str:
    """Where it lies; ends in a skipped test where there is none. Of two workers the second waits for what the first installs."""
    with (Path(tempfile.gettempdir()) / "remodel-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _found()
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            _install()
            found = _found()
    return found or pytest.skip(HOW)


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        try:
            done = subprocess.run(
                ["apt-get", "-q", *words], env=quiet, capture_output=True, text=True, timeout=400, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"{HOW} (apt-get {words[0]} took too long)")
        if done.returncode:
            pytest.skip(f"{HOW} (apt-get {words[0]} failed: {done.stderr.strip()[-300:]})")


class Browser:
    """One page. `requests`: every address that it asked for; `blocked`: how many of them its own policy forbade;
    `complaints`: what was written to its console."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.requests: list[str] = []
        self.blocked = 0
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", self._failed)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda problem: self.complaints.append(str(problem)))

    def _failed(self, request: Request) -> None:
        self.blocked += request.failure == "csp"

    def open(self, path: Path, width: int, scheme: Literal["dark", "light"]) -> None:
        """From disk, until all is loaded, on a screen of this width."""
        self.requests.clear()
        self.complaints.clear()
        self.blocked = 0
        self._page.set_viewport_size({"width": width, "height": 800})
        self._page.emulate_media(media="screen", color_scheme=scheme)
        self._page.goto(path.as_uri(), wait_until="load")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to, in the page as it is."""
        return self._page.evaluate(expression)

    def print(self) -> None:
        """The page as it is on paper."""
        self._page.emulate_media(media="print")


@contextmanager
def browsing(path: str) -> Iterator[Browser]:
    """A browser with a profile of its own, ended with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield Browser(browser.new_page())
        browser.close()
