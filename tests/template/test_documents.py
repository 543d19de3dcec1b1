"""docs/deploy.md says what each parameter is for, and what it types exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from local_cloud.document import load
from remodel.compare import EXAMPLES
from remodel.notes import KEPT
from runner.readiness import RETENTION_DAYS

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


SECURITY = (ROOT / "docs/security.md").read_text()
KEEPS = {"DynamoDB::Table", "S3::Bucket", "SQS::Queue", "Logs::LogGroup", "CloudWatch::Dashboard", "SNS::Topic"}
"""Types that store something."""


def stored() -> str:
    """The first columns of the table of what is stored."""
    table = SECURITY.split("## What is stored")[1].split("\n## ")[0]
    return "\n".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| "))


def test_security_names_everything_that_stores() -> None:
    resources = {id: each["Type"].removeprefix("AWS::") for id, each in DOCUMENT["Resources"].items()}
    keeping = {id for id, kind in resources.items() if kind in KEEPS and not id.startswith("Sandbox")}

    assert len(keeping) == 10
    assert {id for id in keeping if f"`{id}`" not in stored()} == set()


def test_security_names_how_long() -> None:
    bucket = DOCUMENT["Resources"]["FailedBatches"]["Properties"]["LifecycleConfiguration"]["Rules"][0]
    queues = [DOCUMENT["Resources"][id]["Properties"]["MessageRetentionPeriod"] for id in ("Fanouts", "FailedFanouts")]
    days = sorted({each["LogRetentionDays"] for each in DOCUMENT["Mappings"]["Stages"].values()})

    assert f"`FailedBatchDays` ({DOCUMENT['Parameters']['FailedBatchDays']['Default']})" in SECURITY
    assert f"and {bucket['NoncurrentVersionExpiration']['NoncurrentDays']} days more" in SECURITY
    assert "| 14 days |" in SECURITY and queues == [14 * 86_400] * 2
    assert f"| {days[0]}, {days[1]} or {days[2]} days, " in SECURITY
    assert f"a note for {KEPT // 86_400} days" in SECURITY
    assert f"{RETENTION_DAYS} days after the *cutover*" in SECURITY
    assert SECURITY.count(f"up to {EXAMPLES} rows") == 2


def test_security_names_every_function_and_no_more() -> None:
    rows = SECURITY.split("| who | reads content | writes |")[1].split("\n\n")[0]
    functions = {id for id, each in DOCUMENT["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}
    named = set(re.findall(r"`([A-Z]\w+)`", rows))

    assert named == {id for id in functions if not id.startswith("Replicate")}
    assert "`Replicate…`" in rows


def test_what_security_says_was_tried_is_there() -> None:
    paths = re.findall(r"`(tests/\S+?)`", SECURITY)

    assert len(paths) > 8
    assert all((ROOT / path).exists() for path in paths)
