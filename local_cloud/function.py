"""A function of the template as a process: invoked, timed out, killed, and started anew as Lambda would."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from local_cloud.emulator import ROOT, credentials
from local_cloud.template import Function


class FunctionFailed(Exception):
    """The invocation raised, timed out, or its process died."""


class RunningFunction:
    """One concurrent execution: a second caller waits, as a shard's batches do."""

    def __init__(self, function: Function, endpoint: str, logs: Path) -> None:
        self.function = function
        self._environment = credentials(
            {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": _packages(),
                "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
                "POWERTOOLS_SERVICE_NAME": function.name,
                **function.environment,
            }
        )
        self._log = logs / f"{function.name}.log"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: IO[str] | None = None
        self.invocations = 0
        self.deaths = 0

    def invoke(self, event: Any) -> Any:
        """The handler's answer. Raises FunctionFailed."""
        with self._lock:
            self.invocations += 1
            try:
                return self._invoke(event)
            except (BrokenPipeError, OSError, json.JSONDecodeError) as problem:
                self._bury()
                raise FunctionFailed(f"{self.function.name}: its process died: {problem}") from problem

    def kill(self) -> None:
        """SIGKILL, wherever it is. The next invocation starts a new process."""
        process = self._process
        if process is not None:
            process.kill()

    def stop(self) -> None:
        self.kill()
        with self._lock:
            self._bury()

    def _invoke(self, event: Any) -> Any:
        process, answers = self._started()
        assert process.stdin is not None
        deadline = time.time() + self.function.timeout
        call = {"event": event, "function": self.function.name, "deadline": deadline}
        process.stdin.write(json.dumps(call) + "\n")
        process.stdin.flush()
        if not select.select([answers], [], [], self.function.timeout)[0]:
            process.kill()
            raise OSError(f"timed out after {self.function.timeout} s")
        line = answers.readline()
        if not line:
            raise OSError("it was killed")
        said = json.loads(line)
        if "error" in said:
            raise FunctionFailed(f"{self.function.name}: {said['error']}: {said['message']}")
        return said["answer"]

    def _started(self) -> tuple[subprocess.Popen[str], IO[str]]:
        if self._process is None or self._answers is None or self._process.poll() is not None:
            self._bury()
            read, write = os.pipe()
            command = [sys.executable, "-m", "local_cloud.worker"]
            command += [str(self.function.code), self.function.handler, str(write)]
            with self._log.open("a") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    text=True,
                    env=self._environment,
                    pass_fds=[write],
                )
            os.close(write)
            self._answers = os.fdopen(read)
        return self._process, self._answers

    def _bury(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.deaths += 1
        if self._answers is not None:
            self._answers.close()
        self._process = self._answers = None


def _packages() -> str:
    """The layer's folder, and where the caller's own packages lie: a model of theirs, for example."""
    own = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(ROOT / "shared"), *([own] if own else [])])
