"""What a person sees while a verb works: bars on a terminal, a plain line every two seconds elsewhere, nothing for a script.

All of it goes to standard error. The first Ctrl-C is answered at once, while calls that are under way end; the second leaves.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from rich.console import Console
from rich.live import Live
from rich.text import Text

from runner.figures import count, duration, number
from runner.options import INTERRUPTED
from runner.watch import SILENT, Advance, Watch

REPORT = 2.0
"""Seconds between two lines where there is no terminal."""

BAR = 24
"""Characters of a whole bar."""

STOPPING = b"stopping after the calls that are under way; press Ctrl-C again to leave at once\n"

Line = tuple[str, str, float | None]
"""What is done, how far that is, and its share where it has one."""


@contextmanager
def watching(quiet: bool, expected: Mapping[str, int] | None = None) -> Iterator[Watch]:
    """`expected`: rows by table, where known."""
    display = None if quiet else Display(expected or {})

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
        if display:
            display.close()
        # The interrupted code may be writing to sys.stderr, whose buffer must not be entered twice.
        os.write(2, STOPPING)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, first)
    try:
        yield display or SILENT
        if display:
            display.end_step()
    finally:
        signal.signal(signal.SIGINT, before)
        if display:
            display.close()


@dataclass(slots=True)
class Tally:
    """All parts of one piece of work. `expected`: rows that the table had when DynamoDB last counted, which may be hours ago.
    `began`: when the first part was reported. `before`: rows of earlier runs, by part."""

    work: str
    expected: int
    began: float
    parts: dict[int, Advance] = field(default_factory=dict)
    before: dict[int, int] = field(default_factory=dict)

    def add(self, part: Advance) -> None:
        self.before.setdefault(part.part, part.rows)
        self.parts[part.part] = part

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts.values())

    @property
    def is_done(self) -> bool:
        return sum(part.done for part in self.parts.values()) == max(part.of for part in self.parts.values())

    def line(self, now: float) -> Line:
        """The share is 1 only where all is done."""
        if self.is_done:
            return self.work, f"done, {count(self.rows, 'row')}", 1.0
        known = f" of {number(self.expected)}" if self.expected >= self.rows else ""
        waits = next((part.waits for part in self.parts.values() if part.waits), "")
        told = ", ".join(filter(None, (f"{number(self.rows)}{known} rows", self._kinds(), self._pace(now), waits)))
        return self.work, told, min(self.rows / max(self.expected, 1), 0.99)

    def _kinds(self) -> str:
        kinds: Counter[str] = Counter()
        for part in self.parts.values():
            kinds.update(part.kinds)
        return ", ".join(f"{number(n)} {kind}" for kind, n in kinds.items())

    def _pace(self, now: float) -> str:
        """Of this run, and the time left at it."""
        made, took = self.rows - sum(self.before.values()), now - self.began
        if made <= 0 or took <= 0:
            return ""
        left = (self.expected - self.rows) * took / made
        return (f"{duration(left)} left, " if left > 0 else "") + f"{number(made / took)}/s"


class Display:
    """A line for each step, with the time that it takes, and one for each piece of work."""

    def __init__(self, expected: Mapping[str, int]) -> None:
        self._expected, self._tallies = expected, dict[str, Tally]()
        self._lines: list[Callable[[float], Line]] = []
        self._step: tuple[str, float] | None = None
        self._lock, self._closed = threading.RLock(), threading.Event()
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, get_renderable=self._shown) if sys.stderr.isatty() else None
        if self._live:
            self._live.start()
        else:
            threading.Thread(target=self._repeat, daemon=True).start()

    def step(self, told: str) -> None:
        self.end_step()
        self._step = told, monotonic()
        self._write(told)

    def end_step(self) -> None:
        if self._step is not None:
            (told, began), self._step = self._step, None
            took = duration(monotonic() - began)
            self._lines.append(lambda _now: (told, f"done, {took}", None))

    def advance(self, part: Advance) -> None:
        with self._lock:
            self.end_step()
            work = f"{part.doing} {part.table}"
            if work not in self._tallies:
                self._tallies[work] = Tally(work, self._expected.get(part.table, 0), monotonic())
                self._lines.append(self._tallies[work].line)
            self._tallies[work].add(part)
            if part.done and self._tallies[work].is_done:
                self._write(": ".join(self._tallies[work].line(monotonic())[:2]))

    def close(self) -> None:
        self._closed.set()
        if self._live:
            self._live.stop()

    def _now(self) -> list[Line]:
        now, step = monotonic(), self._step
        lines = [line(now) for line in list(self._lines)]
        return [*lines, (step[0], duration(now - step[1]), None)] if step else lines

    def _shown(self) -> Text:
        return Text("\n".join(drawn(self._now(), self._console.width)), no_wrap=True, overflow="ellipsis")

    def _repeat(self) -> None:
        while not self._closed.wait(REPORT):
            for work, told, share in self._now()[-1:]:
                if share != 1.0:
                    self._write(f"{work}: {told}")

    def _write(self, line: str) -> None:
        if not self._live and not self._closed.is_set():
            print(line, file=sys.stderr, flush=True)


def drawn(lines: Sequence[Line], width: int) -> Iterator[str]:
    """Bars have one length, take the room that the longest words leave, and are left out where that is too little."""
    names = max((len(work) for work, _told, share in lines if share is not None), default=0)
    room = min((width - names - len(told) - 4 for _work, told, share in lines if share is not None), default=0)
    whole = min(BAR, room) if room >= BAR // 4 else 0
    for work, told, share in lines:
        full = int(whole * (share or 0.0))
        bar = f"{'━' * full}{'╌' * (whole - full)}  " if whole and share is not None else ""
        yield f"{work:<{names}}  {bar}{told}"
