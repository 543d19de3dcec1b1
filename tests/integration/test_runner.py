"""The verbs of `remodel`, as a person types them, on DynamoDB Local with the local cloud's pollers reading the streams."""

from __future__ import annotations

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from demo.rows import DATA, Rows
from local_cloud.cloud import client
from measures.model import MODEL
from remodel.call import Place
from remodel.clock import SystemClock
from runner.errors import Busy, LeaseLost
from runner.journal import Journal, Step
from runner.lease import LEASE
from runner.world import World
from tests.integration.stand import REMODEL, Stand, environment, typed
from tests.rows import actual, guid, link, text
from tests.still import StillClock, memory_place

ROOT = Path(__file__).parents[2]

REFUSED = {
    "finish": "expected a cutover, found",
    "finish --execute": "expected a cutover, found",
}
"""Commands of the runbook that end with exit status 1 where it has them, and what they say."""


@pytest.mark.slow
def test_the_commands_of_the_runbook_one_after_the_other(endpoint: str, tmp_path: Path) -> None:
    """From old tables without streams, and no new tables, to an application that reads the new ones; and back."""
    stand = Stand(endpoint, tmp_path)
    stand.cloud.delete_tables()
    stand.cloud.create_tables(streams=False, but=MODEL.new_tables)
    stand.put("links", link(), link("second", goal_id=text("g"), linked_at=text("2025-05-05")))
    stand.put("actuals", actual("a"), actual("b"))
    try:
        said = {}
        for command in commands("docs/runbook.md"):
            if command.startswith("sam "):
                stand.cloud.start_pollers()
                time.sleep(1.5)
            else:
                said[command] = stand.run(*command.split(), status=int(command in REFUSED))
    finally:
        stand.cloud.stop()
        stand.cloud.delete_tables()
    for command, told in REFUSED.items():
        assert told in said[command].replace("\n", " ")
    assert "9 changes applied" in said["prepare --execute"]
    assert "6 expected, 6 found" in " ".join(said["validate --full"].split())
    assert "says new" in said["cutover --execute"]
    assert "0 added" in said["rollback --execute"]
    readme = {each for each in commands("README.md") if not each.startswith("sam ")}
    assert readme, "the README has examples"
    assert readme <= said.keys(), "and each is one of the runbook's"


def commands(document: str) -> list[str]:
    """The lines of its blocks that a person types, in order, without the stage, which is this test's own."""
    lines = re.findall(r"^ {4,}(?:\.venv/bin/remodel|(?=sam)) ?(.+)$", (ROOT / document).read_text(), re.MULTILINE)
    return [line.replace("--stage dev", "").replace("  ", " ").strip() for line in lines]


def test_a_plan_says_what_it_will_write_and_what_is_in_the_way(stand: Stand) -> None:
    stand.put("links", link(), link("second", goal_id=text("g")), link("alone", measure_id=text("another measure")))
    stand.put("actuals", actual("a"), actual("b"), actual("bad", recorded_by=text(" ")))
    stand.cloud.dynamodb.update_table(
        TableName=stand.cloud.tables["measure_data"],
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "target-subtype-index"}}],
    )

    plan = stand.ask("plan", "--full")

    assert plan["fanout"] == {"groups": 2, "links": 3, "median": 2, "p90": 2, "p99": 2, "most": 2}
    assert plan["forecast"]["new_rows"] == 3 + 2 * 2
    assert plan["forecast"]["units"] == plan["forecast"]["index_units"] + plan["forecast"]["new_units"]
    assert plan["refused"] == {"actuals": {"recorded_by: expected text that is not blank, found only white space": 1}}
    checks = {each["name"]: each for each in plan["checks"] if each["state"] != "ok"}
    assert not any(each["stops"] for each in checks.values()), "it is all still to be done"
    assert checks["stream of actuals"]["state"] == "to do"
    assert checks["reader of readings"]["found"] == "no poller"
    added = checks[f"new table {stand.cloud.tables['measure_data']}"]
    assert added["found"] == "expected an index target-subtype-index, found none"
    assert checks["point-in-time recovery of links"]["state"] == "unknown"
    assert "to do" in stand.run("plan")


def test_a_plan_is_refused_by_what_no_verb_puts_right(stand: Stand) -> None:
    name = stand.cloud.tables["actuals"]
    keys: Any = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    stand.cloud.dynamodb.update_table(TableName=name, StreamSpecification=keys)
    stand.cloud.dynamodb.delete_table(TableName=stand.cloud.tables["readings"])

    plan = stand.ask("plan", status=1)

    stops = {each["name"]: each for each in plan["checks"] if each["stops"]}
    assert stops.keys() == {"stream of actuals", f"old table {stand.cloud.tables['readings']}"}
    assert "a view type cannot be changed" in stops["stream of actuals"]["remedy"]
    assert "expected NEW_AND_OLD_IMAGES, found KEYS_ONLY" in stand.run("prepare", status=1)


WAY = ["backup", "prepare", "local", "backfill", "validate", "cutover"]
"""The verbs from old tables to an application that reads the new ones."""


@pytest.mark.slow
def test_whoever_types_what_status_says_next_arrives(endpoint: str, tmp_path: Path) -> None:
    """From the first minute on: nothing but old tables is there, no table of the new model, none of the migration's."""
    stand = Stand(endpoint, tmp_path)
    stand.cloud.delete_tables()
    engine = ("index", "quarantine")
    stand.cloud.create_tables(streams=False, but=(*MODEL.new_tables, *engine))
    stand.put("links", link())
    stand.put("actuals", actual("a"))
    typed_words = []
    try:
        while len(typed_words) < len(WAY) + 2 and not (found := stand.ask("status"))["milestones"]["cut over"]:
            words = shlex.split(re.findall("`remodel ([^`]+)`", found["next"]["step"])[0])
            typed_words.append(words[0])
            if words[0] == "local":
                stand.cloud.create_tables(but=(*MODEL.old_tables, *MODEL.new_tables))
                stand.cloud.start_pollers()
                time.sleep(1.5)
                continue
            done = typed([*REMODEL, *words], tmp_path)
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            assert done.stdout.splitlines()[-1].startswith("next: ")
    finally:
        stand.cloud.stop()
        stand.cloud.delete_tables()
    assert typed_words == WAY
    assert "watch the application" in done.stdout.splitlines()[-1]


def test_status_names_an_old_table_that_is_missing(stand: Stand) -> None:
    stand.cloud.dynamodb.delete_table(TableName=stand.cloud.tables["actuals"])

    found = stand.ask("status")

    assert found["next"]["why"] == f"old table {stand.cloud.tables['actuals']}: expected a table, found none"
    assert not any(found["milestones"][name] for name in ("backed up", "prepared", "backfilled", "compared"))


def test_quarantine_is_listed_shown_and_replayed(read: Stand) -> None:
    read.run("backup", "--execute")
    read.run("backfill", "--execute")
    (held,) = read.ask("quarantine", "list", "--table", "actuals", "--reason", "BLANK")
    assert (held["id"], held["source"]) == (guid("bad"), "actuals")
    assert read.ask("quarantine", "list", "--since", "2099-01-01") == []
    shown = read.ask("quarantine", "show", guid("bad"), "--table", "actuals")
    assert shown["image"]["recorded_by"] == {"S": " "}
    assert "say what to replay" in read.run("quarantine", "replay", status=2)
    assert read.ask("quarantine", "replay", "--all") == {"would_replay": 1}

    assert len(read.ask("quarantine", "replay", "--all", "--execute", status=1)["rejected"]) == 1
    stop = [poller.stop() for poller in read.cloud.pollers.values()]
    assert stop
    read.put("actuals", actual("bad"))
    assert read.ask("quarantine", "replay", "--id", guid("bad"), "--execute") == {"corrected": 1, "rejected": {}}
    assert read.ask("quarantine", "list") == []
    assert "found nothing" in read.run("quarantine", "show", guid("bad"), "--table", "actuals", status=1)


def test_a_backfill_is_refused_while_a_stream_is_unread_and_without_a_backup(stand: Stand) -> None:
    stand.cloud.switch_streams_on()
    stand.cloud.start_pollers()
    time.sleep(1.5)
    assert "remodel backup" in stand.run("backfill", "--execute", status=1)
    stand.run("backup", "--execute")
    stand.cloud.stop()
    time.sleep(6)
    refused = stand.run("backfill", "--execute", status=1)
    assert "NotReady" in refused
    assert "reader of actuals: no poller: `remodel local --endpoint-url" in refused


def test_where_there_is_nothing_it_says_so(endpoint: str, tmp_path: Path) -> None:
    command = [*REMODEL, "status", "--stage", "sandbox", "--endpoint-url", endpoint, "--prefix", "nowhere-"]
    done = typed(command, tmp_path)
    assert done.returncode == 1
    assert "NoSuchStack: expected a stack or the tables" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_backfill_that_is_stopped_goes_on(how: signal.Signals, stand: Stand) -> None:
    """Again and again, at a random moment; then once to its end, which is the same as without."""
    rows = Rows(random.Random(5), [], [])
    rows.users, rows.measures = [rows.guid() for _ in range(5)], [rows.guid() for _ in range(20)]
    for measure in rows.measures:
        stand.put("links", rows.link(rows.guid(), measure))
    for source in DATA:
        stand.put(source, *(rows.data(source, rows.guid(), rows.random.choice(rows.measures)) for _ in range(100)))
    stand.cloud.switch_streams_on()
    stand.cloud.start_pollers()
    time.sleep(1.5)
    stand.run("backup", "--execute")
    journal = Journal(client(stand.endpoint), stand.cloud.tables["migration"], SystemClock(), "the test")
    for n in range(3):
        process = subprocess.Popen(
            stand.command("backfill", "--execute"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=environment(),
        )
        begun = len(journal.steps("backfill"))
        while len(journal.steps("backfill")) == begun and process.poll() is None:
            time.sleep(0.05)
        time.sleep(0.3 * n + random.Random(n).random())
        os.kill(process.pid, how)
        process.communicate(timeout=60)

    stand.run("backfill", "--execute")

    validation = stand.ask("validate", "--full")
    assert validation["passed"], validation
    outcomes = [step["outcome"] for step in stand.ask("log") if step["verb"] == "backfill"]
    assert outcomes[-1] == "done"
    assert len(outcomes) >= 2


@pytest.fixture
def journal(stand: Stand) -> Journal:
    return Journal(client(stand.endpoint), stand.cloud.tables["migration"], StillClock(), "anna@there (process 1)")


def another(journal: Journal, me: str) -> Journal:
    return Journal(journal.dynamodb, journal.table, journal.clock, me)


def test_two_at_once_are_told_of_each_other(journal: Journal) -> None:
    with journal.step("backfill"):
        told = pytest.raises(Busy, match=r"anna@there \(process 1\) has been since 2026-11-22 08")
        with told, another(journal, "bert@here (process 2)").step("backfill"):
            pass
        with another(journal, "bert@here (process 2)").step("validate"):
            pass
    with another(journal, "bert@here (process 2)").step("backfill"):
        pass

    assert [step.verb for step in journal.steps()].count("backfill") == 2


def test_a_lease_that_ran_out_is_taken_over(journal: Journal) -> None:
    with journal.step("backfill"):
        journal.clock.sleep(LEASE + 1)
        with another(journal, "bert@here (process 2)").step("backfill"):
            pass


def test_a_lease_that_was_taken_over_is_lost(journal: Journal) -> None:
    """A laptop that sleeps in the middle of a cutover must not go on with it."""
    with journal.step("cutover"):
        journal.check()
        journal.clock.sleep(LEASE + 1)
        lost = pytest.raises(LeaseLost, match=r"found that bert@here \(process 2\) holds it")
        with another(journal, "bert@here (process 2)").step("cutover"), lost:
            journal.check()
        with pytest.raises(LeaseLost, match="found that no process holds it"):
            journal.check()
    journal.check()


def test_a_lease_of_a_process_that_died_here_is_taken_over_at_once(journal: Journal) -> None:
    program = (
        "import os, sys; from remodel.clock import SystemClock; from runner.journal import Journal; "
        "from local_cloud.cloud import client; "
        "journal = Journal(client(sys.argv[1]), sys.argv[2], SystemClock(), 'carl@there (process 3)'); "
        "step = journal.step('backfill'); step.__enter__(); print('begun', flush=True); sys.stdin.read(); os._exit(9)"
    )
    endpoint = str(journal.dynamodb.meta.endpoint_url)
    words = [sys.executable, "-c", program, endpoint, journal.table]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        with (
            pytest.raises(Busy, match="carl@there"),
            Journal(journal.dynamodb, journal.table, SystemClock(), "dora@there (process 3)").step("backfill"),
        ):
            pass
        process.kill()
        process.wait()

    with Journal(journal.dynamodb, journal.table, SystemClock(), "dora@there (process 3)").step("backfill"):
        pass


def test_what_went_wrong_is_remembered(journal: Journal) -> None:
    with pytest.raises(ZeroDivisionError), journal.step("backup") as facts:
        facts["so far"] = 1
        raise ZeroDivisionError

    (step,) = journal.steps("backup")
    assert (step.outcome, step.facts) == ("failed", {"so far": 1, "problem": "ZeroDivisionError"})
    assert journal.last_done("backup") is None
    assert isinstance(step, Step)


def test_backups_are_made_and_remembered_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB Local has none; moto has."""
    from types import SimpleNamespace

    moto = pytest.importorskip("moto")
    from runner.backup import back_up, has_backups

    with moto.mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        names = {name: name for name in (*MODEL.old_tables, *MODEL.new_tables)}
        for name in names:
            dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            )
        world = World(
            "dev",
            Place(MODEL, memory_place(MODEL)[1], SystemClock(), frozenset()),
            dynamodb,
            {**names, "migration": "migration"},
            *[SimpleNamespace()] * 2,  # type: ignore[arg-type]
            Journal(dynamodb, "migration", SystemClock(), "me"),
            *[SimpleNamespace()] * 4,  # type: ignore[arg-type]
        )
        backups = back_up(world)

        assert {each.table for each in backups} == set(names)
        assert {each.status for each in backups} == {"AVAILABLE"}
        assert len(dynamodb.list_backups()["BackupSummaries"]) == len(names)
        done = world.journal.last_done("backup")
        assert done is not None
        assert set(done.facts["backups"]) == set(names)
        assert has_backups(done)
