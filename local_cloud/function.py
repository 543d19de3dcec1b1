"""A function of the template as processes: invoked, timed out, killed, and started again as Lambda would."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from local_cloud.emulator import ROOT, credentials
from local_cloud.template import Function

CONCURRENT = 4
"""Invocations of one function at a time; another one waits."""


class FunctionFailed(Exception):
    """The invocation raised, timed out, or its process died."""


class Forks:
    """The process that the processes of all functions are forked from (`worker`). Ctrl-C does not reach it; it ends when its
    socket is closed, by `stop` or by the end of this process."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> socket.socket:
        """Its imports take a second; so a function that is needed later may be started now."""
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            with theirs:
                environment = {**os.environ, "PYTHONPATH": _packages()}
                command = [sys.executable, "-m", "local_cloud.worker"]
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=environment,
                    start_new_session=True,
                )
        return self._socket

    def fork(self, described: dict[str, Any]) -> Execution:
        """Raises FunctionFailed."""
        with self._lock:
            parent = self.start()
            (read_event, write_event), (read_answer, write_answer) = os.pipe(), os.pipe()
            socket.send_fds(parent, [json.dumps(described).encode()], [read_event, write_answer])
            os.close(read_event)
            os.close(write_answer)
            process = parent.recv(32)
        if not process:
            raise FunctionFailed("expected `python -m local_cloud.worker` to go on, but it has ended")
        return Execution(int(process), os.fdopen(write_event, "w"), os.fdopen(read_answer))

    def stop(self) -> None:
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.wait()
        self._socket = self._process = None


class Execution:
    """One process. It ends with its events."""

    def __init__(self, process: int, events: IO[str], answers: IO[str]) -> None:
        self._process, self._events, self._answers = process, events, answers
        self._lock, self._ended = threading.Lock(), False

    def call(self, event: Any, seconds: float) -> Any:
        """Raises OSError where it has died, or does not answer in time."""
        self._events.write(json.dumps(event) + "\n")
        self._events.flush()
        if not select.select([self._answers], [], [], seconds)[0]:
            raise OSError(f"timed out after {seconds} s")
        line = self._answers.readline()
        if not line.endswith("\n"):
            raise OSError("it was killed")
        return json.loads(line)

    def kill(self) -> None:
        with self._lock, suppress(ProcessLookupError):
            if not self._ended:
                os.kill(self._process, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        with self._lock:
            self._ended = True
        for each in (self._events, self._answers):
            with suppress(OSError):
                each.close()


class RunningFunction:
    """A process for each concurrent invocation, used again by later ones."""

    def __init__(self, function: Function, forks: Forks, endpoint: str, logs: Path) -> None:
        self.function, self._forks = function, forks
        environment = credentials(
            {
                "PATH": os.environ["PATH"],
                "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
                "POWERTOOLS_SERVICE_NAME": function.name,
                **function.environment,
            }
        )
        self._described = {
            "code": str(function.code),
            "handler": function.handler,
            "environment": environment,
            "log": str(logs / f"{function.name}.log"),
        }
        self._room, self._lock = threading.Semaphore(CONCURRENT), threading.Lock()
        self._idle: list[Execution] = []
        self._busy: set[Execution] = set()

    def invoke(self, event: Any) -> Any:
        """The handler's answer. Raises FunctionFailed."""
        name, seconds = self.function.name, self.function.timeout
        with self._room:
            execution = self._taken()
            try:
                said = execution.call({"event": event, "function": name, "deadline": time.time() + seconds}, seconds)
            except (OSError, ValueError) as problem:
                self._given_back(execution, alive=False)
                log = self._described["log"]
                raise FunctionFailed(f"{name}: its process died: {problem}: see {log}") from problem
            self._given_back(execution, alive=True)
        if "error" in said:
            raise FunctionFailed(f"{name}: {said['error']}: {said['message']}")
        return said["answer"]

    def kill(self) -> None:
        """SIGKILL to each invocation, wherever it is. The next one starts a new process."""
        with self._lock:
            for each in self._busy:
                each.kill()

    def stop(self) -> None:
        self.kill()
        with self._lock:
            while self._idle:
                self._idle.pop().end()

    def _taken(self) -> Execution:
        with self._lock:
            execution = self._idle.pop() if self._idle else self._forks.fork(self._described)
            self._busy.add(execution)
        return execution

    def _given_back(self, execution: Execution, alive: bool) -> None:
        with self._lock:
            self._busy.discard(execution)
            if alive:
                self._idle.append(execution)
            else:
                execution.end()


def _packages() -> str:
    """The layer's folder, and where the caller's own packages lie: a model of theirs, for example."""
    own = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(ROOT / "shared"), *([own] if own else [])])
