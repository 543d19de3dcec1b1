"""checkov's policies for CloudFormation, each exception explained where it stands."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests.template.transformed import expanded

ROOT = Path(__file__).parents[2]
CHECKOV = ROOT / ".cache/checkov/bin/checkov"

EXPLAINED = {
    "CKV_AWS_115": "reserved concurrency takes from the account's; a shard needs one execution at a time, and throttles alarm",
    "CKV_AWS_116": "dead-letter queues are for asynchronous calls: streams have a failure bucket, and the schedule an alarm",
    "CKV_AWS_117": "the functions speak to DynamoDB, S3 and CloudWatch alone; a VPC would add a way out to be guarded",
    "CKV_AWS_173": "the environment holds names of tables, nothing secret; AWS encrypts it with a key of its own",
    "CKV_AWS_119": "the customer's own key where KmsKeyArn names one (checkov does not look behind !If), else AWS's",
    "CKV_AWS_158": "CloudWatch encrypts logs with a key of its own; they hold no row content",
    "CKV_AWS_26": "CloudWatch cannot publish to a topic under AWS's key for SNS; the messages are alarms' descriptions",
    "CKV_AWS_18": "only Lambda writes there and only people read; CloudTrail's data events tell of it where they are wanted",
    "CKV_AWS_27": "the queues hold ids of groups alone, under SQS's own encryption",
    "CKV_AWS_28": "the old tables of a sandbox alone: they are there to be broken",
}
SANDBOX_ALONE = "CKV_AWS_28"


@cache
def failed() -> list[Any]:
    """checkov knows no loops: it is shown the template without them."""
    began = time.monotonic()
    file = Path(tempfile.mkdtemp()) / "template.json"
    file.write_text(json.dumps(expanded()))
    command = [
        str(CHECKOV),
        "--file",
        str(file),
        "--framework",
        "cloudformation",
        "--output",
        "json",
        "--compact",
    ]
    done = subprocess.run([*command, "--skip-download"], cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    print(f"checkov: {report['summary']}, {time.monotonic() - began:.1f} s")
    assert report["summary"]["passed"] > 100
    return list(report["results"]["failed_checks"])


def test_what_checkov_objects_to_is_explained() -> None:
    assert not [(each["check_id"], each["resource"], each["check_name"]) for each in failed() if not _explained(each)]


def test_nothing_is_explained_in_vain() -> None:
    """An explanation that nothing needs any more would hide the next one."""
    assert {each["check_id"] for each in failed()} == EXPLAINED.keys()


def test_an_exception_for_the_sandbox_is_for_the_sandbox() -> None:
    assert not _explained({"check_id": SANDBOX_ALONE, "resource": "AWS::DynamoDB::Table.Index"})


def _explained(each: Any) -> bool:
    return each["check_id"] in EXPLAINED and (each["check_id"] != SANDBOX_ALONE or ".Sandbox" in each["resource"])
