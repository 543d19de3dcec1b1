"""What a person types. Nothing is written without --execute. Exit status: 0 done, 1 differences or refusal, 2 usage."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from remodel.core.errors import RemodelError
from runner import aws, backfill, backup, here, plan, quarantine, status, validate
from runner.errors import NoSuchStack
from runner.journal import Progress as Segment
from runner.world import World

app = typer.Typer(no_args_is_help=True, help=__doc__, rich_markup_mode=None, pretty_exceptions_enable=False)
quarantines = typer.Typer(no_args_is_help=True, help="What the model refuses: list, show, replay.")
app.add_typer(quarantines, name="quarantine")

out, err = Console(), Console(stderr=True)

EXAMPLE = "\n\nExample: remodel {}"


class Stage(StrEnum):
    SANDBOX = "sandbox"
    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


StageOption = Annotated[Stage, typer.Option("--stage", help="The deployed stage.")]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint-url", help="Instead of AWS: a local cloud, or a DynamoDB Local.")
]
Stack = Annotated[str | None, typer.Option("--stack", help="The stack's name, where it is not remodel-<stage>.")]
Prefix = Annotated[str, typer.Option("--prefix", help="On a DynamoDB Local: what the tables' names begin with.")]
Json = Annotated[bool, typer.Option("--json", help="The answer as JSON.")]
Execute = Annotated[bool, typer.Option("--execute", help="Do it; without this, only say what would be done.")]


@contextmanager
def world(stage: Stage, stack: str | None, endpoint: str | None, prefix: str) -> Iterator[World]:
    """A deployed stack; where there is none on an endpoint, the tables of the template on a DynamoDB Local."""
    try:
        try:
            found = aws.world(stage.value, stack or f"remodel-{stage.value}", endpoint)
        except NoSuchStack:
            if endpoint is None or stack is not None:
                raise
            with here.world(endpoint, prefix) as found:
                yield found
        else:
            yield found
    except RemodelError as problem:
        err.print(f"[red]{type(problem).__name__}[/red]: {problem}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from problem
    except KeyboardInterrupt:
        err.print("stopped: the same command goes on from here")
        raise typer.Exit(1) from None


def say(answer: Any, as_json: bool, show: Callable[[], None]) -> None:
    if as_json:
        print(json.dumps(answer, indent=2, default=str))
    else:
        show()


def table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column)
    return made


@app.command(
    "plan",
    help="What the migration will write, cost and take, and what is in its way."
    + EXAMPLE.format("plan --stage dev --full"),
)
def plan_(
    stage: StageOption,
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    as_json: Json = False,
    full: Annotated[bool, typer.Option("--full", help="Read every row, not a sample.")] = False,
    sample: Annotated[int, typer.Option(min=1, help="Rows of each table to read.")] = 1_000,
    rate: Annotated[float, typer.Option(min=1, help="Write units a second.")] = 1_000.0,
) -> None:
    with world(stage, stack, endpoint, prefix) as it:
        found = plan.plan(it, it.declared, None if full else sample, rate)
        say(asdict(found), as_json, lambda: _show_plan(found))
        if found.obstacles:
            raise typer.Exit(1)


def _show_plan(found: plan.Plan) -> None:
    made = table(f"plan for stage {found.stage}", "table", "rows", "read", "refused of these")
    for name, rows in found.tables.items():
        made.add_row(name, str(rows), str(found.read[name]), str(sum(found.refused.get(name, {}).values())))
    out.print(made)
    spread, cost = found.fanout, found.forecast
    for line in (
        f"links      {spread.links} on {spread.groups} measures: median {spread.median}, 90 % up to {spread.p90}, "
        f"99 % up to {spread.p99}, at the most {spread.most}",
        f"writes     {cost.new_rows} new rows; {cost.index_units} units for the index, {cost.new_units} for the new tables",
        f"costs      ${cost.dollars:.2f} ({found.prices})",
        f"takes      {cost.seconds / 60:.0f} min at the given rate",
        f"lookups    {found.lookups}",
        *(f"refused    {count} {name}: {why}" for name, whys in found.refused.items() for why, count in whys.items()),
        *(f"[red]in the way[/red] {each}" for each in found.obstacles),
    ):
        out.print(line, soft_wrap=True, highlight=False)


@app.command(
    "backup", help="On-demand backups of every table, old and new." + EXAMPLE.format("backup --stage dev --execute")
)
def backup_(
    stage: StageOption,
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    execute: Execute = False,
    as_json: Json = False,
) -> None:
    with world(stage, stack, endpoint, prefix) as it:
        if execute:
            answer: Any = [asdict(each) for each in backup.back_up(it)]
        else:
            answer = [
                {"table": name, "arn": "", "status": f"would be made as {it_}"}
                for name, it_ in backup.planned(it).items()
            ]

        def show() -> None:
            made = table("backups", "table", "backup")
            for each in answer:
                made.add_row(each["table"], each["arn"] or each["status"])
            out.print(made)

        say(answer, as_json, show)


@app.command(
    "backfill",
    help="Seeds the new model with what was there before, table by table. Stop it whenever you like; the same command goes on."
    + EXAMPLE.format("backfill --stage dev --segments 8 --execute"),
)
def backfill_(
    stage: StageOption,
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    execute: Execute = False,
    as_json: Json = False,
    segments: Annotated[int, typer.Option(min=1, max=1000, help="Of a table, side by side.")] = 4,
) -> None:
    with world(stage, stack, endpoint, prefix) as it:
        left = backfill.open_segments(it, segments)
        if not execute:
            backfill.check(it)
            plan = {name: f"{len(each)} segments to do" if each else "done" for name, each in left.items()}
            say(plan, as_json, lambda: out.print("\n".join(f"{name:<12} {each}" for name, each in plan.items())))
            return
        with bars(left, as_json) as watch:
            done = backfill.backfill(it, segments, watch)
        say(asdict(done), as_json, lambda: _show_backfilled(done))
        if any(done.drift.values()):
            raise typer.Exit(1)


def _show_backfilled(done: backfill.Backfilled) -> None:
    made = table("backfilled", "table", "scanned", "written", "quarantined")
    for name, each in done.tables.items():
        made.add_row(name, *(str(each[column]) for column in ("scanned", "written", "quarantined")))
    made.caption = "afterwards: " + ", ".join(f"{count} {kind}" for kind, count in done.drift.items())
    out.print(made)


@contextmanager
def bars(left: dict[str, list[Segment]], quiet: bool) -> Iterator[backfill.Watch]:
    """A bar for each table, in segments done; nothing where the output is not a terminal."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
        tasks: dict[str, TaskID] = {
            name: progress.add_task(name, total=len(each), told="") for name, each in left.items() if each
        }
        scanned: dict[tuple[str, int], int] = {}

        def watch(each: Segment) -> None:
            scanned[each.table, each.segment] = each.scanned
            rows = sum(count for (name, _n), count in scanned.items() if name == each.table)
            progress.update(tasks[each.table], advance=int(each.done), told=f"{rows} rows")

        yield watch


@app.command("status", help="Where the migration stands, on one screen." + EXAMPLE.format("status --stage dev --watch"))
def status_(
    stage: StageOption,
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Every two seconds, until Ctrl-C.")] = False,
) -> None:
    with world(stage, stack, endpoint, prefix) as it:
        found = status.status(it)
        if watch and out.is_terminal:
            with Live(_status_table(found), console=out, auto_refresh=False) as live:
                while True:
                    time.sleep(2)
                    live.update(_status_table(status.status(it)), refresh=True)
        say(asdict(found), as_json, lambda: out.print(_status_table(found)))


def _status_table(found: status.Status) -> Table:
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
            f"compared {found.compared}: drift {found.drift}, unlinked {found.unlinked}, stale lookups {found.stale_lookups}"
        )
    )
    made.caption = "\n".join(line for line in (compared, f"lookups: {found.lookups}", found.last_step) if line)
    made.caption_justify = "left"
    return made


@app.command(
    "validate",
    help="Do both models say the same? Counts, samples, and with --full every row, both ways."
    + EXAMPLE.format("validate --stage dev --full"),
)
def validate_(
    stage: StageOption,
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    as_json: Json = False,
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="Rows of each table.")] = 100,
    full: Annotated[bool, typer.Option("--full", help="Compare every row.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what differs; needs --execute.")] = False,
    execute: Execute = False,
) -> None:
    if repair and not execute:
        err.print("--repair writes to the new tables: expected --execute beside it", soft_wrap=True)
        raise typer.Exit(2)
    with world(stage, stack, endpoint, prefix) as it:
        done = validate.validate(it, sample, full or repair, repair)
        say({**asdict(done), "passed": done.passed}, as_json, lambda: _show_validation(done))
        if not done.passed:
            raise typer.Exit(1)


def _show_validation(done: validate.Validation) -> None:
    made = table("validation", "", "check", "found")
    for check in done.checks:
        made.add_row("ok" if check.passed else "[red]FAILED[/red]", check.name, check.told)
    out.print(made)
    for report in done.reports.values():
        for example in report["examples"][:5]:
            out.print(
                f"  {example['kind']} {example['table']} {example['id']} {example['fields'] or ''}", soft_wrap=True
            )
    if done.repaired:
        out.print(f"mended: {done.repaired}")


@app.command("log", help="What was done, by whom, with which outcome." + EXAMPLE.format("log --stage dev"))
def log_(
    stage: StageOption, stack: Stack = None, endpoint: Endpoint = None, prefix: Prefix = "", as_json: Json = False
) -> None:
    with world(stage, stack, endpoint, prefix) as it:
        steps = it.journal.steps()

        def show() -> None:
            made = table(f"progress report, stage {it.stage}", "began", "step", "outcome", "by", "facts")
            for each in steps:
                made.add_row(
                    each.began, each.verb, each.outcome or "not ended", each.by, json.dumps(each.facts, default=str)
                )
            out.print(made)

        say([asdict(each) for each in steps], as_json, show)


Source = Annotated[str | None, typer.Option("--table", help="Only of this old table.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this row; may be given several times.")]
Reason = Annotated[str | None, typer.Option(help="Only where the reason has this text in it.")]
Since = Annotated[datetime | None, typer.Option(help="Only what was refused from then on (UTC).")]
Until = Annotated[datetime | None, typer.Option(help="Only what was refused until then (UTC).")]


@quarantines.command(
    "list", help="What is in quarantine, and why." + EXAMPLE.format("quarantine list --stage dev --table actuals")
)
def list_(
    stage: StageOption,
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    as_json: Json = False,
    source: Source = None,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
) -> None:
    with world(stage, stack, endpoint, prefix) as it:
        rows = quarantine.chosen(it, source, ids or (), reason, *_times(since, until))

        def show() -> None:
            made = table("quarantine", "table", "id", "since", "reason")
            for each in map(quarantine.told, rows):
                made.add_row(each["source"], each["id"], each["seen"], each["reason"])
            out.print(made)

        say([quarantine.told(each) for each in rows], as_json, show)


@quarantines.command(
    "show", help="One refused row with its image." + EXAMPLE.format("quarantine show --stage dev --table actuals ID")
)
def show_(
    stage: StageOption,
    id: str,
    source: Annotated[str, typer.Option("--table")],
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
) -> None:
    with world(stage, stack, endpoint, prefix) as it:
        print(json.dumps(quarantine.image(it, source, id), indent=2))


@quarantines.command(
    "replay",
    help="Takes refused rows up again, from the rows as they are now: some, by id, reason or time, or --all."
    + EXAMPLE.format("quarantine replay --stage dev --reason data_source --execute"),
)
def replay_(
    stage: StageOption,
    stack: Stack = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    execute: Execute = False,
    as_json: Json = False,
    source: Source = None,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    every: Annotated[bool, typer.Option("--all", help="Everything in quarantine.")] = False,
) -> None:
    if not every and not (source or ids or reason or since or until):
        err.print(
            "expected --table, --id, --reason, --since, --until or --all, found none: say what to replay",
            soft_wrap=True,
        )
        raise typer.Exit(2)
    with world(stage, stack, endpoint, prefix) as it:
        rows = quarantine.chosen(it, source, ids or (), reason, *_times(since, until))
        if not execute:
            say({"would_replay": len(rows)}, as_json, lambda: out.print(f"{len(rows)} rows would be taken up again"))
            return
        said = quarantine.replay(it, rows)
        say(said, as_json, lambda: out.print(f"mended {said['mended']}, still refused {len(said['refused'])}"))
        if said["refused"]:
            raise typer.Exit(1)


def _times(since: datetime | None, until: datetime | None) -> tuple[float, float]:
    low = since.replace(tzinfo=UTC).timestamp() if since else 0.0
    return low, until.replace(tzinfo=UTC).timestamp() if until else float("inf")


if __name__ == "__main__":
    sys.exit(app())
