"""What the demo makes of a verb's end: its answer, or an error that says what the verb said."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from demo.verbs import VerbFailed, Verbs


def verbs(program: str) -> Verbs:
    cloud: Any = SimpleNamespace(endpoint="http://localhost:1", prefix="")
    made = Verbs(cloud)
    made._program = [sys.executable, "-c", program]
    return made


def test_an_answer_comes_with_its_status() -> None:
    assert verbs("print('{}'); exit(1)").ask("plan", statuses=(0, 1)) == (1, {})


@pytest.mark.parametrize("program", ["exit('NotReady: not yet')", "print('{}'); exit('NotReady: not yet')"])
def test_another_status_is_told(program: str) -> None:
    with pytest.raises(VerbFailed, match="expected `remodel plan` to succeed, found 1: NotReady: not yet"):
        verbs(program).ask("plan")


def test_a_refusal_has_no_answer() -> None:
    """Whatever status the caller would take."""
    with pytest.raises(VerbFailed, match="found 1: NotReady: not yet"):
        verbs("exit('NotReady: not yet')").ask("plan", statuses=(0, 1))
