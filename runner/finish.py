"""The end: after the retention period a last backup, and then what is no longer needed is removed: the stack that replicated,
its failed batches, the engine's tables, and the old tables that were migrated. What was looked up is still in use and stays.
The new tables stay as well, since the template retains them; and so do the migration's own table, the
read flag and every backup.
"""

from __future__ import annotations

from remodel.store import INDEX, QUARANTINE
from runner.backup import back_up
from runner.errors import NotReady
from runner.figures import time
from runner.ownership import is_cut_over
from runner.readiness import RETENTION_DAYS
from runner.survey import began
from runner.watch import Tell
from runner.world import World


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
    return [*world.stack.removals(), *(f"table {world.tables[name]}" for name in _gone(world) if world.describe(name))]


def remains(world: World) -> list[str]:
    """What is left when all is done."""
    names = [*world.model.new_tables, *(name for name in world.model.old_tables if name not in world.migrated)]
    return [*(f"table {world.tables[name]}" for name in (*names, "migration") if world.describe(name)), world.flag.name]


def _gone(world: World) -> list[str]:
    """The stack retains the engine's tables when it goes."""
    return [INDEX, QUARANTINE, *world.migrated]


def finish(world: World, tell: Tell) -> list[str]:
    """Raises NotReady and Busy."""
    with world.journal.step("finish", "prepare", "backfill", "cutover", "rollback") as facts:
        check(world)
        removed = removals(world)
        if any(world.describe(name) for name in world.migrated):
            tell("making the final backup")
            facts["backups"] = {each.table: each.arn or each.status for each in back_up(world)}
        world.journal.check()
        tell("emptying the failure destination")
        world.failures.empty()
        tell("removing the stack")
        world.journal.check()
        world.stack.remove()
        for name in _gone(world):
            _delete(world, name, tell)
        facts["removed"] = removed
    return removed


def _delete(world: World, name: str, tell: Tell) -> None:
    found = world.describe(name)
    if found is None:
        return
    tell(f"removing table {world.tables[name]}")
    world.journal.check()
    if found.get("DeletionProtectionEnabled"):
        world.dynamodb.update_table(TableName=world.tables[name], DeletionProtectionEnabled=False)
    world.dynamodb.delete_table(TableName=world.tables[name])
    world.dynamodb.get_waiter("table_not_exists").wait(TableName=world.tables[name], WaiterConfig={"Delay": 1})
