"""The end: after the retention period a last backup, and then what nobody needs any more is removed: the old tables that were
migrated, and the stack that replicated them. What was looked up is still in use and stays; so do the new tables, the
migration's own table, the read flag and every backup.
"""

from __future__ import annotations

from collections.abc import Callable

from runner.backup import back_up
from runner.cutover import began
from runner.errors import NotReady
from runner.figures import time
from runner.ownership import is_cut_over
from runner.world import World

RETENTION_DAYS = 7
"""As the checklist of the migration has it: keep old tables for 7 days."""

Watch = Callable[[str], None]


def check(world: World) -> None:
    """Raises NotReady before the retention period is over."""
    cut = world.journal.last_done("cutover")
    if not is_cut_over(world) or cut is None:
        raise NotReady(
            "expected a cutover, found that the application reads the old tables: `remodel cutover --execute` first"
        )
    days = (world.clock.now() - began(cut)) / 86_400
    if days < RETENTION_DAYS:
        raise NotReady(
            f"expected {RETENTION_DAYS} days since the cutover of {time(cut.began)}, found {days:.1f}: "
            "until then the way back stays open"
        )


def removals(world: World) -> list[str]:
    """What there still is of what is no longer needed."""
    tables = [f"table {world.tables[name]}" for name in world.migrated if world.describe(name)]
    return [*world.stack.removals(), *tables]


def finish(world: World, watch: Watch) -> list[str]:
    """Raises NotReady and Busy."""
    with world.journal.step("finish", "prepare", "backfill", "cutover", "rollback") as facts:
        check(world)
        removed = removals(world)
        if any(world.describe(name) for name in world.migrated):
            watch("making the final backup")
            facts["backups"] = {each.table: each.arn or each.status for each in back_up(world)}
        watch("removing the stack's part")
        world.journal.check()
        world.stack.remove()
        for name in world.migrated:
            _delete(world, name, watch)
        facts["removed"] = removed
    return removed


def _delete(world: World, name: str, watch: Watch) -> None:
    found = world.describe(name)
    if found is None:
        return
    watch(f"removing table {world.tables[name]}")
    world.journal.check()
    if found.get("DeletionProtectionEnabled"):
        world.dynamodb.update_table(TableName=world.tables[name], DeletionProtectionEnabled=False)
    world.dynamodb.delete_table(TableName=world.tables[name])
    world.dynamodb.get_waiter("table_not_exists").wait(TableName=world.tables[name], WaiterConfig={"Delay": 1})
