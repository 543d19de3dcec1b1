"""A process that does one thing and says what that took; and whole processes, of whatever language, from outside.

Run as `python -m benchmarks.process JOB ARGUMENT…` it prints one line of JSON: CPU and wall seconds of the work alone,
and the most memory (KB) that the process ever had. `started` asks the system for all of a process, start included.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import spent


@dataclass(frozen=True, slots=True)
class Told:
    """What a process said of its work. `answer`: what the work answered, for a check."""

    cpu: float
    wall: float
    memory: int
    answer: Any


def started(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> tuple[float, float, str]:
    """CPU and wall seconds of these processes, one after the other, from start to end; and what the last one said."""
    before, began, said = _children(), time.perf_counter(), ""
    for command in commands:
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"expected `{' '.join(command)}` to work, but: {(done.stderr or done.stdout)[-2000:]}")
        said = done.stdout
    return _children() - before, time.perf_counter() - began, said


def job(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.process", *arguments]


def told(said: str) -> Told:
    return Told(**json.loads(said.strip().split("\n")[-1]))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _call(code: str, *events: str) -> Any:
    """Events, in JSON, to the handler in this folder, one after the other; a cursor is followed to its end."""
    from benchmarks.stage import loaded

    handle = loaded(Path(code), {})
    asked = [json.loads(event) if event.startswith("{") else json.loads(Path(event).read_text()) for event in events]

    def work() -> None:
        for event in asked:
            answer = handle(event)
            while answer.get("cursor"):
                answer = handle({**event, "cursor": answer["cursor"]})
            work.answer = answer  # type: ignore[attr-defined]

    return work


def _scan_and_write(path: str, *tables: str) -> Callable[[], None]:
    """Scans these tables and sends the requests that were recorded (none where `path` is `-`)."""
    from benchmarks.replicate import send
    from benchmarks.stage import client

    made = client(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
    requests = [] if path == "-" else pickle.loads(Path(path).read_bytes())  # noqa: S301 (our own file)

    def work() -> None:
        count = 0
        for table in tables:
            start: dict[str, Any] = {}
            while True:
                page = (
                    made.scan(TableName=table, Limit=1_000, **start)
                    if path != "-"
                    else made.scan(TableName=table, **start)
                )
                count += len(page["Items"])
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        send(made, requests)
        work.answer = {"scanned": count}  # type: ignore[attr-defined]

    return work


JOBS: dict[str, Callable[..., Any]] = {"call": _call, "scan-and-write": _scan_and_write}


def main(name: str, *arguments: str) -> None:
    work = JOBS[name](*arguments)
    used = spent(work)
    print(json.dumps(asdict(Told(used.cpu, used.wall, _most_memory(), work.answer))))


def _most_memory() -> int:
    """In KB. The system's own figure for a process (`ru_maxrss`) begins with what the one had that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(*sys.argv[1:])
