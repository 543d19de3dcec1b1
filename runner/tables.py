"""The one form in which answers are shown: a table where whole words fit its columns, else a block of lines for each row.

Cells are text or whole numbers. Columns of numbers stand to the right and are never broken. Text comes from anywhere, so
characters that cannot be seen are named (`legible`), and nothing in it is markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from runner.figures import number
from runner.legible import legible

GAP = 2
"""Characters between two columns."""

LONGEST = 40
"""A word that is longer than this may be broken: an ARN or a key, not a UUID."""

SHORTEST = 12
"""Characters of a cropped cell that still say something."""

Cell = str | int | Text


@dataclass(frozen=True, slots=True)
class Table:
    """`cropped`: each row takes one line, and what does not fit of its last cell is left out."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    cropped: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield Text(self.title, "bold")
        rows = [[_text(cell) for cell in row] for row in self.rows]
        widths = self._widths(rows, options.max_width)
        if not rows:
            yield Text("none", "dim")
        elif widths:
            yield self._grid(rows, widths)
            yield Text()
        else:
            yield from _blocks(self.columns, rows)

    def _grid(self, rows: Sequence[Sequence[Text]], widths: Sequence[int]) -> Grid:
        grid = Grid(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="bold")
        for n, (column, width) in enumerate(zip(self.columns, widths, strict=True)):
            is_figures = all(isinstance(row[n], int) or not row[n] for row in self.rows)
            grid.add_column(
                column,
                width=width,
                justify="right" if is_figures else "left",
                overflow="ellipsis" if self.cropped else "fold",
                no_wrap=self.cropped,
            )
        for row in rows:
            grid.add_row(*row)
        return grid

    def _widths(self, rows: Sequence[Sequence[Text]], room: int) -> list[int]:
        """Of each column; empty where whole words do not fit. What is left is shared by those that need more than their
        longest word."""
        cells = [[Text(column), *(row[n] for row in rows)] for n, column in enumerate(self.columns)]
        most = [max(cell_len(cell.plain) for cell in column) for column in cells]
        least = [max(map(_word, column)) for column in cells]
        if self.cropped:
            least = [*most[:-1], max(cell_len(self.columns[-1]), min(most[-1], SHORTEST))]
        spare = room - sum(least) - GAP * (len(least) - 1)
        if spare < 0:
            return []
        for done, n in enumerate(sorted(range(len(least)), key=lambda n: most[n] - least[n])):
            more = min(most[n] - least[n], spare // (len(least) - done))
            least[n], spare = least[n] + more, spare - more
        return least


@dataclass(frozen=True, slots=True)
class Facts:
    """One line for each name and what it says."""

    told: Mapping[str, str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from _blocks(tuple(self.told), [[_text(each) for each in self.told.values()]])


def _blocks(columns: Sequence[str], rows: Iterable[Sequence[Text]]) -> Iterator[RenderableType]:
    for row in rows:
        grid = Grid.grid(padding=(0, GAP, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for column, cell in zip(columns, row, strict=True):
            if cell.plain:
                grid.add_row(Text(column), cell)
        yield grid
        yield Text()


def _text(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text(legible(cell) if isinstance(cell, str) else number(cell))


def _word(cell: Text) -> int:
    return min(LONGEST, max((cell_len(word) for word in cell.plain.split()), default=0))
