"""What the demo shows: a story with times, and below it, while something is under way, one line that changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

QUIET = 1.5
"""Seconds without a line after which one is printed, where the output is no terminal."""

TICK = 0.25


class Screen:
    def __init__(self, console: Console, began: float) -> None:
        self.console, self._began = console, began
        self.watched: Callable[[], str] = lambda: ""
        self._printed = time.monotonic()
        self._stopping = threading.Event()
        self._ticks = threading.Thread(target=self._tick, daemon=True)
        self._live = Live(console=console, get_renderable=self._line, refresh_per_second=4, transient=True)

    def __enter__(self) -> Screen:
        self._live.start() if self.console.is_terminal else self._ticks.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _problem: object, _trace: TracebackType | None) -> None:
        self._stopping.set()
        self._live.stop()

    def step(self, told: str) -> None:
        """One event of the story, with its time."""
        self._print(self._time(), told, "")

    def command(self, words: Iterable[str]) -> None:
        self._print(self._time(), f"$ {' '.join(words)}", "bold cyan")

    def tell(self, *told: str) -> None:
        """What belongs to the event before."""
        for each in told:
            self._print("", each, "")

    def columns(self, title: str, rows: Iterable[tuple[str, str, str]]) -> None:
        made = Table.grid(padding=(0, 2, 0, 0))
        made.add_column(justify="left", no_wrap=True)
        made.add_column(justify="right", no_wrap=True)
        made.add_column()
        for name, value, meaning in rows:
            made.add_row(f"  {name}", value, Text(meaning))
        self.console.print(Text(title, style="bold"))
        self.console.print(made)

    def _print(self, when: str, told: str, style: str) -> None:
        self._printed = time.monotonic()
        self.console.print(_row(when, Text(told, style=style)))

    def _time(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        return f"{minutes}:{seconds:02}"

    def _line(self) -> Table:
        return _row(self._time(), Text(f"… {self.watched()}", style="dim"))

    def _tick(self) -> None:
        while not self._stopping.wait(TICK):
            if time.monotonic() > self._printed + QUIET:
                self._print(self._time(), f"… {self.watched()}", "")


def _row(when: str, told: Text) -> Table:
    made = Table.grid(padding=(0, 1, 0, 0))
    made.add_column(width=5, justify="right", style="dim")
    made.add_column()
    made.add_row(when, told)
    return made
