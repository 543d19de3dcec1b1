"""The verbs below `remodel quarantine`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from runner import quarantine, show
from runner.options import Execute, Json, err, out, say, verb
from runner.world import World

app = typer.Typer(no_args_is_help=True, help="What the model rejects: list, show, replay.")

Source = Annotated[str | None, typer.Option("--table", help="Only of this old table.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this row; may be given several times.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only where the reason has this text in it.")]
Since = Annotated[datetime | None, typer.Option("--since", help="Only what was rejected from then on (UTC).")]
Until = Annotated[datetime | None, typer.Option("--until", help="Only what was rejected until then (UTC).")]


@verb(app, "list", "What is in quarantine, and why.", "quarantine list --stage dev --table actuals")
def list_(
    it: World,
    as_json: Json = False,
    source: Source = None,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
) -> None:
    rows = [quarantine.told(each) for each in quarantine.chosen(it, source, ids or (), reason, *times(since, until))]
    cells = [(each["source"], each["id"], each["seen"], each["reason"]) for each in rows]
    say(rows, as_json, lambda: show.rows("quarantine", ("table", "id", "since", "reason"), cells))


@verb(
    app,
    "show",
    "One rejected row, as the old table has it now.",
    "quarantine show ID --stage dev --table actuals",
)
def show_(it: World, id: str, source: Annotated[str, typer.Option("--table", help="Its old table.")]) -> None:
    say(quarantine.image(it, source, id), True, lambda: None)


@verb(
    app,
    "replay",
    "Takes rejected rows up again, from the rows as they are now: some, by id, reason or time, or --all; or failed batches.",
    "quarantine replay --stage dev --reason data_source --execute",
)
def replay_(
    it: World,
    execute: Execute = False,
    as_json: Json = False,
    source: Source = None,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    every: Annotated[bool, typer.Option("--all", help="Everything in quarantine.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="What the failure destination holds.")] = False,
) -> None:
    chosen = every or source or ids or reason or since or until
    if bool(chosen) == failed:
        err.print(
            "expected --failed, or --table, --id, --reason, --since, --until or --all: say what to replay",
            soft_wrap=True,
        )
        raise typer.Exit(2)
    if failed:
        said = quarantine.replay_failed(it) if execute else {"would_replay": len(it.failures.look())}
    else:
        rows = quarantine.chosen(it, source, ids or (), reason, *times(since, until))
        said = quarantine.replay(it, rows) if execute else {"would_replay": len(rows)}
    say(
        said,
        as_json,
        lambda: out.print(
            ", ".join(f"{name.replace('_', ' ')} {value or 0}" for name, value in said.items()), markup=False
        ),
    )
    if said.get("rejected"):
        raise typer.Exit(1)


def times(since: datetime | None, until: datetime | None) -> tuple[float, float]:
    low = since.replace(tzinfo=UTC).timestamp() if since else 0.0
    return low, until.replace(tzinfo=UTC).timestamp() if until else float("inf")
