"""How the verbs behave at a terminal and in a pipe: progress, Ctrl-C, dry runs, confirmations."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from runner.bars import STOPPING
from tests.integration.stand import REMODEL, Stand, environment
from tests.rows import actual, link

ACKNOWLEDGED = STOPPING.decode().strip()


@pytest.fixture
def filled(read: Stand) -> Stand:
    read.run("backup", "--execute")
    read.run("backfill", "--segments", "1", "--execute")
    return read


def begun(stand: Stand, *words: str) -> subprocess.Popen[str]:
    """A verb whose standard error is read line by line."""
    return subprocess.Popen(
        stand.command(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def line(process: subprocess.Popen[str], text: str) -> str:
    """The first line on standard error with this text."""
    assert process.stderr is not None
    for each in process.stderr:
        if text in each:
            return each
    raise AssertionError(f"expected {text!r}, found the end: {process.wait()}")


def test_ctrl_c_is_answered_once_and_the_same_command_goes_on(read: Stand) -> None:
    read.put("links", *(link(f"l{n}") for n in range(30)))
    read.put("actuals", *(actual(f"a{n}") for n in range(150)))
    read.run("backup", "--execute")
    for signals in (1, 2):  # to the whole group, as from a keyboard
        process = begun(read, "backfill", "--segments", "2", "--execute")
        line(process, "backfill links")
        for _ in range(signals):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.01)
        out, err = process.communicate(timeout=60)

        assert process.returncode == 130, err
        assert err.count(ACKNOWLEDGED) == 1
        assert "Traceback" not in out + err
        if signals == 1:
            again = [each for each in err.splitlines() if each.endswith("--execute` goes on from here")]
            assert len(again) == 1 and "remodel backfill --stage sandbox" in again[0]

    read.run("backfill", "--segments", "2", "--execute")
    told = read.run("backfill", "--segments", "2", "--execute")

    assert "backfill links: done, 32 rows" in told, "what is finished is shown as finished"
    assert "0 of" not in told
    assert re.search(r"^actuals +15\d .* 0$", told, re.MULTILINE), "and what it was compared with is still known"


def test_a_status_that_is_watched_ends_without_a_word(read: Stand) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        read.command("status", "--watch"),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**environment(), "TERM": "xterm", "COLUMNS": "80"},
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"lookups" not in shown and process.poll() is None:
        shown += os.read(ours, 4_096)
    os.kill(process.pid, signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    os.close(ours)

    assert (process.returncode, err) == (130, b"stopped\n")


def test_json_is_all_that_a_script_is_given(filled: Stand) -> None:
    process = begun(filled, "validate", "--full", "--json")
    out, err = process.communicate(timeout=300)

    assert (process.returncode, err) == (0, "")
    assert out.startswith("{")


def test_a_rollback_names_its_effects_and_needs_the_name_of_the_stage(filled: Stand) -> None:
    filled.run("validate", "--full")
    dry = filled.run("rollback", "--table", "actuals")

    assert "measures, people, links, milestones, actuals, readings" in dry
    assert "forget how far the backfill of actuals is" in dry
    assert "comparisons from before would no longer count" in dry
    assert re.search(r"^measure_data +4$", dry, re.MULTILINE)
    assert "--confirm sandbox" in filled.run("rollback", "--table", "actuals", "--execute", status=2)
    assert "rollback" not in [step["verb"] for step in filled.ask("log")]

    done = filled.run("rollback", "--table", "actuals", "--execute", "--confirm", "sandbox")

    assert re.search(r"^measure_data +4$", done, re.MULTILINE)
    assert len(done.splitlines()) < 15, "a summary"
    assert filled.ask("status")["drift"] is None
    (differs,) = [each for each in filled.ask("cutover", status=1)["checks"] if each["name"] == "full comparison"]
    assert differs["stops"]


def test_the_log_has_a_line_for_each_step(filled: Stand) -> None:
    *lines, following = filter(str.strip, filled.run("log").splitlines())

    assert [re.split(r" {2,}", each)[1] for each in lines[3:]] == ["backup", "backfill"]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d ", each) and len(each) <= 80 for each in lines[3:])
    assert following.startswith("next: ")
    assert filled.ask("log")[1]["facts"]["drift"] == {"links": 0, "milestones": 0, "actuals": 0, "readings": 0}


def test_a_rate_is_said_before_it_is_set(stand: Stand) -> None:
    assert stand.run("rate", "200").startswith("would set: 200 write units a second; now: no limit\n")
    assert stand.run("rate", "1200", "--execute").startswith("1,200 write units a second\n")
    assert stand.run("rate", "0").startswith("would set: no limit; now: 1,200 write units a second\n")


def test_a_table_that_is_missing_is_one_sentence(stand: Stand) -> None:
    stand.cloud.dynamodb.delete_table(TableName=stand.cloud.tables["quarantine"])

    told = stand.run("quarantine", "list", status=1)

    assert "Traceback" not in told
    assert stand.cloud.tables["quarantine"] in told and told.startswith("TableNotFound: expected")


def test_what_answers_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    place = ["--endpoint-url", "http://127.0.0.1:1", "--stage", "sandbox"]
    for words in (["status", *place], ["status", *place, "--prefix", "x-"]):
        done = subprocess.run([*REMODEL, *words], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("Unreachable: expected an answer from http://127.0.0.1:1")
        assert done.stderr.count("\n") == 1


def test_without_arguments_it_is_status_where_the_environment_says(stand: Stand) -> None:
    place = {"REMODEL_STAGE": "sandbox", "REMODEL_ENDPOINT_URL": stand.endpoint, "REMODEL_PREFIX": stand.cloud.prefix}
    done = subprocess.run(REMODEL, capture_output=True, text=True, env={**environment(), **place}, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("stage sandbox")
