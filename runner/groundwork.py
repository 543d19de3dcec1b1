"""Checks of what a migration stands on: tables, streams, backups, the stack, and who reads the streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remodel.hints import VIEW
from runner.check import Change, Finding, Step
from runner.facts import Facts, Table
from runner.names import name_parameter, stream_parameter
from runner.schema import differences, missing_indexes
from runner.world import NEW, OLD, Reader

POLLED = 120.0
"""Seconds since a stream was last shown to be read; metrics come once a minute, and late."""

BACKUP = 24 * 3_600.0
"""Seconds for which a backup counts."""

PER_SHARD, PER_GLOBAL_SHARD = 2, 1
"""Readers that DynamoDB allows on one shard of a stream without throttling; of a global table's, fewer."""


def names(facts: Facts) -> Iterator[Finding]:
    """Else a function that writes to a new table would write to a table of the application."""
    of = {each.physical: [one.name for one in facts.tables if one.physical == each.physical] for each in facts.tables}
    for physical, several in of.items():
        if len(several) > 1:
            found = f"expected a name of its own for each table, found it for {' and '.join(several)}"
            yield Finding(f"name {physical}", False, found, "correct the tables' names in samconfig.toml", Step.PLAN)


def old_tables(facts: Facts) -> Iterator[Finding]:
    return (_old_table(facts, each) for each in facts.of("migrated", "looked up"))


def streams(facts: Facts) -> Iterator[Finding]:
    followed = [each for each in facts.of("migrated", "looked up") if each.follows]
    return (_stream(facts, each) for each in followed if each.found is not None)


def _old_table(facts: Facts, table: Table) -> Finding:
    name = f"old table {table.physical}"
    if table.found is None:
        name_it = f"`{name_parameter(table.name)}=…` in samconfig.toml, `--prefix` on a DynamoDB Local"
        remedy = f"create it, or correct its name ({name_it})"
        if facts.stack.makes_old_tables:
            remedy = f"`{facts.stack.deploy}` creates it"
        return Finding(name, False, "expected a table, found none", remedy, Step.PLAN)
    if table.declared is None:
        return Finding(name, True, "the template does not declare it")
    wrong = list(differences(table.declared, table.found))
    if table.role == "looked up":
        wrong += [f"expected an index {each}, found none" for each in missing_indexes(table.declared, table.found)]
    remedy = "a key cannot be changed, an index can be added; or correct the declaration of the table in the model"
    return Finding(name, not wrong, "; ".join(wrong) or "keys as declared", remedy, Step.PLAN)


def _stream(facts: Facts, table: Table) -> Finding:
    name, others = f"stream of {table.name}", ", ".join(table.consumers or ())
    prepare = facts.command("prepare --execute")
    if table.view is None:
        told = f"enable the stream of {table.physical} with new and old images"
        remedy, change = f"`{prepare}`", Change(told, "stream", table.name)
        return Finding(name, False, f"expected {VIEW}, found it disabled", remedy, Step.BACKFILL, change=change)
    if table.view != VIEW:
        return Finding(name, False, f"expected {VIEW}, found {table.view}", _view(table, others, prepare), Step.PLAN)
    allowed = PER_GLOBAL_SHARD if (table.found or {}).get("Replicas") else PER_SHARD
    if len(table.consumers or ()) >= allowed:
        remedy = f"a shard of it has room for {allowed}, and the migration is one more: move one of them"
        return Finding(name, False, f"{VIEW}, read by {others}", remedy, Step.ADVICE)
    if table.consumers is None:
        return Finding(name, True, f"{VIEW}; its other readers cannot be listed")
    return Finding(name, True, f"{VIEW}, read by {others} as well" if others else VIEW)


def _view(table: Table, others: str, prepare: str) -> str:
    """A view type stays as long as its stream. Lambda lists its own readers, and no application that polls."""
    listed = others or ("unknown" if table.consumers is None else "none")
    disable = f"aws dynamodb update-table --table-name {table.physical} --stream-specification StreamEnabled=false"
    return (
        f"a view type cannot be changed. Stop every consumer of the stream (event source mappings: {listed}; ask for "
        f"applications that poll it), let it be read to its end, disable it (`{disable}`), enable it again "
        f"(`{prepare}`), and give its new ARN to the consumers"
    )


def roles(facts: Facts) -> Iterator[Finding]:
    for each in facts.stack.denied or ():
        remedy = "see the account's boundaries" if each.known else "see your own permissions in IAM"
        stops = Step.PLAN if each.known else Step.ADVICE
        yield Finding(f"rights of {each.role}", False if each.known else None, each.found, remedy, stops)


def backup(facts: Facts) -> Iterator[Finding]:
    remedy = f"`{facts.command('backup --execute')}`"
    if facts.backup is None:
        yield Finding("backup", False, "none", remedy, Step.PREPARE)
    elif not facts.has_backups:
        yield Finding("backup", None, "this DynamoDB has no backups", "nothing can be done here", unanswerable=True)
    else:
        yield Finding("backup", facts.backup <= BACKUP, f"{facts.backup / 3_600:.1f} h old", remedy)


def new_tables(facts: Facts) -> Iterator[Finding]:
    remedy = f"`{facts.command('prepare --execute')}`"
    for each in facts.of("new"):
        changes = list(_changes(each))
        wrong = list(differences(each.declared, each.found)) if each.declared and each.found else []
        name = f"new table {each.physical}"
        if wrong:
            stays = "a key cannot be changed: name another table, or delete this one if it is not needed"
            yield Finding(name, False, "; ".join(wrong), stays, Step.PLAN)
        for found, change in changes:
            yield Finding(name, False, found, remedy, Step.BACKFILL, change=change)
        if not wrong and not changes:
            yield Finding(name, True, "keys and indexes as declared")


def _changes(table: Table) -> Iterator[tuple[str, Change]]:
    assert table.declared is not None, "the template declares every new table"
    if table.found is None:
        indexes = [each["IndexName"] for each in table.declared.get("GlobalSecondaryIndexes", ())]
        told = f"create table {table.physical}, with indexes {', '.join(indexes) or 'none'}"
        yield "expected a table, found none", Change(told, "table", table.name)
        return
    if not is_at_rest(table.found):
        yield "being changed", Change(f"wait until {table.physical} is at rest", "rest", table.name)
    for index in missing_indexes(table.declared, table.found):
        told = f"add index {index} to {table.physical}"
        yield f"expected an index {index}, found none", Change(told, "index", table.name, index)


def is_at_rest(table: Mapping[str, Any]) -> bool:
    """`table`: as `describe_table` answers."""
    states = {each["IndexStatus"] for each in table.get("GlobalSecondaryIndexes", ())}
    return bool(table["TableStatus"] == "ACTIVE" and states <= {"ACTIVE"})


def settings(facts: Facts) -> Iterator[Finding]:
    """The read flag, and what the next deployment has to know."""
    remedy = f"`{facts.command('prepare --execute')}`"
    change = Change(f"set the read flag to {OLD!r}", "flag")
    flag = facts.flag in (OLD, NEW)
    found = "not set" if facts.flag is None else f"expected {OLD} or {NEW}, found {facts.flag!r}"
    yield Finding("read flag", flag, (facts.flag or "") if flag else found, remedy, change=None if flag else change)
    if facts.stack.refused:
        yield Finding("parameters of the stack", False, facts.stack.refused, "correct it there", Step.PLAN)
    elif told := facts.stack.parameters:
        stops = Step.ADVICE if all(each.deployed for each in facts.readers) else Step.BACKFILL
        yield Finding("parameters of the stack", False, told, remedy, stops, change=Change(told, "parameters"))


def readers(facts: Facts) -> Iterator[Finding]:
    """The engine's own tables stand for the stack, wherever it is."""
    missing = [each.physical for each in facts.of("engine") if each.found is None]
    off = [each.source for each in facts.readers if each.deployed and not each.enabled]
    deploy = f"`{facts.stack.deploy}`"
    found = f"not deployed: no {', '.join(missing)}" if missing else "deployed"
    yield Finding("stack", not missing, found, deploy, Step.BACKFILL)
    change = Change(f"enable the event sources of {', '.join(off)}", "event sources")
    for each in facts.readers:
        name = f"reader of {each.source}"
        if each.enabled:
            yield _polls(name, each)
        elif each.deployed:
            prepare = f"`{facts.command('prepare --execute')}`"
            yield Finding(name, False, each.told, prepare, Step.BACKFILL, change=change)
        else:
            yield Finding(name, False, each.told, deploy, Step.BACKFILL)


def _polls(name: str, reader: Reader) -> Finding:
    """Shown to read right now: an unread stream is silent, and so is one without changes."""
    if reader.polled is None:
        found, remedy = f"{reader.told}; no poll was measured", "wait two minutes, then see its event source mapping"
        return Finding(name, None, found, remedy, unanswerable=reader.blind)
    found = f"{reader.told}, last poll {reader.polled:.0f} s ago"
    return Finding(name, reader.polled <= POLLED, found, "see its event source mapping")


def advice(facts: Facts) -> Iterator[Finding]:
    """What is worth knowing, and stops nothing."""
    looked_up = [each.name for each in facts.of("looked up") if not each.follows]
    if looked_up:
        parameters = ", ".join(stream_parameter(each) for each in looked_up)
        found = f"{', '.join(looked_up)} are read from the table: what follows from a change there is repaired later"
        yield Finding("lookups", False, found, f"enable their streams, and deploy with {parameters}", Step.ADVICE)
    for each in facts.of("migrated", "looked up"):
        if each.expires != "":
            remedy = "expired rows leave the new tables as well; if that is not meant, disable TTL first"
            found = "its TTL cannot be read" if each.expires is None else f"rows expire by {each.expires}"
            holds = None if each.expires is None else False
            yield Finding(f"expiry of {each.name}", holds, found, remedy, Step.ADVICE)
    for each in facts.of("migrated", "looked up", "new"):
        if each.recovery is not None and each.found is not None:
            yield _recovery(each)


def _recovery(table: Table) -> Finding:
    name, remedy = f"point-in-time recovery of {table.name}", "enable it, or rely on the backup"
    known = {"ENABLED": True, "DISABLED": False}.get(table.recovery or "")
    return Finding(name, known, (table.recovery or "cannot be read here").lower(), remedy, Step.ADVICE)
