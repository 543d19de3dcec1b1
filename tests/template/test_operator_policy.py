"""docs/operator-policy.json allows what the verbs of `remodel` ask AWS for, and nothing else.

What they ask for is read from their source: every name of an operation that one of the services has. The answer may name too
much, which a person then sees here, and never too little.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session

from local_cloud.document import load

ROOT = Path(__file__).parents[2]
POLICY: Any = json.loads((ROOT / "docs/operator-policy.json").read_text())
TEMPLATE: Any = load(ROOT / "template.yaml")
SERVICES = ("cloudformation", "cloudwatch", "dynamodb", "dynamodbstreams", "iam", "lambda", "s3", "ssm")

IAM = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
}
"""Where IAM's action has another name than the operation."""

PREFIXES = {"dynamodbstreams": "dynamodb"}
"""Services whose actions have the prefix of another one."""

WITH_TAGS = {"dynamodb:CreateTable": "dynamodb:TagResource", "ssm:PutParameter": "ssm:AddTagsToResource"}
"""What AWS asks for as well where a request has tags."""

OTHERS = {("report", "get_template")}
"""Modules and names of theirs that only sound like an operation: Jinja's templates."""

PLACES = {"<account>", "<key>", "<partition>", "<region>", "<stage>"}
"""What an operator fills in."""


@cache
def operations() -> dict[str, set[str]]:
    """Actions of IAM by the name of a method of boto3's clients."""
    found = defaultdict(set)
    for service in SERVICES:
        for operation in get_session().get_service_model(service).operation_names:
            found[xform_name(operation)].add(action(service, operation))
    return dict(found)


@cache
def waiters() -> dict[str, set[str]]:
    """What a waiter asks again and again, by its name."""
    found = defaultdict(set)
    for service in ("cloudformation", "dynamodb"):
        model = get_session().get_waiter_model(service)
        for name in model.waiter_names:
            found[xform_name(name)].add(action(service, model.get_waiter(name).operation))
    return dict(found)


def action(service: str, operation: str) -> str:
    name = f"{PREFIXES.get(service, service)}:{operation}"
    return IAM.get(name, name)


def asked(module: str, source: str) -> Iterator[str]:
    """The actions that the source of a module may ask for."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr="get_paginator"), args=[ast.Constant(value=str(name))]):
                yield from operations()[name]
            case ast.Call(func=ast.Attribute(attr="get_waiter"), args=[ast.Constant(value=str(name))]):
                yield from waiters()[name]
            case ast.Attribute(attr=name) if (module, name) not in OTHERS:
                yield from operations().get(name, ())


def sources() -> dict[str, str]:
    """The modules of the command line that reach AWS, and the engine's store. The stand-in for AWS on a DynamoDB Local is left
    out."""
    engine = [ROOT / "shared/remodel" / name for name in ("dynamodb.py", "sources.py")]
    paths = [*(ROOT / "runner").glob("*.py"), *engine]
    texts = {path.stem: path.read_text() for path in paths}
    return {module: text for module, text in texts.items() if "from local_cloud.cloud import" not in text}


def needed() -> set[str]:
    """With what the customer's key needs: what it needs of the functions, and a grant of it to a table that is made."""
    found = {each for module, text in sources().items() for each in asked(module, text)}
    return found | {WITH_TAGS[each] for each in found & WITH_TAGS.keys()} | key_actions() | {"kms:CreateGrant"}


def key_actions() -> set[str]:
    (statement,) = TEMPLATE["Resources"]["KeyAccess"]["Properties"]["PolicyDocument"]["Statement"]
    return set(statement["Action"])


def several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(policy: Any) -> set[str]:
    return {each for statement in policy["Statement"] for each in several(statement["Action"])}


def test_the_operator_may_do_what_the_verbs_do_and_nothing_else() -> None:
    assert sorted(needed() - allowed(POLICY)) == [], "asked for by a verb, and not in docs/operator-policy.json"
    assert sorted(allowed(POLICY) - needed()) == [], "in docs/operator-policy.json, and asked for by no verb"


@pytest.mark.parametrize(
    ("source", "action"),
    [
        ("client.create_table(TableName=name)", "dynamodb:CreateTable"),
        ("ask(self._client.batch_get_item, RequestItems={})", "dynamodb:BatchGetItem"),
        ("client.invoke(FunctionName=name)", "lambda:InvokeFunction"),
        ("client.get_paginator('list_objects_v2').paginate(Bucket=name)", "s3:ListBucket"),
        ("client.get_waiter('stack_delete_complete').wait(StackName=name)", "cloudformation:DescribeStacks"),
    ],
)
def test_a_call_is_seen(source: str, action: str) -> None:
    assert action in set(asked("any", source))


def test_no_statement_allows_more_than_it_says() -> None:
    for statement in POLICY["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not [each for each in several(statement["Action"]) if "*" in each]
        if statement["Resource"] == "*":
            assert statement["Sid"] == "WithoutResources"


def test_the_policy_names_the_tables_of_the_template() -> None:
    parameters = TEMPLATE["Parameters"]
    names = {each["Default"] for name, each in parameters.items() if name.endswith("Table")}
    text = json.dumps(POLICY)

    assert set(re.findall(r"table/(purposepath-[\w-]+)", text)) == names
    assert set(re.findall(r"<\w+>", text)) == PLACES
