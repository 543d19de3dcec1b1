"""`make sbom` says in CycloneDX what is locked, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_bill_of_materials_is_the_lock() -> None:
    subprocess.run(["make", "sbom"], cwd=ROOT, capture_output=True, text=True, check=True)

    for name, lock in {"requirements": "shared/requirements.txt", "dev": "locks/dev.txt"}.items():
        found: Any = json.loads((ROOT / f"reports/sbom-{name}.json").read_text())
        text = (ROOT / lock).read_text()
        named = {(each["name"], each["version"]) for each in found["components"]}
        hashes = {one["content"] for each in found["components"] for one in each["externalReferences"][0]["hashes"]}

        assert (found["bomFormat"], found["metadata"]["component"]["name"]) == ("CycloneDX", "remodel")
        assert named == set(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))
        assert hashes == set(re.findall(r"sha256:(\w+)", text))
