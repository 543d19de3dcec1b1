"""A DynamoDB Local with everything on it, and the command line, in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from local_cloud.cloud import Cloud

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
        where = ["--stage", "sandbox", "--endpoint-url", self.endpoint, "--prefix", PREFIX]
        words = 2 if arguments[0] == "quarantine" else 1
        return [*REMODEL, *arguments[:words], *where, *arguments[words:]]

    def run(self, *arguments: str, status: int = 0) -> str:
        done = typed(self.command(*arguments), self.cloud.folder)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def ask(self, *arguments: str, status: int = 0) -> Any:
        done = typed(self.command(*arguments, "--json"), self.cloud.folder)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def put(self, source: str, *rows: Any) -> None:
        for row in rows:
            self.cloud.dynamodb.put_item(TableName=self.cloud.tables[source], Item=row)
