"""What a verb reports while it runs: which step begins, and how far the parts of long work are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Tell = Callable[[str], None]
"""Which step begins, for what has no parts."""


@dataclass(frozen=True, slots=True)
class Advance:
    """How far one part of some work on a table is. `rows`: looked at over all runs. `of`: how many parts the work has.
    `waits`: why nothing happens at present. `kinds`: of these rows, where the table has several."""

    doing: str
    table: str
    part: int
    of: int
    rows: int
    done: bool
    waits: str = ""
    kinds: Mapping[str, int] = field(default_factory=dict)


class Watch(Protocol):
    def step(self, told: str) -> None: ...

    def advance(self, part: Advance) -> None:
        """Several threads call this."""


class Silent:
    """A watch for scripts and tests."""

    def step(self, told: str) -> None: ...

    def advance(self, part: Advance) -> None: ...


SILENT = Silent()
