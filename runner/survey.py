"""Gathers the facts that the readiness checks judge, from the stage as it is now. That something is missing is a fact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from remodel.backfill import RUN
from remodel.errors import RemodelError, TableNotFound
from remodel.fanout import pending
from remodel.index import large_groups
from remodel.notes import open_notes
from remodel.quarantine import held
from remodel.store import INDEX, QUARANTINE
from remodel.streams import gaps
from runner import ownership, recovery, returned
from runner.backup import has_backups
from runner.drive import begun
from runner.facts import Facts, Run, Stack, Table
from runner.journal import Step, last_done
from runner.names import stream_parameter
from runner.stack import MAKES
from runner.validate import last
from runner.world import World


def groundwork(world: World, thorough: bool = False) -> Facts:
    """`thorough`: also what stops nothing, or takes a request for each role and table."""
    names = (*world.model.order, *world.model.new_tables, INDEX, QUARANTINE)
    tables = [_table(world, name, thorough) for name in names]
    backup = world.journal.last_done("backup")
    return Facts(
        where=world.where,
        tables=tables,
        readers=world.readers.look(),
        stack=_stack(world, tables, thorough),
        backup=world.clock.now() - began(backup) if backup else None,
        has_backups=backup is None or has_backups(backup),
        flag=world.flag.read(),
    )


def everything(world: World, accepted: Mapping[str, int] | None = None, thorough: bool = False) -> Facts:
    """With the run. `accepted`: by reason, how many rows may stay in quarantine."""
    return replace(groundwork(world, thorough), run=_run(world, accepted or {}))


def _table(world: World, name: str, thorough: bool) -> Table:
    physical = world.tables[name]
    follows = name in world.sources
    table = Table(name, physical, _role(world, name), world.declaration(name), world.describe(name), follows)
    if not thorough or table.found is None or table.role == "engine":
        return table
    table = replace(table, recovery=recovery.status(world.dynamodb, physical))
    if table.role != "new":
        table = replace(table, expires=_expires(world, physical))
    return replace(table, consumers=_consumers(world, table)) if table.view else table


def _role(world: World, name: str) -> Literal["migrated", "looked up", "new", "engine"]:
    if name in world.model.new_tables:
        return "new"
    if name not in world.model.old_tables:
        return "engine"
    return "migrated" if world.model.migrates(name) else "looked up"


def _expires(world: World, physical: str) -> str | None:
    try:
        found = world.dynamodb.describe_time_to_live(TableName=physical)["TimeToLiveDescription"]
    except ClientError:
        return None
    return found.get("AttributeName", "") if found.get("TimeToLiveStatus") == "ENABLED" else ""


def _consumers(world: World, table: Table) -> list[str] | None:
    try:
        return world.readers.consumers(str((table.found or {}).get("LatestStreamArn", "")))
    except ClientError:
        return None


def _stack(world: World, tables: Iterable[Table], thorough: bool) -> Stack:
    stack = world.stack
    found = Stack(stack.deploy, stack.makes_old_tables, denied=stack.denied() if thorough else None)
    try:
        return replace(found, parameters=stack.missing(parameters(tables)))
    except RemodelError as problem:
        return replace(found, refused=f"{type(problem).__name__}: {problem}")


def parameters(tables: Iterable[Table]) -> dict[str, str]:
    """What the next deployment has to know of tables that it does not make."""
    arns = {each.name: each.found.get("LatestStreamArn", "") for each in tables if each.follows and each.found}
    return {**{stream_parameter(name): arn for name, arn in arns.items() if arn}, MAKES: "false"}


def _run(world: World, accepted: Mapping[str, int]) -> Run:
    now, steps = world.clock.now(), world.journal.steps()
    back, cut = returned.last(world), last_done(steps, "cutover")
    full = last(steps, full=True)
    found = full.facts if full else {}
    run = Run(
        compared=_compared(full, back, now),
        drift=found.get("drift", 0),
        claims=found.get("claims", 0),
        violations=found.get("tenant_violations", 0),
        open=_open(world),
        accepted=accepted,
        failed=len(world.failures.look()),
        fenced=ownership.fenced_since(world),
        interrupted=returned.is_interrupted(back, cut),
        uncovered=back is not None and not back.is_covered,
        cut_over=(now - began(cut)) / 86_400 if cut else 0.0,
        finished=last_done(steps, "finish") is not None,
    )
    try:
        return replace(run, **_index(world))
    except TableNotFound:
        return run


def _index(world: World) -> dict[str, Any]:
    """What the engine's own tables say. Raises TableNotFound before they are made."""
    it = world.call()
    rows = list(held(it))
    return {
        "refused": Counter(each.reason for each in rows),
        "quarantined": Counter(each.row.table for each in rows),
        "gaps": gaps(it),
        "notes": [world.clock.now() - note.at for note in open_notes(it)],
        "fanouts": len(pending(it)),
        "large": large_groups(it),
    }


def _open(world: World) -> list[str]:
    """Tables whose backfill is not done."""
    every = begun(world, RUN)
    segments = {name: [each for each in every if each.table == name] for name in world.sources}
    return [
        name for name, some in segments.items() if not some or sum(each.done for each in some) < some[0].segment.total
    ]


def _compared(full: Step | None, back: returned.Returned | None, now: float) -> float | None:
    """Seconds since the last full comparison was begun; None where the application returned, or a resync ended, after it."""
    if full is None:
        return None
    compared = float(full.facts["compared"])
    return None if back is not None and compared < (back.resynced or back.began) else now - compared


def began(step: Step) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(step.began).timestamp()
