"""The verbs below `remodel quarantine`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from runner.options import REFUSED, USAGE, Execute, fail, option, say, verb

if TYPE_CHECKING:
    from runner.world import World

app = typer.Typer(no_args_is_help=True, help="What the model rejects: list, show, replay.")

Source = Annotated[str | None, option("--table", "Only of this old table.")]
Ids = Annotated[list[str] | None, option("--id", "Only this row; may be given several times.")]
Reason = Annotated[str | None, option("--reason", "Only where the reason has this text in it.")]
Since = Annotated[datetime | None, option("--since", "Only what was rejected from then on (UTC).")]
Until = Annotated[datetime | None, option("--until", "Only what was rejected until then (UTC).")]


@verb(app, "quarantine list --stage dev --table TABLE")
def list_(
    it: World,
    source: Source = None,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """What is in quarantine, and why."""
    from runner import quarantine, show

    chosen = quarantine.chosen(it, quarantine.Choice(source, ids, reason, since, until))
    rows = [quarantine.told(it.model, each) for each in chosen]
    say(it.as_json, rows, show.held, rows)


@verb(app, "quarantine show ID --stage dev --table TABLE")
def show_(it: World, id: str, source: Annotated[str, option("--table", "Its old table.")]) -> None:
    """One rejected row, as the old table has it now."""
    from runner import quarantine, show

    found = quarantine.image(it, source, id)
    say(it.as_json, found, show.rejected, found)


@verb(app, "quarantine replay --stage dev --reason TEXT --execute", resumes=True)
def replay_(
    it: World,
    execute: Execute = False,
    source: Source = None,
    ids: Ids = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    every: Annotated[bool, option("--all", "Everything in quarantine.")] = False,
    failed: Annotated[bool, option("--failed", "What the failure destination holds.")] = False,
) -> None:
    """Takes rejected rows up again, from the rows as they are now: some, by id, reason or time, or --all; or failed batches."""
    from runner import bars, quarantine, show

    chosen = every or source or ids or reason or since or until
    if bool(chosen) == failed:
        fail(
            "expected --failed, or --table, --id, --reason, --since, --until or --all, found "
            f"{'both' if failed else 'neither'}: say what to replay",
            USAGE,
        )
    with bars.watching(it.as_json) as watch:
        watch.step("replaying" if execute else "looking for what would be replayed")
        if failed:
            said = quarantine.replay_failed(it) if execute else {"would_replay": len(it.failures.look())}
        else:
            rows = quarantine.chosen(it, quarantine.Choice(source, ids, reason, since, until))
            said = quarantine.replay(it, rows) if execute else {"would_replay": len(rows)}
    say(it.as_json, said, show.replayed, said, failed)
    if said.get("rejected"):
        raise typer.Exit(REFUSED)
