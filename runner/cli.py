"""Move a live DynamoDB application to a new data model. Without a command: `status`.

Nothing is written without --execute. {statuses}
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runner import cli_new, cli_quarantine
from runner.options import (
    REFUSED,
    STATUSES,
    USAGE,
    Confirm,
    Endpoint,
    Execute,
    Prefix,
    confirm,
    ending,
    fail,
    option,
    say,
    verb,
)
from runner.pace import SEGMENTS

if TYPE_CHECKING:
    from runner.world import World

TOLD = (__doc__ or "").format(statuses=STATUSES)
app = typer.Typer(help=TOLD, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(cli_quarantine.app, name="quarantine")
app.add_typer(cli_new.app)

Segments = Annotated[int, option("--segments", "Of a table, side by side.", min=1, max=1000)]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"remodel {version('remodel')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def alone(
    context: typer.Context,
    version: Annotated[
        bool, option("--version", "Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        command: Any = context.command
        with command.commands["status"].make_context("status", [], parent=context) as own:
            own.command.invoke(own)


@verb(app, "plan --stage dev --full")
def plan_(
    it: World,
    full: Annotated[bool, option("--full", "Read every row, not a sample.")] = False,
    sample: Annotated[int, option("--sample", "Rows of each table to read.", min=1)] = 1_000,
    rate: Annotated[
        float | None, option("--rate", f"Write units a second; without it, what {SEGMENTS} segments reach.", min=1)
    ] = None,
) -> None:
    """What the backfill writes, reads, costs and takes, and what is to be done before it."""
    from runner import bars, plan, readiness, show

    with bars.watching(it.as_json) as watch:
        watch.step("reading the old tables")
        found = plan.plan(it, None if full else sample, rate)
    say(it.as_json, asdict(found), show.plan, found)
    if not readiness.is_open(found.checks):
        raise typer.Exit(REFUSED)


@verb(app, "backup --stage dev --execute", resumes=True)
def backup_(it: World, execute: Execute = False) -> None:
    """On-demand backups of every table, old and new."""
    from runner import backup, bars, show

    if execute:
        with bars.watching(it.as_json) as watch:
            watch.step("making backups, and waiting until they are available")
            answer: Any = [asdict(each) for each in backup.back_up(it)]
    else:
        told = backup.planned(it).items()
        answer = [{"table": name, "arn": "", "status": f"would be made as {made}"} for name, made in told]
    cells = [(each["table"], each["arn"] or each["status"]) for each in answer]
    say(it.as_json, answer, show.rows, "backups", ("table", "backup"), cells)


@verb(app, "prepare --stage dev --execute", resumes=True)
def prepare_(it: World, execute: Execute = False) -> None:
    """Makes what must stand before replication can: new tables, streams, the read flag; switches event sources on."""
    from runner import bars, prepare, show
    from runner.figures import count

    if execute:
        with bars.watching(it.as_json) as watch:
            done = prepare.prepare(it, watch.step)
        told = f"{count(len(done), 'change')} applied; ready" if done else "nothing to change; ready"
        say(it.as_json, {"done": done}, show.lines, told)
    else:
        todo = [each.told for each in prepare.planned(it)]
        would = [f"would {each}" for each in todo] or ["nothing to change; ready"]
        say(it.as_json, {"todo": todo}, show.lines, *would)


@verb(app, "backfill --stage dev --segments 8 --rate 500 --execute", resumes=True)
def backfill_(
    it: World,
    execute: Execute = False,
    segments: Segments = SEGMENTS,
    rate: Annotated[float | None, option("--rate", "Write units a second; stays until changed.", min=1)] = None,
) -> None:
    """Copies existing rows into the new model, table by table. After Ctrl-C, the same command goes on."""
    from runner import backfill, bars, drive, show

    if not execute:
        backfill.check(it)
        left = backfill.open_segments(it, segments)
        todo = {name: f"{len(each)} to do" if each else "done" for name, each in left.items()}
        cells = [(name, rows, todo[name]) for name, rows in it.rows(left).items()]
        shown = ("would be copied", ("table", "rows", "segments"), cells, backfill.effect(left, rate))
        say(it.as_json, todo, show.rows, *shown)
        return
    if rate is not None:
        drive.set_rate(it.journal, rate)
    with bars.watching(it.as_json, it.rows((*it.sources, *it.model.new_tables))) as watch:
        done = backfill.backfill(it, segments, watch)
    say(it.as_json, asdict(done), show.backfilled, done)
    if any(done.drift.values()):
        raise typer.Exit(REFUSED)


@verb(app, "rate 200 --stage dev --execute")
def rate_(
    it: World,
    units: Annotated[float | None, typer.Argument(min=0, help="Write units a second.")] = None,
    execute: Execute = False,
) -> None:
    """How many write units a second a backfill may take, also of one that is running; 0 lifts the limit."""
    from runner import backfill, drive, show

    if execute and units is not None:
        drive.set_rate(it.journal, units or None)
    now = drive.asked_rate(it.journal)
    would = f"would set: {backfill.limit(units)}; now: " if units is not None and not execute else ""
    say(it.as_json, {"rate": now, "asked": units}, show.lines, would + backfill.limit(now))


@verb(app, "status --stage dev --watch")
def status_(
    it: World,
    watch: Annotated[bool, option("--watch", "Every two seconds, until Ctrl-C.")] = False,
) -> None:
    """Where the migration stands, on one screen."""
    from runner import show, status

    found = status.status(it)
    if watch and show.console().is_terminal:
        show.live(found, lambda: status.status(it))
    say(it.as_json, asdict(found), lambda: show.console().print(show.status(found)))


@verb(app, "validate --stage dev --full --report report.html", resumes=True)
def validate_(
    it: World,
    sample: Annotated[int, option("--sample", "Rows of each table.", min=1, max=10_000)] = 100,
    full: Annotated[bool, option("--full", "Compare every row.")] = False,
    repair: Annotated[bool, option("--repair", "Repair what differs; needs --execute.")] = False,
    execute: Execute = False,
    segments: Segments = SEGMENTS,
    page: Annotated[Path | None, option("--report", "Where the report goes; without it, into reports/.")] = None,
) -> None:
    """Do both models say the same? Counts, samples, and with --full every row, both ways; goes on where it was stopped."""
    from runner import bars, comparison, quarantine, report, show, validate

    if repair and not execute:
        fail("expected --execute beside --repair, which writes to the new tables, found none: add it", USAGE)
    mode = validate.Mode("repair" if repair else "full" if full else "sample")
    with bars.watching(it.as_json, it.rows(comparison.both_ways(it))) as watch:
        done = validate.validate(it, mode, sample, segments, watch)
    held = [quarantine.told(it.model, each) for each in quarantine.chosen(it, quarantine.Choice())]
    told = report.findings(done, it.stage, it.journal.steps("validate"), held)
    page = page or Path("reports") / f"{it.stage}-{told.when.replace(':', '')}.html"
    report.write(page, told)
    say(it.as_json, {**asdict(done), "passed": done.passed, "report": str(page)}, show.validation, done, page)
    if not done.passed:
        raise typer.Exit(REFUSED)


@verb(app, "resync --stage dev --execute", resumes=True)
def resync_(it: World, execute: Execute = False, segments: Segments = SEGMENTS) -> None:
    """After a gap in a stream, or a rollback from the new model: covers the time since, row by row, as rows are now."""
    from runner import bars, comparison, resync, show

    if not execute:
        gaps = resync.known(it)
        say(it.as_json, [asdict(each) for each in gaps], show.gaps, gaps, resync.effect(it))
        return
    with bars.watching(it.as_json, it.rows(dict.fromkeys((*resync.tables(it), *comparison.both_ways(it))))) as watch:
        done = resync.resync(it, segments, watch)
    say(it.as_json, asdict(done), show.lines, done.told)


@verb(app, "cutover --stage dev --accept 'name: expected a value, found none=3' --execute", resumes=True)
def cutover_(
    it: World,
    execute: Execute = False,
    accept: Annotated[
        list[str] | None,
        option("--accept", "'REASON=COUNT': so many rows may be left out for this very reason."),
    ] = None,
    confirmed: Confirm = None,
) -> None:
    """From the old model to the new: through the gate, asks for a pause, sets the fence, compares, flips the read flag."""
    from runner import bars, cutover, gate, show

    try:
        accepted = gate.accepted(accept or ())
    except ValueError as problem:
        fail(str(problem), USAGE)
    if execute:
        if it.stage == "prod":
            confirm(it, confirmed, "The application of prod will read and own the new tables")
        with bars.watching(it.as_json) as watch:
            done = cutover.cutover(it, accepted, watch.step)
        say(it.as_json, asdict(done), show.lines, *cutover.told(it, done))
        return
    gated = cutover.gate(it, accepted, thorough=True)
    refused = [{**asdict(each), "accept": each.accept} for each in gated.refused]
    answer = {"open": gated.is_open, "checks": [asdict(each) for each in gated.checks], "refused": refused}
    say(it.as_json, answer, show.gate, gated.checks, cutover.effect(it))
    if not gated.is_open:
        raise typer.Exit(REFUSED)


@verb(app, "rollback --stage dev --table TABLE --execute", resumes=True)
def rollback_(
    it: World,
    execute: Execute = False,
    table: Annotated[list[str] | None, option("--table", "Of this old table; may be given several times.")] = None,
    confirmed: Confirm = None,
) -> None:
    """Before the cutover clears what was replicated, of one table or all; after it sets the read flag back, lifts the fence."""
    from runner import bars, rollback, show

    if unknown := sorted(set(table or ()) - set(it.migrated)):
        fail(f"expected --table to be one of {', '.join(it.migrated)}, found {', '.join(unknown)}: correct it", USAGE)
    if rollback.is_to_flip_back(it) and not table:
        with bars.watching(it.as_json) as watch:
            watch.step("comparing both models")
            back = rollback.flip_back(it) if execute else rollback.what_is_new(it)
        say(it.as_json, {**asdict(back), "told": back.told}, show.lines, *rollback.flipped(it, back, execute))
        return
    wanted = table or it.migrated
    if execute:
        rollback.check(it)
        confirm(it, confirmed, f"The replicated rows of {', '.join(wanted)} will be deleted from the new tables")
    with bars.watching(it.as_json) as watch:
        counts = rollback.clear_rows(it, wanted, watch) if execute else rollback.identified(it, wanted, watch)
    done, effects = ("cleared", []) if execute else ("would be cleared", rollback.effects(it, wanted))
    shown = (f"replicated rows {done}", ("new table", "rows"), list(counts.items()), *effects)
    say(it.as_json, {done: counts, "effects": effects}, show.rows, *shown)


@verb(app, "finish --stage dev --execute", resumes=True)
def finish_(it: World, execute: Execute = False, confirmed: Confirm = None) -> None:
    """After the retention period: a final backup, then removes the old tables and the stack. Lists them first."""
    from runner import bars, finish, show

    removals = finish.removals(it)
    cells = [(each,) for each in removals]
    stays = f"what stays: {', '.join(finish.remains(it))}, and every backup"
    shown = ("no longer needed", ("to be removed, after a final backup",), cells, stays)
    say(it.as_json, {"removals": removals, "remains": finish.remains(it)}, show.rows, *shown)
    finish.check(it)
    if execute:
        confirm(it, confirmed, "All of this will be deleted, and there is no way back to the old model")
        with bars.watching(it.as_json) as watch:
            finish.finish(it, watch.step)


@verb(app, "log --stage dev")
def log_(it: World) -> None:
    """What was done, when, by whom, with which outcome."""
    from runner import show

    steps = it.journal.steps()
    say(it.as_json, [asdict(each) for each in steps], show.log, it.stage, steps)


@app.command()
def local(
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    kill: Annotated[float, option("--kill", "Percent of calls in which the function is killed.", min=0, max=100)] = 0,
    repeat: Annotated[float, option("--repeat", "Percent of batches that are delivered twice.", min=0, max=100)] = 0,
) -> None:
    """On a DynamoDB Local, in place of a deployment: run the functions that read the streams, and the sweeper, until Ctrl-C.

    Example: remodel local --endpoint-url http://localhost:8000
    """
    if endpoint is None:
        fail("expected --endpoint-url, found none: for example --endpoint-url http://localhost:8000", USAGE)
    with ending(resumes=True):
        from runner import local

        local.run(endpoint, prefix, kill / 100, repeat / 100)


@app.command("new-template")
def new_template(
    model: Annotated[
        str | None, option("--model", "As package.module:NAME, found on PYTHONPATH. Default: that of REMODEL_MODEL.")
    ] = None,
    samconfig: Annotated[bool, option("--samconfig", "Its samconfig.toml instead.")] = False,
) -> None:
    """The template of a model, on standard output, or its samconfig.toml. Keep both in the folder of template.yaml.

    Example: remodel new-template --model package.module:MODEL > template-name.yaml
    """
    with ending(resumes=False):
        from runner.model import named
        from stack.samconfig import samconfig as config
        from stack.template import template

        sys.stdout.write((config if samconfig else template)(model or named()))


if __name__ == "__main__":
    sys.exit(app())
