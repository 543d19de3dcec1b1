"""From nothing to ready: a fresh interpreter that imports a function and makes its client, beside one with a client only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from benchmarks.measure import FLOOR, OURS, Figure, in_turns
from benchmarks.process import started
from benchmarks.stage import FOLDER
from local_cloud.cloud import Cloud
from local_cloud.emulator import credentials

CLIENT = "import boto3; boto3.client('dynamodb')"
READY = "import sys; sys.path.insert(0, {!r}); import app; app.wired()"


def figures(endpoint: str, rounds: int) -> Iterator[Figure]:
    functions = {each.function.code: each.function for each in Cloud(endpoint, FOLDER).functions.values()}
    for code, function in sorted(functions.items()):
        figure = Figure(f"cold start of {code.name}: CPU from process start to ready", "ms")
        surroundings = {**credentials(), **function.environment}
        runs = {
            OURS: partial(started, [[sys.executable, "-c", READY.format(str(code))]], surroundings),
            FLOOR: partial(started, [[sys.executable, "-c", CLIENT]], surroundings),
        }
        in_turns(0, runs)  # once for the file system and the byte code
        for number in range(rounds):
            for name, (cpu, _wall, _said) in in_turns(number, runs).items():
                figure.add(name, cpu * 1e3)
        figure.at_most(1.3, of=FLOOR)
        yield figure
