"""A function's processes: they answer side by side, fail as Lambda's do, and end with whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.function import Forks, FunctionFailed, RunningFunction
from local_cloud.template import Function

HANDLER = """
import os, time

def handler(event, context):
    if event == "raise":
        raise ValueError("no")
    if event == "wait":
        time.sleep(600)
    while isinstance(event, list) and len(os.listdir(event[0])) < 2:
        open(f"{event[0]}/{os.getpid()}", "w").close()
    print("a line of its log")
    return {"process": os.getpid(), "own": os.environ.get("OWN"), "others": os.environ.get("OTHERS")}
"""

ENDS = 60.0
"""Seconds after which something hangs."""

ABANDONED = """
import sys
from pathlib import Path
from tests.integration.test_function import running
print(running(Path(sys.argv[1]), Path(sys.argv[2])).invoke("")["process"], flush=True)
sys.stdin.read()
"""


def running(code: Path, logs: Path, timeout: int = 60) -> RunningFunction:
    (code / "app.py").write_text(HANDLER)
    return RunningFunction(Function("F", code, "app.handler", {"OWN": "yes"}, timeout), Forks(), "http://nowhere", logs)


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningFunction]:
    monkeypatch.setenv("OTHERS", "yes")
    made = running(tmp_path, tmp_path)
    yield made
    made.stop()
    made._forks.stop()


def until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + ENDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_a_process_has_its_own_environment_and_is_used_again(function: RunningFunction, tmp_path: Path) -> None:
    first = function.invoke("")

    assert (first["own"], first["others"]) == ("yes", None)
    assert function.invoke("") == first
    assert (tmp_path / "F.log").read_text() == 2 * "a line of its log\n"


def test_what_the_handler_raises_is_told_and_the_process_goes_on(function: RunningFunction) -> None:
    process = function.invoke("")["process"]

    with pytest.raises(FunctionFailed, match="F: ValueError: no"):
        function.invoke("raise")
    assert function.invoke("")["process"] == process


def test_invocations_run_side_by_side(function: RunningFunction, tmp_path: Path) -> None:
    (met := tmp_path / "met").mkdir()
    answers: list[Any] = []
    calls = [threading.Thread(target=lambda: answers.append(function.invoke([str(met)]))) for _ in range(2)]
    for each in calls:
        each.start()
    for each in calls:
        each.join(ENDS)

    assert len({each["process"] for each in answers}) == 2


def test_a_killed_invocation_fails_and_the_next_one_has_a_new_process(function: RunningFunction) -> None:
    process = function.invoke("")["process"]
    killer = threading.Timer(0.2, function.kill)
    killer.start()

    with pytest.raises(FunctionFailed, match="its process died: it was killed"):
        function.invoke("wait")
    until(lambda: not is_there(process))
    assert function.invoke("")["process"] != process


def test_an_invocation_that_takes_too_long_fails(tmp_path: Path) -> None:
    function = running(tmp_path, tmp_path, timeout=1)
    try:
        with pytest.raises(FunctionFailed, match="timed out after 1 s"):
            function.invoke("wait")
    finally:
        function.stop()
        function._forks.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a killed process leaves others behind")
def test_processes_end_with_one_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ABANDONED, str(tmp_path), str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        function = int(process.stdout.readline())
        assert is_there(function)

        os.kill(process.pid, signal.SIGKILL)
        until(lambda: not is_there(function))
