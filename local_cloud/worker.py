"""The process from which all processes of functions are forked, so that the imports they share are loaded once.

Run as `python -m local_cloud.worker`. Standard input is a socket: each line describes one process, and comes with two
descriptors, for events and for answers. Standard output and error of a process are its function's log.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any

from local_cloud.emulator import die_with_parent

SHARED = ("remodel.startup", "remodel.runtime", "remodel.telemetry")
"""What every function imports. None of them reads the environment when it is imported."""

LONGEST = 65_536
"""Bytes of a description."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may ask of Lambda's context."""

    function_name: str
    deadline: float
    aws_request_id: str = "local"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:local"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.time()) * 1000))


def main() -> None:
    for name in SHARED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the kernel removes processes that have ended
    with socket.socket(fileno=0) as parent:
        while True:
            line, descriptors, _, _ = socket.recv_fds(parent, LONGEST, 2)
            if not line:
                return
            if not (process := os.fork()):
                break
            for each in descriptors:
                os.close(each)
            parent.sendall(f"{process}\n".encode())
    _become(json.loads(line), *descriptors)


def _become(described: dict[str, Any], events: int, answers: int) -> None:
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(described["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.environ.clear()
    os.environ.update(described["environment"])
    with os.fdopen(events) as lines, os.fdopen(answers, "w", buffering=1) as out:
        serve(described["code"], described["handler"], lines, out)


def serve(code: str, handler: str, events: Iterable[str], answers: IO[str]) -> None:
    """Calls the handler with each event, until there are no more."""
    sys.path.insert(0, code)
    module, _, name = handler.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    for line in events:
        call = json.loads(line)
        print(json.dumps(_answer(function, call)), file=answers)


def _answer(function: Any, call: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": function(call["event"], Context(call["function"], call["deadline"]))}
    except Exception as problem:
        traceback.print_exc()
        return {"error": type(problem).__name__, "message": str(problem)}


if __name__ == "__main__":
    main()
