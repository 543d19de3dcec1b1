"""A schedule calls its function again and again, whatever the function says."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from local_cloud.function import FunctionFailed
from local_cloud.schedule import Schedule
from local_cloud.template import Function


class Scripted:
    def __init__(self) -> None:
        self.function = Function("F", Path(), "app.handler", {}, 3)
        self.events: list[Any] = []
        self.enough = threading.Event()

    def invoke(self, event: Any) -> Any:
        self.events.append(event)
        if len(self.events) == 4:
            self.enough.set()
        if len(self.events) == 2:
            raise FunctionFailed("it was killed")
        return {}


def test_a_call_that_fails_is_followed_by_the_next() -> None:
    function = Scripted()
    schedule = Schedule(function, {"older_than": 1}, 0.01)  # type: ignore[arg-type]

    assert function.enough.wait(60)
    schedule.stop()

    assert function.events == [{"older_than": 1}] * len(function.events)
    assert schedule.failures == ["it was killed"]
    assert schedule.calls == len(function.events) - 1
