"""Answers as a person reads them: tables, bars and lines, which turn plain where the output is not a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from runner.backfill import Backfilled
from runner.backfill import Watch as BackfillWatch
from runner.check import Check
from runner.comparison import Watch as ComparisonWatch
from runner.forecast import Use
from runner.journal import Progress as Segment
from runner.journal import Step
from runner.options import err, out
from runner.plan import Plan
from runner.status import Status
from runner.validate import Validation


def table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def rows(title: str, columns: Iterable[str], cells: Iterable[Iterable[str]]) -> None:
    made = table(title, *columns)
    for each in cells:
        made.add_row(*each)
    out.print(made)


def plan(found: Plan) -> None:
    made = table(f"plan for stage {found.stage}", "table", "rows", "read", "refused of these")
    for name, count in found.tables.items():
        made.add_row(name, str(count), str(found.read[name]), str(sum(found.refused.get(name, {}).values())))
    out.print(made)
    spread, cost = found.fanout, found.forecast
    for line in (
        f"fan-out    {spread.links} rows that others are linked to, in {spread.groups} groups: median {spread.median}, "
        f"90 % up to {spread.p90}, 99 % up to {spread.p99}, at the most {spread.most}",
        f"writes     {cost.new_rows} new rows; {cost.index_units} units for the index, {cost.new_units} for the new tables",
        f"costs      ${cost.dollars:.2f} ({found.prices})",
        *(f"reads      {_use(each)} of {name}" for name, each in cost.reads.items()),
        f"takes      {cost.seconds / 60:.0f} min at {cost.rate.units:,.0f} write units a second ({cost.rate.why})",
        f"lookups    {found.lookups}",
        *(f"refused    {count} {name}: {why}" for name, whys in found.refused.items() for why, count in whys.items()),
    ):
        out.print(line, soft_wrap=True, highlight=False)
    checks("readiness", found.checks)


def _use(found: Use) -> str:
    capacity = "on demand" if found.capacity is None else f"{found.capacity:,.0f} a second are provisioned"
    return f"{found.units:,.0f} units ({capacity})"


def backfilled(done: Backfilled) -> None:
    made = table("backfilled", "table", "scanned", "written", "quarantined", "write units", "differ")
    for name, each in done.tables.items():
        figures = [f"{each[column]:.0f}" for column in ("scanned", "written", "quarantined", "units")]
        made.add_row(name, *figures, str(done.drift.get(name, "")))
    out.print(made)


def status(found: Status) -> Table:
    made = table(f"stage {found.stage}", "table", "rows", "backfill", "scanned", "stream", "lag", "quarantined")
    for each in found.tables:
        lag = "?" if each.lag is None else f"{each.lag:.0f} s"
        made.add_row(
            each.table, str(each.rows), each.backfilled, str(each.scanned), each.reader, lag, str(each.quarantined)
        )
    compared = (
        "never compared"
        if not found.compared
        else (
            f"compared {found.compared}: drift {found.drift}, unlinked {found.unlinked}, claims on one key {found.claims}"
        )
    )
    lines = (
        *(f"[red]not read in time[/red]: {each}; `remodel resync --execute`" for each in found.gaps),
        f"open notes: {found.notes}" + (f", the oldest for {found.oldest_note:.0f} s" if found.notes else ""),
        f"pending fan-outs: {found.fanouts}",
        compared,
        f"the application reads: {found.reads}",
        f"the fence is set since {found.fence}: no new row is written" if found.fence else "",
        f"done: {', '.join(name for name, done in found.milestones.items() if done) or 'nothing yet'}",
        *(f"[red]{each.state}[/red] {escape(each.name)}: {escape(each.found)}" for each in found.checks[:5]),
        f"lookups: {found.lookups}",
        found.rate,
        found.last_step,
    )
    made.caption = "\n".join(line for line in lines if line)
    made.caption_justify = "left"
    return made


def validation(done: Validation) -> None:
    made = table("validation", "", "check", "found")
    for check in done.checks:
        made.add_row("ok" if check.passed else "[red]FAILED[/red]", check.name, check.told)
    out.print(made)
    for example in done.examples[:5]:
        others = f" claimed by {example['others']} as well" if example["others"] else ""
        told = f"  {example['what']} {example['table']} {example['key']}{others} {example['fields'] or ''}"
        out.print(told, soft_wrap=True, markup=False)
    if done.repaired:
        out.print(f"repaired: {done.repaired}")


def checks(title: str, found: Iterable[Check]) -> None:
    made = table(title, "", "check", "found", "to do")
    for each in found:
        state = f"[red]{each.state}[/red]" if each.stops else each.state
        made.add_row(state, escape(each.name), escape(each.found), escape(each.remedy))
    out.print(made)


def log(stage: str, steps: Iterable[Step]) -> None:
    made = table(f"progress report, stage {stage}", "began", "step", "outcome", "by", "facts")
    for each in steps:
        made.add_row(each.began, each.verb, each.outcome or "not ended", each.by, json.dumps(each.facts, default=str))
    out.print(made)


@contextmanager
def segments(rows: Mapping[str, int], quiet: bool) -> Iterator[BackfillWatch]:
    """A bar for each table, in rows (as many as it has, about); nothing where the output is not a terminal."""
    with _bars(rows, quiet) as (progress, tasks):
        scanned: dict[tuple[str, int], int] = {}

        def watch(each: Segment, waits: str) -> None:
            scanned[each.table, each.segment] = each.scanned
            done = sum(count for (name, _n), count in scanned.items() if name == each.table)
            progress.update(tasks[each.table], completed=done, told=waits)

        yield watch


@contextmanager
def parts(rows: Mapping[str, int], quiet: bool) -> Iterator[ComparisonWatch]:
    """A bar for each table that is compared."""
    with _bars(rows, quiet) as (progress, tasks):

        def watch(name: str, count: int, done: bool) -> None:
            progress.update(tasks[name], advance=count)

        yield watch


class _Rate(ProgressColumn):
    """Rows a second, so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f}/s" if speed else "")


@contextmanager
def _bars(rows: Mapping[str, int], quiet: bool) -> Iterator[tuple[Progress, dict[str, Any]]]:
    columns = (
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
        yield progress, {name: progress.add_task(name, total=total, told="") for name, total in rows.items()}
