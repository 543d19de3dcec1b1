"""What a person types. Nothing is written without --execute. Exit status: 0 done, 1 differences or refusal, 2 usage."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live

from remodel.call import when
from runner import (
    backfill,
    backup,
    cli_quarantine,
    comparison,
    cutover,
    finish,
    local,
    plan,
    prepare,
    quarantine,
    report,
    resync,
    rollback,
    show,
    status,
    validate,
)
from runner.options import Execute, Json, err, out, say, verb, watching
from runner.world import World

app = typer.Typer(no_args_is_help=True, help=__doc__, rich_markup_mode=None, pretty_exceptions_enable=False)

Segments = Annotated[int, typer.Option("--segments", min=1, max=1000, help="Of a table, side by side.")]


@verb(app, "plan", "What the migration will write, cost and take, and what is in its way.", "plan --stage dev --full")
def plan_(
    it: World,
    as_json: Json = False,
    full: Annotated[bool, typer.Option("--full", help="Read every row, not a sample.")] = False,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Rows of each table to read.")] = 1_000,
    rate: Annotated[float, typer.Option("--rate", min=1, help="Write units a second.")] = 1_000.0,
) -> None:
    found = plan.plan(it, it.declared, None if full else sample, rate)
    say(asdict(found), as_json, lambda: show.plan(found))
    if found.obstacles:
        raise typer.Exit(1)


@verb(app, "backup", "On-demand backups of every table, old and new.", "backup --stage dev --execute")
def backup_(it: World, execute: Execute = False, as_json: Json = False) -> None:
    if execute:
        answer: Any = [asdict(each) for each in backup.back_up(it)]
    else:
        told = backup.planned(it).items()
        answer = [{"table": name, "arn": "", "status": f"would be made as {made}"} for name, made in told]
    cells = [(each["table"], each["arn"] or each["status"]) for each in answer]
    say(answer, as_json, lambda: show.rows("backups", ("table", "backup"), cells))


@verb(
    app,
    "prepare",
    "Makes what must stand before replication can: new tables, streams, the read flag; switches event sources on.",
    "prepare --stage dev --execute",
)
def prepare_(it: World, execute: Execute = False, as_json: Json = False) -> None:
    if execute:
        done = prepare.prepare(it, watching(as_json))
        say(
            {"done": done},
            as_json,
            lambda: out.print(f"{len(done)} things done; everything stands" if done else "everything stands"),
        )
    else:
        todo = [each.told for each in prepare.planned(it)]
        say(
            {"todo": todo},
            as_json,
            lambda: out.print("\n".join(todo) or "everything stands", highlight=False, soft_wrap=True),
        )


@verb(
    app,
    "backfill",
    "Seeds the new model with what was there before, table by table. Stop it whenever you like; the same command goes on.",
    "backfill --stage dev --segments 8 --rate 500 --execute",
)
def backfill_(
    it: World,
    execute: Execute = False,
    as_json: Json = False,
    segments: Segments = 4,
    rate: Annotated[
        float | None, typer.Option("--rate", min=1, help="Write units a second; stays until changed.")
    ] = None,
) -> None:
    left = backfill.open_segments(it, segments)
    if not execute:
        backfill.check(it)
        todo = {name: f"{len(each)} segments to do" if each else "done" for name, each in left.items()}
        say(todo, as_json, lambda: out.print("\n".join(f"{name:<12} {each}" for name, each in todo.items())))
        return
    if rate is not None:
        backfill.set_rate(it.journal, rate)
    with show.segments(it.rows(left), as_json) as watch:
        done = backfill.backfill(it, segments, watch)
    say(asdict(done), as_json, lambda: show.backfilled(done))
    if any(done.drift.values()):
        raise typer.Exit(1)


@verb(
    app,
    "rate",
    "How many write units a second a backfill may take, also of one that is running; 0 lifts the limit.",
    "rate 200 --stage dev --execute",
)
def rate_(
    it: World,
    units: Annotated[float | None, typer.Argument(min=0, help="Write units a second.")] = None,
    execute: Execute = False,
    as_json: Json = False,
) -> None:
    if execute and units is not None:
        backfill.set_rate(it.journal, units or None)
    now = backfill.asked_rate(it.journal)
    say(
        {"rate": now, "asked": units},
        as_json,
        lambda: out.print(f"{now:.0f} write units a second" if now else "no limit"),
    )


@verb(app, "status", "Where the migration stands, on one screen.", "status --stage dev --watch")
def status_(
    it: World,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Every two seconds, until Ctrl-C.")] = False,
) -> None:
    found = status.status(it)
    if watch and out.is_terminal:
        with Live(show.status(found), console=out, auto_refresh=False) as live:
            while True:
                time.sleep(2)
                live.update(show.status(status.status(it)), refresh=True)
    say(asdict(found), as_json, lambda: out.print(show.status(found)))


@verb(
    app,
    "validate",
    "Do both models say the same? Counts, samples, and with --full every row, both ways; goes on where it was stopped.",
    "validate --stage dev --full --report report.html",
)
def validate_(
    it: World,
    as_json: Json = False,
    sample: Annotated[int, typer.Option("--sample", min=1, max=10_000, help="Rows of each table.")] = 100,
    full: Annotated[bool, typer.Option("--full", help="Compare every row.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Repair what differs; needs --execute.")] = False,
    execute: Execute = False,
    segments: Segments = 4,
    page: Annotated[
        Path | None, typer.Option("--report", help="Where the report goes; without it, into reports/.")
    ] = None,
) -> None:
    if repair and not execute:
        err.print("--repair writes to the new tables: expected --execute beside it", soft_wrap=True)
        raise typer.Exit(2)
    with show.parts(it.rows(comparison.both_ways(it)), as_json or not (full or repair)) as watch:
        done = validate.validate(it, sample, full or repair, repair, segments, watch)
    held = [quarantine.told(each) for each in quarantine.chosen(it, None, (), None, 0.0, float("inf"))]
    told = report.findings(done, it.stage, it.journal.steps("validate"), held)
    page = page or Path("reports") / f"{it.stage}-{told.when.replace(':', '')}.html"
    report.write(page, told)
    say({**asdict(done), "passed": done.passed, "report": str(page)}, as_json, lambda: show.validation(done))
    if not as_json:
        out.print(f"report: {page}", highlight=False, soft_wrap=True)
    if not done.passed:
        raise typer.Exit(1)


@verb(
    app,
    "resync",
    "After a gap in a stream, or a rollback from the new model: covers the time since, row by row, as rows are now.",
    "resync --stage dev --execute",
)
def resync_(it: World, execute: Execute = False, as_json: Json = False, segments: Segments = 4) -> None:
    if not execute:
        told = [asdict(each) for each in resync.known(it)]
        cells = [(each["source"], when(each["since"]), when(each["until"]), each["reason"]) for each in told]
        columns = ("stream", "read until", "read again from", "reason")
        say(told, as_json, lambda: show.rows("gaps to be covered", columns, cells))
        return
    with show.parts(it.rows(dict.fromkeys((*resync.tables(it), *comparison.both_ways(it)))), as_json) as watch:
        done = resync.resync(it, segments, watch)
    say(
        asdict(done),
        as_json,
        lambda: out.print(f"new rows written {done.written}, repaired {done.repaired}, gaps covered {done.gaps}"),
    )


@verb(
    app,
    "cutover",
    "From the old model to the new: through the gate, stops replication, sets the fence, compares, flips the read flag.",
    "cutover --stage dev --accept 'data_source' --execute",
)
def cutover_(
    it: World,
    execute: Execute = False,
    as_json: Json = False,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", help="Rows in quarantine with this text in the reason may stay there."),
    ] = None,
) -> None:
    if execute:
        now = cutover.cutover(it, accept or (), watching(as_json))
        say(
            {"reads": now, "flag": it.flag.name},
            as_json,
            lambda: out.print(f"{it.flag.name} says {now!r}", highlight=False),
        )
        return
    gated = cutover.gate(it, accept or ())
    say([asdict(each) for each in gated], as_json, lambda: show.gate(gated))
    if not all(each.met for each in gated):
        raise typer.Exit(1)


@verb(
    app,
    "rollback",
    "Before the cutover clears what was replicated, of one table or all; after it flips the read flag back, lifts the fence.",
    "rollback --stage dev --table actuals --execute",
)
def rollback_(
    it: World,
    execute: Execute = False,
    as_json: Json = False,
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Of this old table; may be given several times.")
    ] = None,
) -> None:
    if rollback.is_to_flip_back(it) and not table:
        back = rollback.flip_back(it) if execute else rollback.what_is_new(it)
        say({**asdict(back), "told": str(back)}, as_json, lambda: out.print(str(back), style="yellow", soft_wrap=True))
        return
    if unknown := sorted(set(table or ()) - set(it.migrated)):
        err.print(f"expected --table to be one of {', '.join(it.migrated)}, found {', '.join(unknown)}")
        raise typer.Exit(2)
    wanted = table or it.migrated
    counts = rollback.clear_rows(it, wanted, watching(as_json)) if execute else rollback.identified(it, wanted)
    done = "cleared" if execute else "would be cleared"
    cells = [(name, str(count)) for name, count in counts.items()]
    say({done: counts}, as_json, lambda: show.rows(f"replicated rows {done}", ("new table", "rows"), cells))


@verb(
    app,
    "finish",
    "After the retention period: a final backup, then removes the old tables and the stack. Lists them first.",
    "finish --stage dev --execute",
)
def finish_(it: World, execute: Execute = False, as_json: Json = False) -> None:
    removals = finish.removals(it)
    say(
        {"removals": removals},
        as_json,
        lambda: show.rows("no longer needed", ("to be removed",), [(each,) for each in removals]),
    )
    if execute:
        finish.finish(it, watching(as_json))
    else:
        finish.check(it)


@verb(app, "log", "What was done, by whom, with which outcome.", "log --stage dev")
def log_(it: World, as_json: Json = False) -> None:
    steps = it.journal.steps()
    say([asdict(each) for each in steps], as_json, lambda: show.log(it.stage, steps))


app.command("local")(local.local)
app.add_typer(cli_quarantine.app, name="quarantine")


if __name__ == "__main__":
    sys.exit(app())
