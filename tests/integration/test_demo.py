"""The demo itself, in small: it converges through kills and second deliveries, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from demo.measures import Measures
from demo.verdict import WRONG
from local_cloud.cloud import client

ROOT = Path(__file__).parents[2]
SMALL = [sys.executable, "-m", "demo", "--rows", "300", "--changes", "150"]

ENDS = 900
"""Seconds after which a run hangs."""


@pytest.fixture
def environment() -> Mapping[str, str]:
    """With a mark that tells the processes of this run from others."""
    return {**os.environ, "DEMO_RUN": uuid4().hex}


def processes(*marks: str) -> Iterator[tuple[str, str]]:
    """Id and command line of each process with one of the marks in its environment or command line."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (path / "cmdline").read_text(), (path / "environ").read_text()
        except (OSError, UnicodeDecodeError):
            continue
        if any(mark in command or mark in environment for mark in marks):
            yield path.name, command


def emulators(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The DynamoDB Local of this run: process id and endpoint."""
    found = [(id, command) for id, command in processes(environment["DEMO_RUN"]) if "DynamoDBLocal.jar" in command]
    return [(id, f"http://127.0.0.1:{re.findall('[0-9]+', command)[-1]}") for id, command in found]


def left_behind(*marks: str) -> list[tuple[str, str]]:
    """What is still there when processes have had the time to end."""
    deadline = time.monotonic() + ENDS
    while (left := list(processes(*marks))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def begun(environment: Mapping[str, str], *options: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*SMALL, *options], cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


@pytest.mark.timeout(ENDS + 60)
def test_it_converges(environment: Mapping[str, str]) -> None:
    done = subprocess.run(SMALL, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=ENDS)

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    lines = done.stdout.strip().splitlines()
    assert lines[-1].startswith("verdict: converged  missing=0 different=0 orphaned=0 "), lines[-1]
    terms = WRONG | Measures.terms
    assert re.findall(r"(\w+)=", lines[-1]) == list(terms)
    explained = {words[0]: words[1] for line in lines[:-1] if (words := line.split()) and words[0] in terms}
    assert explained == dict(re.findall(r"(\w+)=(\d+)", lines[-1]))
    assert re.search(r"Pause: \d+\.\d s", done.stdout)
    assert not any(mark in done.stdout for mark in "{}"), "no JSON on the screen"
    assert not left_behind(environment["DEMO_RUN"])


@pytest.mark.slow
@pytest.mark.timeout(ENDS + 60)
@pytest.mark.parametrize("model", ["shop.model:MODEL", "social.model:MODEL"])
def test_that_of_another_model_converges(environment: Mapping[str, str], model: str) -> None:
    command = [*SMALL, "--model", model]

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=ENDS)

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    (*told, last) = done.stdout.strip().splitlines()
    assert last.startswith("verdict: converged  missing=0 different=0 orphaned=0 "), last
    assert f'make demo ARGS="--model {model} --keep"' in "\n".join(told)
    assert not left_behind(environment["DEMO_RUN"])


@pytest.mark.parametrize("model", ["nowhere.model:MODEL", "shop.model:SHOP"])
def test_a_model_that_is_none(environment: Mapping[str, str], model: str) -> None:
    command = [*SMALL, "--model", model]

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=ENDS)

    assert done.returncode == 1
    (told,) = done.stdout.splitlines()
    assert told.startswith("ModelNotFound: expected ")
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.timeout(ENDS + 60)
def test_with_keep_the_verbs_work_on_what_is_left(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [*SMALL, "--keep"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=ENDS
    )
    try:
        assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
        (place,) = re.findall(r"^ *export (.+)$", done.stdout, re.MULTILINE)
        kept = dict(each.split("=", 1) for each in place.split())
        typed = re.findall(r"^ *\.venv/bin/remodel ([\w ]+?) *(?:\(.*)?$", done.stdout, re.MULTILINE)
        assert len(typed) > 3
        for words in typed:
            command = [sys.executable, "-m", "runner.cli", *words.split()]
            said = subprocess.run(command, env={**environment, **kept}, capture_output=True, text=True, check=False)
            assert said.returncode == 0, (words, said.stdout, said.stderr)
        (stop,) = re.findall(r"^ *kill (\d+)", done.stdout, re.MULTILINE)
        assert [id for id, _ in emulators(environment)] == [stop]
    finally:
        for id, _ in emulators(environment):
            os.kill(int(id), signal.SIGTERM)
    assert not left_behind(environment["DEMO_RUN"])


@pytest.mark.timeout(ENDS + 60)
@pytest.mark.parametrize(
    "after",
    [
        "changes",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("DynamoDB Local", "remodel backfill", "remodel validate")
        ),
    ],
)
def test_nothing_is_left_behind_after_ctrl_c(environment: Mapping[str, str], after: str) -> None:
    process = begun(environment)
    assert process.stdout is not None
    while after not in (line := process.stdout.readline()):
        assert line, process.communicate()
    endpoints = [url for _, url in emulators(environment)]

    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=ENDS)

    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err
    assert not left_behind(environment["DEMO_RUN"], *endpoints)


@pytest.mark.timeout(ENDS + 60)
def test_no_table_is_left_on_a_given_endpoint_after_ctrl_c(environment: Mapping[str, str], endpoint: str) -> None:
    process = begun(environment, "--endpoint-url", endpoint, "--seed", "11")
    assert process.stdout is not None
    while "remodel backfill" not in (line := process.stdout.readline()):
        assert line, process.communicate()

    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=ENDS)

    assert process.returncode == 130
    assert not [name for name in client(endpoint).list_tables()["TableNames"] if name.startswith("demo-11-")]
    assert not left_behind(environment["DEMO_RUN"])
