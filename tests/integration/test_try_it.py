"""docs/try-it.md, walked through as a person does: its commands, in its order, in as many terminals."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = re.findall(r"^ {4}(\S.*)$", (ROOT / "docs/try-it.md").read_text(), re.MULTILINE)
"""What is typed, in order."""

ENDS = 300.0
"""Seconds after which a step hangs."""

APPLICATION = "demo.live"

WORKS = {
    "local_cloud.emulator": "DynamoDB Local listens",
    APPLICATION: "changes;|the read flag says",
    "runner.cli local": "streams are read",
    "runner.cli cutover --execute": "pause the application's writes",
}
"""Programs that go on for a while, and what they say once the next line can be typed."""

CUTOVER = "runner.cli cutover --execute"
"""It ends by itself, once the application has paused."""

STATUSES = {"plan": {0, 1}}
"""Of verbs that may refuse here: something is missing as yet."""

AGAIN = {"validate", "cutover"}
"""Verbs that may meet a change that is on its way, and are typed again then."""


class Terminals:
    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self.environment = {**os.environ, "COLUMNS": "100"}
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.said: dict[str, str] = {}

    def type(self, line: str) -> None:
        if line == "# Ctrl-C":
            self.interrupt(APPLICATION)
            if CUTOVER in self.running:
                process = self.running.pop(CUTOVER)
                assert process.wait(ENDS) == 0, self.log(CUTOVER)
        elif line.startswith("export "):
            place = dict(each.split("=", 1) for each in line.split()[1:])
            self.environment |= {**place, "REMODEL_ENDPOINT_URL": f"http://127.0.0.1:{self._port}"}
        else:
            words = shlex.split(line.replace(".venv/bin/remodel", "python -m runner.cli"))[2:]
            name = next((each for each in WORKS if " ".join(words).startswith(each)), "")
            command = [sys.executable, "-m", *words]
            self._start(name, command) if name else self._run(line, command, words[1])

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def until(self, name: str, reached: Callable[[], object]) -> None:
        deadline = time.monotonic() + ENDS
        while not reached():
            assert self.running[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.2)

    def interrupt(self, name: str) -> None:
        """As Ctrl-C does: every process of the terminal."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(ENDS) == 130, self.log(name)
        assert "Traceback" not in self.log(name)

    def _start(self, name: str, command: list[str]) -> None:
        if name == "local_cloud.emulator":
            command = [*command, "--port", str(self._port)]
        with (self._folder / f"{name}.log").open("w") as log:
            environment = {**self.environment, "PYTHONUNBUFFERED": "1"}
            self.running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, text=True, env=environment, cwd=ROOT, start_new_session=True
            )
        self.until(name, lambda: re.search(WORKS[name], self.log(name)))
        if "--correct" in command:
            self.until(name, lambda: "; 0 rows are rejectable" in self.log(name))

    def _run(self, line: str, command: list[str], verb: str) -> None:
        for _ in range(3 if verb in AGAIN else 1):
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                env=self.environment,
                cwd=self._folder,
                timeout=ENDS,
                check=False,
            )
            self.said[line] = done.stdout + done.stderr
            if done.returncode in STATUSES.get(verb, {0}):
                return
        raise AssertionError((line, done.returncode, self.said[line]))


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Terminals(tmp_path, port)
    yield made
    for process in reversed(made.running.values()):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_document_by_hand(terminals: Terminals) -> None:
    for line in LINES:
        terminals.type(line)

    assert "the read flag says 'new'" in terminals.log(APPLICATION)
    terminals.until(APPLICATION, lambda: re.search("added|changed|removed", terminals.log(APPLICATION)))
    for name in reversed(list(WORKS)):
        if name in terminals.running:
            terminals.interrupt(name)
    assert not terminals.running
