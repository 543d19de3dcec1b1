"""`make demo`: a whole migration of an application that goes on writing, on a DynamoDB Local; ends with a verdict."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping

from rich.console import Console

from demo.cast import Cast, cast_of
from demo.live import stack_tables
from demo.screen import Screen
from demo.story import Ending, Story, StoryFailed
from demo.verbs import VerbFailed
from demo.verdict import WRONG, scan
from local_cloud import emulator
from local_cloud.cloud import Cloud, standing
from local_cloud.stage import own_folder
from remodel import fence
from remodel.errors import RemodelError
from remodel.settings import MODEL
from runner.model import DEFAULT, chosen
from runner.refusals import sentence

HEAD = (
    "remodel moves a live DynamoDB application from one data model to another. This is a whole migration: a stage called "
    "sandbox, on a DynamoDB Local, with the very functions and commands that work on AWS."
)


def main() -> int:
    asked, console, began = arguments(), Console(highlight=False), time.monotonic()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    os.environ[MODEL] = asked.model
    try:
        cast = cast_of(chosen(), asked.seed)
        with Screen(console, began) as screen:
            console.print(HEAD)
            with _endpoint(asked, screen) as (url, process):
                ending = _migrate(url, asked, cast, screen)
    except KeyboardInterrupt:
        console.print("stopped; no process and no table of the demo is left")
        return 130
    except (VerbFailed, StoryFailed, emulator.EmulatorError) as problem:
        console.print(str(problem), markup=False, soft_wrap=True)
        return 1
    except RemodelError as problem:
        console.print(sentence(problem), markup=False, soft_wrap=True)
        return 1
    _close(console, WRONG | dict(cast.terms), ending, time.monotonic() - began)
    _say_what_is_next(console, asked, url, process)
    print(ending.verdict, flush=True)
    return 0 if ending.complete else 1


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--model", default=os.environ.get(MODEL) or DEFAULT, help=f"package.module:NAME ({DEFAULT})")
    parser.add_argument("--rows", type=int, help="rows in the old tables at the start (2000, or 1000 generated ones)")
    parser.add_argument("--changes", type=int, default=500, help="changes before the cutover, at least (500)")
    parser.add_argument("--seed", type=int, default=7, help="of everything random (7)")
    parser.add_argument("--keep", action="store_true", help="leave DynamoDB Local and the tables running")
    parser.add_argument("--endpoint-url", help="a DynamoDB that is running, instead of one of its own")
    return parser.parse_args(given)


def _interrupt(*_: object) -> None:
    """A second Ctrl-C does not disturb what the first one cleans up."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _endpoint(asked: argparse.Namespace, screen: Screen) -> Iterator[tuple[str, int]]:
    """Where a DynamoDB listens; and the process id of one that was started here, or 0."""
    if asked.endpoint_url:
        yield asked.endpoint_url, 0
        return
    screen.watched = lambda: "starting DynamoDB Local (fetched once, into .cache)"
    started, done = emulator.start(outlives=asked.keep), False
    try:
        yield started.url, started.process.pid
        done = True
    finally:
        if not (asked.keep and done):
            started.stop()


def _migrate(url: str, asked: argparse.Namespace, cast: Cast, screen: Screen) -> Ending:
    done = False
    with standing(url, own_folder("demo"), f"demo-{asked.seed}-", asked.model) as cloud:
        if there := set(cloud.tables.values()) & set(cloud.dynamodb.list_tables()["TableNames"]):
            raise StoryFailed(
                f"expected no table {min(there)} at {url}, found one: choose another --seed, or delete it"
            )
        try:
            cloud.create_tables(streams=False, but=stack_tables(cast.model))
            ending = Story(screen, cloud, cast).run(asked.rows or cast.size, asked.changes)
            if not ending.verdict.converged:
                _keep_evidence(cloud, screen.console)
            done = True
        finally:
            if asked.endpoint_url and not (asked.keep and done):
                cloud.delete_tables()
    return ending


def _keep_evidence(cloud: Cloud, console: Console) -> None:
    """Every table as it was at the verdict."""
    folder = cloud.folder / "diverged"
    folder.mkdir()
    for name, table in cloud.tables.items():
        (folder / f"{name}.json").write_text(json.dumps(scan(cloud.dynamodb, table), indent=1, default=repr))
    console.print(f"every table as it was: {folder}")


def _close(console: Console, terms: Mapping[str, str], ending: Ending, seconds: float) -> None:
    done = ending.verdict
    console.print(
        f"\nPause: {ending.pause:.1f} s, from the last write to the old tables to the first one to the new tables. "
        f"({fence.BOUND:.0f} s of it pass until no call from before can write any more.)\n"
        f"Faults: {ending.kills} calls killed, {ending.repeats} batches delivered twice. The demo took {seconds:.0f} s.\n"
    )
    console.print("The terms of the verdict, with what was found:")
    for name, count in done.terms.items():
        console.print(f"  {name:<21}{count:>5}  {terms[name]}", soft_wrap=True)
    for told in done.examples():
        console.print(told, markup=False, soft_wrap=True)


def _say_what_is_next(console: Console, asked: argparse.Namespace, url: str, process: int) -> None:
    is_own = asked.model == DEFAULT
    setting, model = ("", "") if is_own else (f" {MODEL}={asked.model}", f"--model {asked.model} ")
    if asked.keep:
        lines = [
            "The tables are kept. To look around:",
            f"  export REMODEL_STAGE=sandbox REMODEL_ENDPOINT_URL={url} REMODEL_PREFIX=demo-{asked.seed}-{setting}",
            "  .venv/bin/remodel status",
            "  .venv/bin/remodel log",
            "  .venv/bin/remodel quarantine list",
            "  .venv/bin/remodel rollback      (a dry run: what the way back would do)",
            *([f"  kill {process}      (ends DynamoDB Local, and its tables)"] if process else []),
        ]
    else:
        lines = [
            "Next:",
            f'  make demo ARGS="{model}--keep"      keeps the tables, to look around with `remodel status`',
            "  docs/try-it.md               the same by hand, command by command",
            "  docs/deploy.md               a stage on AWS",
        ]
    console.print("\n" + "\n".join(lines) + "\n", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
