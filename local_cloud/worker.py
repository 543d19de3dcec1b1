"""The process in which one function runs: events in on standard input, answers out on a descriptor of their own.

Run as `python -m local_cloud.worker CODE HANDLER DESCRIPTOR`. Standard output is the function's own, for logs and metrics.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any


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


def main(code: str, handler: str, descriptor: int) -> None:
    # Ctrl-C at a terminal reaches every process there; what is begun is finished, and the caller decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.insert(0, code)
    module, _, name = handler.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    with os.fdopen(descriptor, "w", buffering=1) as answers:
        for line in sys.stdin:
            call = json.loads(line)
            print(json.dumps(_answer(function, call)), file=answers)


def _answer(function: Any, call: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"answer": function(call["event"], Context(call["function"], call["deadline"]))}
    except Exception as problem:
        traceback.print_exc()
        return {"error": type(problem).__name__, "message": str(problem)}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
