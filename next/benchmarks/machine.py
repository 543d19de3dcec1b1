"""Where it was measured: the machine, what else it was doing, and the version of everything that counts."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import rivals
from local_cloud import emulator

PACKAGES = ("boto3", "botocore", "pydantic", "aws-lambda-powertools")


def described() -> dict[str, Any]:
    """Everything that names the run, but the command and what the machine did meanwhile."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory()} GB",
        "system": f"{platform.system()} {platform.release()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
            "emulator": emulator.PACKAGE,
            "java": _first_line([emulator.java(), "-version"]),
            **rivals.VERSIONS,
        },
        "commit": _first_line(["git", "rev-parse", "--short", "HEAD"]),
    }


def load() -> float:
    """How many processes wanted to run in the last minute, in the mean."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    lines = _lines("/proc/cpuinfo")
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _memory() -> int:
    lines = _lines("/proc/meminfo")
    return next((round(int(line.split()[1]) / 2**20) for line in lines if line.startswith("MemTotal")), 0)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().split("\n")[0]
