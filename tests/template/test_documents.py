"""docs/deploy.md says what each parameter is for, and what it types exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from local_cloud.document import load

ROOT = Path(__file__).parents[2]
DOCUMENT: Any = load(ROOT / "template.yaml")
TEXT = (ROOT / "docs/deploy.md").read_text()


def explained(text: str) -> list[str]:
    """The parameters in the first column of the table of parameters."""
    rows = re.findall(r"^\| (`.+?) \| .{10,} \|$", text.split("## Parameters")[1], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_parameter_is_explained_once() -> None:
    assert sorted(explained(TEXT)) == sorted(DOCUMENT["Parameters"])


def test_a_parameter_without_an_explanation_is_noticed() -> None:
    assert "LogLevel" not in explained(TEXT.replace("| `LogLevel` |", "| |"))


def test_what_is_typed_exists() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    stages = re.findall(r"--config-env (\w+)", TEXT)

    assert stages
    assert all(stage in config for stage in stages)
    assert set(re.findall(r"(\w+)=(?:arn|…)", TEXT)) <= DOCUMENT["Parameters"].keys()
    assert all(name in DOCUMENT["Outputs"] for name in re.findall(r"output `(\w+)`", TEXT))
    runbook = (ROOT / "docs/runbook.md").read_text()
    assert all(name in DOCUMENT["Outputs"] for name in re.findall(r"output `(\w+)`", runbook))
