"""The template as CloudFormation gets it: the loops expanded, and what SAM's own transform makes of it, without an account."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from local_cloud.document import load, plain

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache/sam/bin/python"

# In SAM's own environment, which has the translator and is no dependency of ours.
TRANSFORM = """
import json, sys, boto3
from samtranslator.translator.translator import Translator
from samtranslator.parser.parser import Parser

document = json.load(sys.stdin)
for resource in document["Resources"].values():
    for name in ("CodeUri", "ContentUri", "DefinitionUri"):
        if name in resource.get("Properties", {}):
            resource["Properties"][name] = "s3://bucket/key"
session = boto3.Session(region_name="eu-west-1")
print(json.dumps(Translator({}, Parser(), boto_session=session).translate(document, {})))
"""


def expanded() -> Any:
    """Without its loops, before SAM's transform."""
    return {**plain(load(ROOT / "template.yaml")), "Transform": "AWS::Serverless-2016-10-31"}


@cache
def _text() -> str:
    done = subprocess.run(
        [str(PYTHON), "-c", TRANSFORM], input=json.dumps(expanded()), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def transformed() -> Any:
    """A copy of its own for each caller, to break as it likes."""
    return json.loads(_text())


def of_type(template: Any, kind: str) -> dict[str, Any]:
    """The properties of all resources of a type, by logical id."""
    return {id: each.get("Properties", {}) for id, each in template["Resources"].items() if each["Type"] == kind}
