"""A function starts without looking for garbage that is not there, and the command line without what its help does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud.emulator import ROOT, credentials
from local_cloud.template import Template

FUNCTIONS = sorted((ROOT / "functions").glob("*/app.py"))

TOLD = """
import gc, json, sys
sys.path.insert(0, sys.argv[1])
import app
walks = gc.get_stats()[0]["collections"]
app.wired()
print(json.dumps({"walks": walks, "frozen": gc.get_freeze_count()}))
"""

WALKS = 40
"""Of the young objects, while a function is imported; 100 where the first import is not the one that says how often."""


@pytest.mark.parametrize("app", FUNCTIONS, ids=lambda each: each.parent.name)
def test_imports_are_not_searched_for_garbage(app: Path) -> None:
    functions = Template(ROOT / "template.yaml", {"Stage": "sandbox"}).functions()
    own = next(each.environment for each in functions if each.code.name == app.parent.name)
    around = {**os.environ, **credentials(), **own, "PYTHONPATH": str(ROOT / "shared")}

    done = subprocess.run(
        [sys.executable, "-c", TOLD, str(app.parent)], env=around, capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)

    assert said["walks"] < WALKS
    assert said["frozen"] > 50_000


@pytest.mark.parametrize(
    ("modules", "unneeded"),
    [
        ("runner.cli", ("rich", "pydantic", "botocore", "yaml", "tomlkit", "jinja2")),
        ("runner.cli, runner.here, runner.aws, runner.show, runner.status, runner.bars", ("boto3", "jinja2")),
    ],
)
def test_the_command_line_imports_what_it_needs(modules: str, unneeded: tuple[str, ...]) -> None:
    told = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not set(unneeded) & set(done.stdout.split())
