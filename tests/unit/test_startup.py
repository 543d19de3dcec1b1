"""A function starts without looking for garbage that is not there."""

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
