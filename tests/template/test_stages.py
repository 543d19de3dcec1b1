"""What differs between the stages stands in one place, and the README shows it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from local_cloud.document import load
from local_cloud.template import Template

ROOT = Path(__file__).parents[2]
DOCUMENT: Any = load(ROOT / "template.yaml")
HEAD = (
    "| stage | old tables | logs kept | deletion protection | alarms on event source mappings | asks before a change |"
)
STAGES: dict[str, dict[str, Any]] = DOCUMENT["Mappings"]["Stages"]


def table() -> str:
    """The stages as the README shows them: `python -m tests.template.test_stages` prints it."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    lines = [HEAD, "|---|---|---|---|---|---|"]
    for stage, differs in STAGES.items():
        own = Template(ROOT / "template.yaml", {"Stage": stage}).tables()
        old = "created by the stack" if any("StreamSpecification" in each for each in own) else "given"
        alarms = "yes" if Template(ROOT / "template.yaml", {"Stage": stage})._condition("HasMappingAlarms") else "no"
        asks = "yes" if config[stage]["deploy"]["parameters"].get("confirm_changeset") else "no"
        lines.append(
            f"| {stage} | {old} | {differs['LogRetentionDays']} days | {differs['DeletionProtection']} "
            f"| {alarms} | {asks} |"
        )
    return "\n".join(lines)


def test_the_readme_shows_what_differs() -> None:
    assert table() in (ROOT / "README.md").read_text()


def test_every_stage_has_every_value() -> None:
    assert list(STAGES) == DOCUMENT["Parameters"]["Stage"]["AllowedValues"]
    assert len({frozenset(differs) for differs in STAGES.values()}) == 1
    assert table().endswith("| yes | yes | yes |"), "prod is protected and asks"


@pytest.mark.parametrize("stage", list(STAGES))
def test_a_stage_keeps_what_must_not_be_deleted(stage: str) -> None:
    protected = Template(ROOT / "template.yaml", {"Stage": stage})._condition("IsProtected")

    assert protected == (stage in ("staging", "prod"))


def test_an_emulator_needs_no_alarms_on_event_source_mappings() -> None:
    assert not Template(ROOT / "template.yaml", {"Stage": "prod", "ReaderAlarms": "false"})._condition(
        "HasMappingAlarms"
    )


def test_no_stage_is_told_from_another_anywhere_else() -> None:
    """The one condition on a stage's name is for the sandbox's own tables."""
    text = (ROOT / "template.yaml").read_text()
    named = {line.strip() for line in text.splitlines() if re.search(r"!Equals \[!Ref Stage, ", line)}

    assert all("sandbox" in line for line in named)
    assert "LogRetention" not in (ROOT / "samconfig.toml").read_text()


if __name__ == "__main__":
    print(table())
