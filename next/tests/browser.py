"""A real browser for tests: Debian's chromium, without a window, asked over the two pipes of its DevTools protocol.

Where there is none, it is installed once if that can be done without asking anybody; else the tests that need it are skipped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW = "no chromium on PATH: as root on Debian, `apt-get install -y --no-install-recommends chromium`"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
PATIENCE = 45.0
"""Seconds until a browser that says nothing is ended."""


def chromium() -> str:
    """Where it lies; ends in a skipped test where there is none. Two workers may come here at once: the second waits, and finds what the first has installed."""
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

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin and process.stdout
        self._to: IO[bytes] = process.stdin
        self._from: IO[bytes] = process.stdout
        self._number = 0
        self._session: str | None = None
        self._seen: set[str] = set()
        self.requests: list[str] = []
        self.blocked = 0
        self.complaints: list[str] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> Any:
        """The result of one command of the protocol."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        self._to.write(json.dumps(command).encode() + b"\0")
        self._to.flush()
        while (told := self._next()).get("id") != self._number:
            pass
        assert "error" not in told, (method, told["error"])
        return told["result"]

    def open(self, path: Path) -> None:
        """From disk, until all is loaded."""
        self._seen.discard("Page.loadEventFired")
        told = self.ask("Page.navigate", url=path.as_uri())
        assert not told.get("errorText"), told
        while "Page.loadEventFired" not in self._seen:
            self._next()

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to, in the page as it is."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)

    def prefer(self, scheme: str) -> None:
        """`dark` or `light`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def _next(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._message())
        method, about = told.get("method", ""), told.get("params", {})
        self._seen.add(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif method == "Network.loadingFailed" and about.get("blockedReason") == "csp":
            self.blocked += 1
        elif method == "Log.entryAdded":
            self.complaints.append(about["entry"]["text"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(str(about))
        return told

    def _message(self) -> bytes:
        message = bytearray()
        while (byte := self._from.read(1)) != b"\0":
            assert byte, "the browser ended, or said nothing for too long"
            message += byte
        return bytes(message)


@contextmanager
def browsing(chromium: str, profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, ended with the block."""
    flags = (*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}")
    turned = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'
    process = subprocess.Popen(
        ["sh", "-c", turned, "sh", chromium, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    watch = threading.Timer(PATIENCE, process.kill)
    watch.start()
    try:
        yield Browser(process)
    finally:
        watch.cancel()
        process.kill()
        process.communicate()
