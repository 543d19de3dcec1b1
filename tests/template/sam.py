"""SAM's own command line, as the tests of this folder call it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".cache/sam/bin/sam"


def sam(*arguments: str, cwd: Path, path: str = "") -> str:
    """`path`: a folder of programs that are found before all others. Fails where SAM does."""
    done = subprocess.run(
        [str(SAM), *arguments], cwd=cwd, env=found_first(path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def found_first(path: str) -> dict[str, str]:
    """The environment, with this folder of programs before all others."""
    return {
        **os.environ,
        "SAM_CLI_TELEMETRY": "0",
        "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"],
    }
