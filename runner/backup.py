"""On-demand backups of every table, old and new, named and remembered.

DynamoDB Local has none: there the verb says so and remembers that, so that the next steps can be tried.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from runner.journal import Step
from runner.world import World

BEGUN = "backup"
"""Notes on what a backup has begun."""

NONE = "this DynamoDB has no backups"

PAUSE = 3.0
"""Seconds between two looks at a backup that is being made."""


@dataclass(frozen=True, slots=True)
class Backup:
    table: str
    arn: str
    status: str


def planned(world: World) -> dict[str, str]:
    """A backup's name for each table of the application, as far as they are there."""
    stamp = datetime.fromtimestamp(world.clock.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    there = [name for name in (*world.model.old_tables, *world.model.new_tables) if world.describe(name)]
    return {world.tables[name]: f"remodel-{world.stage}-{stamp}" for name in there}


def back_up(world: World) -> list[Backup]:
    """Makes them all, and waits until each is available. One that was stopped goes on with those that it had begun."""
    with world.journal.step("backup") as facts:
        begun = world.journal.recall(BEGUN)
        backups = [
            Backup(**begun[table]) if table in begun else _create(world, table, name)
            for table, name in planned(world).items()
        ]
        backups = [_wait(world, each) for each in backups]
        facts["backups"] = {each.table: each.arn or each.status for each in backups}
        world.journal.forget(BEGUN)
    return backups


def has_backups(step: Step) -> bool:
    """Whether the DynamoDB of a backup knows backups."""
    return NONE not in step.facts["backups"].values()


def _create(world: World, table: str, name: str) -> Backup:
    try:
        details = world.dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]
    except ClientError as problem:
        if problem.response["Error"]["Code"] == "UnknownOperationException":
            return Backup(table, "", NONE)
        raise
    backup = Backup(table, details["BackupArn"], details["BackupStatus"])
    world.journal.remember(BEGUN, table, asdict(backup))
    return backup


def _wait(world: World, backup: Backup) -> Backup:
    while backup.status == "CREATING":
        world.clock.sleep(PAUSE)
        described = world.dynamodb.describe_backup(BackupArn=backup.arn)["BackupDescription"]["BackupDetails"]
        backup = Backup(backup.table, backup.arn, described["BackupStatus"])
    return backup
