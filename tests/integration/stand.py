"""A DynamoDB Local with everything on it, and the command line: called in this process, or typed into one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from local_cloud.cloud import Cloud
from runner.cli import app

REMODEL = [sys.executable, "-m", "runner.cli"]
"""As installed, `remodel` is this module's `app`."""
PREFIX = "runner-"


def environment() -> dict[str, str]:
    return dict(os.environ)


def typed(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, cwd=folder, env=environment()
    )


class Stand:
    def __init__(self, endpoint: str, folder: Path) -> None:
        self.endpoint = endpoint
        self.cloud = Cloud(endpoint, folder, PREFIX)

    def command(self, *arguments: str) -> list[str]:
        return [*REMODEL, *self._words(*arguments)]

    def run(self, *arguments: str, status: int = 0) -> str:
        done = self._called(*arguments, status=status)
        return done.stdout + done.stderr

    def ask(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self._called(*arguments, "--json", status=status).stdout)

    def put(self, source: str, *rows: Any) -> None:
        for row in rows:
            self.cloud.dynamodb.put_item(TableName=self.cloud.tables[source], Item=row)

    def _called(self, *arguments: str, status: int) -> Result:
        with chdir(self.cloud.folder):
            done = CliRunner().invoke(app, self._words(*arguments))
        assert done.exit_code == status, (done.exit_code, done.stdout, done.stderr, done.exception)
        return done

    def _words(self, *arguments: str) -> list[str]:
        where = ["--stage", "sandbox", "--endpoint-url", self.endpoint, "--prefix", PREFIX]
        words = 2 if arguments[0] == "quarantine" else 1
        return [*arguments[:words], *where, *arguments[words:]]
