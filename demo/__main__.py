"""`make demo`: seeds the old tables, starts replication, keeps writing, goes through the verbs, and prints the verdict."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from demo.rows import DATA, Rows
from demo.traffic import Writer
from demo.verdict import NEW, Verdict, scan, verdict
from local_cloud import emulator
from local_cloud.cloud import Cloud, standing
from local_cloud.poller import Faults
from remodel.items import Item

console = Console()

SIGN = 1.5
"""Seconds in which a poller gives its first sign of life."""

SWEEP, DEAD = 2.0, 15.0
"""Seconds between two sweeps, and after which a call that is not done has died: here a function is killed within its first half
second, or not at all."""

ENDS = 600.0
"""Seconds after which something hangs."""

BATCH = 25
"""Rows of one request."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--measures", type=int, default=300, help="measures, with 0 to 5 links each (300)")
    parser.add_argument("--rows", type=int, default=6_000, help="rows in the four old tables at the start (6000)")
    parser.add_argument("--changes", type=int, default=1_500, help="changes at the least, while it runs (1500)")
    parser.add_argument("--seed", type=int, default=7, help="of everything random (7)")
    parser.add_argument("--engine", choices=["local"], default="local", help="DynamoDB Local, started for this run")
    parser.add_argument("--endpoint-url", help="instead: a DynamoDB that is running, streams and all")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    folder = own_folder()
    with endpoint(asked.endpoint_url) as url, standing(url, folder, f"demo-{asked.seed}-") as cloud:
        try:
            return migrate(cloud, asked)
        finally:
            if asked.endpoint_url:
                cloud.delete_tables()


def own_folder() -> Path:
    """Logs, failed batches and the report of this run. The folders of runs that have ended are removed."""
    every = emulator.CACHE / "demo"
    for each in every.glob("[0-9]*"):
        if not is_running(int(each.name)):
            shutil.rmtree(each, ignore_errors=True)
    return every / str(os.getpid())


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        pass
    return True


@contextlib.contextmanager
def endpoint(given: str | None) -> Iterator[str]:
    if given:
        yield given
        return
    console.print("starting DynamoDB Local (fetched once into .cache)")
    with emulator.running() as url:
        yield url


def migrate(cloud: Cloud, asked: argparse.Namespace) -> int:
    began = time.monotonic()
    cloud.create_tables(streams=False, but=NEW)
    rows = Rows(random.Random(asked.seed), [], [])
    seeded = seed(cloud, rows, asked)
    console.print("the application goes on writing from here on")
    writers = start_writers(cloud, rows, seeded, asked)
    remodel(cloud, "plan")
    remodel(cloud, "backup", "--execute")
    remodel(cloud, "prepare", "--execute")
    faults = Faults(kill=0.06, again=0.1, random=random.Random(asked.seed + 1))
    cloud.start_pollers(faults)
    cloud.start_schedule("Sweep", {"older_than": DEAD}, SWEEP)
    console.print(
        "\nthe stage is deployed, and its streams are read; now and then a function is killed, or given a batch twice"
    )
    for writer in writers:
        writer.brisk = int(0.9 * asked.changes / len(writers))
    time.sleep(SIGN)
    remodel(cloud, "backfill", "--segments", "2", "--execute")
    with progress() as bars:
        write_on(writers, asked.changes, bars)
        drain(cloud, bars)
        settle(cloud, bars)
    agreed = remodel(cloud, "validate", "--full", "--report", str(cloud.folder / "report.html"))
    remodel(cloud, "status")
    crossed = remodel(cloud, "cutover", *accepted(cloud), "--execute")
    remodel(cloud, "log")
    done = verdict(cloud.dynamodb, cloud.tables)
    tell(cloud, writers, faults, done, time.monotonic() - began)
    if not done.converged:
        keep_evidence(cloud)
    complete = faults.kills > 0 and faults.redelivered > 0 and not any(cloud.folder.glob("failed/*"))
    return 0 if done.converged and agreed and crossed and complete else 1


def seed(cloud: Cloud, rows: Rows, asked: argparse.Namespace) -> dict[str, dict[str, Item]]:
    """What was there before anybody thought of migrating."""
    rows.users = [rows.guid() for _ in range(40)]
    rows.measures = [rows.guid() for _ in range(asked.measures)]
    tables: dict[str, list[Item]] = {name: [] for name in ("links", *DATA)}
    for measure in rows.measures:
        tables["links"] += [rows.link(rows.guid(), measure) for _ in range(rows.random.choice([0, 1, 1, 2, 3, 5]))]
    for n in range(asked.rows - len(tables["links"])):
        source = DATA[n % len(DATA)]
        tables[source].append(rows.data(source, rows.guid(), rows.random.choice(rows.measures)))
    tables = {
        name: [rows.poison(row) if rows.random.random() < 0.01 else row for row in items]
        for name, items in tables.items()
    }
    looked_up = {
        "measures": [rows.measure(measure) for measure in rows.measures if rows.random.random() < 0.95],
        "people": [rows.person(user) for user in rows.users if rows.random.random() < 0.8],
    }
    with progress() as bars:
        bar = bars.add_task("seeding the old tables", total=sum(map(len, (tables | looked_up).values())))
        for name, items in (tables | looked_up).items():
            for n in range(0, len(items), BATCH):
                chunk = items[n : n + BATCH]
                puts = [{"PutRequest": {"Item": item}} for item in chunk]
                cloud.dynamodb.batch_write_item(RequestItems={cloud.tables[name]: puts})  # type: ignore[dict-item]
                bars.advance(bar, len(chunk))
    return {name: {item["id"]["S"]: item for item in items} for name, items in (tables | looked_up).items()}


def start_writers(
    cloud: Cloud,
    rows: Rows,
    seeded: dict[str, dict[str, Item]],
    asked: argparse.Namespace,
    count: int = 2,
    pause: float = 0.05,
) -> list[Writer]:
    writers = []
    for n in range(count):
        mine = {name: dict(list(items.items())[n::count]) for name, items in seeded.items()}
        own = Rows(random.Random(f"{asked.seed} {n}"), rows.measures, rows.users)
        writers.append(Writer(cloud.dynamodb, cloud.tables, own, mine, pause))
    for writer in writers:
        threading.Thread(target=writer.run, daemon=True).start()
    return writers


def remodel(cloud: Cloud, *words: str) -> bool:
    """One verb, as a person types it, in a process of its own. Whether its exit status was 0."""
    where = ["--stage", "sandbox", "--endpoint-url", cloud.endpoint, "--prefix", cloud.prefix]
    console.print(f"\n$ remodel {words[0]} {' '.join([*where, *words[1:]])}", soft_wrap=True, highlight=False)
    sys.stdout.flush()
    return (
        subprocess.run([sys.executable, "-m", "runner.cli", words[0], *where, *words[1:]], check=False).returncode == 0
    )


def accepted(cloud: Cloud) -> list[str]:
    """Every row that is in quarantine may stay there."""
    where = ["--stage", "sandbox", "--endpoint-url", cloud.endpoint, "--prefix", cloud.prefix, "--json"]
    gate = subprocess.run([sys.executable, "-m", "runner.cli", "cutover", *where], capture_output=True, check=False)
    return [word for each in json.loads(gate.stdout)["refused"] for word in ("--accept", each["accept"])]


def write_on(writers: list[Writer], changes: int, bars: Progress) -> None:
    """Until there were as many changes as asked for."""
    bar = bars.add_task("changing the old tables", total=changes)
    while (made := sum(writer.done.total() for writer in writers)) < changes:
        bars.update(bar, completed=made)
        time.sleep(0.2)
        check(writers)
    for writer in writers:
        writer.stopping.set()
    time.sleep(0.5)
    check(writers)
    bars.update(bar, completed=sum(writer.done.total() for writer in writers))


def keep_evidence(cloud: Cloud) -> None:
    """Every table as it was at the verdict, for whoever looks into a divergence."""
    folder = cloud.folder / "diverged"
    folder.mkdir()
    for name, table in cloud.tables.items():
        (folder / f"{name}.json").write_text(json.dumps(scan(cloud.dynamodb, table), indent=1, default=repr))
    console.print(f"every table as it was: {folder}")


def check(writers: list[Writer]) -> None:
    for writer in writers:
        if writer.problem is not None:
            raise writer.problem


def drain(cloud: Cloud, bars: Progress) -> None:
    bar = bars.add_task("draining the streams", total=1)
    if not cloud.drain(ENDS):
        raise TimeoutError(
            f"expected the streams to be read to their end within {ENDS:.0f} s: see {cloud.folder}/*.log"
        )
    bars.update(bar, completed=1)


def settle(cloud: Cloud, bars: Progress) -> None:
    """Until the sweeper has finished what killed calls began."""
    bar = bars.add_task("sweeping", total=1)
    deadline = time.time() + ENDS
    while True:
        said = cloud.functions["Sweep"].invoke({"older_than": DEAD})
        if not said["left"] and not said["stalled"]:
            bars.update(bar, completed=1)
            return
        if time.time() > deadline:
            raise TimeoutError(f"expected no open note within {ENDS:.0f} s, found {said}: see {cloud.folder}/Sweep.log")
        time.sleep(SWEEP)


class TaskSpeedColumn(ProgressColumn):
    """Rows or changes a second, so far."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f}/s" if speed else "")


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<26}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def tell(cloud: Cloud, writers: list[Writer], faults: Faults, done: Verdict, seconds: float) -> None:
    kinds = sum((writer.done for writer in writers), start=writers[0].done.__class__())
    console.print(f"changes   {kinds.total()}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())))
    records = sum(poller.records for poller in cloud.pollers.values())
    console.print(f"streams   {records} records; {faults.kills} kills in mid-batch, {faults.redelivered} batches twice")
    console.print("old rows  " + ", ".join(f"{n} {name}" for name, n in done.old.items()))
    console.print("new rows  " + ", ".join(f"{n} {name}" for name, n in done.new.items()))
    console.print(f"took      {seconds:.0f} s")
    for what in ("missing", "orphaned", "misfiled"):
        for table, id in getattr(done, what)[:5]:
            console.print(f"  {what}: {table} {id}")
    for (table, id), fields in list(done.different.items())[:5]:
        console.print(f"  different: {table} {id} {fields}")
    print(done, flush=True)


if __name__ == "__main__":
    sys.exit(main())
