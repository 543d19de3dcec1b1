"""A schedule: a function is called again and again, at intervals that a person can wait for."""

from __future__ import annotations

import threading
from typing import Any

from local_cloud.function import FunctionFailed, RunningFunction


class Schedule:
    """A thread. `calls`: so many were answered. `failures`: what the others said; as on Lambda, the next call is the retry."""

    def __init__(self, function: RunningFunction, event: Any, every: float) -> None:
        self._function, self._event, self._every = function, event, every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"schedule {function.function.name}")
        self.calls = 0
        self.failures: list[str] = []
        self._thread.start()

    def stop(self) -> None:
        """Returns when the call that is under way has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self._function.invoke(self._event)
                self.calls += 1
            except FunctionFailed as problem:
                self.failures.append(str(problem))
