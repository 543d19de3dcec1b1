"""Least privilege, held both ways: nothing that a function does is forbidden, nothing that it does not do is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from remodel.settings import load_model
from stack.access import STREAM
from tests.template.transformed import of_type, transformed
from tests.template.watched import SENT, Watched

WILDCARDS = {
    "logs": "the names of log streams are Lambda's: a log group's ARN ends in `:*`",
    "s3:PutObject": "the names of failed batches are Lambda's",
    "lambda:ListEventSourceMappings": "knows no resources",
    "cloudwatch:GetMetricStatistics": "knows no resources",
}
"""The only resources with a `*`: where AWS has no other way."""

OURS = {"index": "Index", "quarantine": "Quarantine"}


def functions(template: Any) -> dict[str, Any]:
    return of_type(template, "AWS::Lambda::Function")


def role_of(template: Any, function: str) -> str:
    name: str = functions(template)[function]["Role"]["Fn::GetAtt"][0]
    return name


def statements(template: Any, role: str) -> Iterator[tuple[list[str], list[Any]]]:
    """Actions and resources of each statement."""
    for policy in template["Resources"][role]["Properties"].get("Policies", []):
        for each in policy["PolicyDocument"]["Statement"]:
            assert each["Effect"] == "Allow"
            yield _several(each["Action"]), _several(each["Resource"])


def allowed(template: Any, function: str) -> set[tuple[str, str]]:
    """The actions on tables that the function's role allows, as (action, `table` or `table/index/name`)."""
    pairs = set()
    for actions, resources in statements(template, role_of(template, function)):
        for action in actions:
            service, _, name = action.partition(":")
            if service == "dynamodb" and name not in STREAM:
                pairs |= {(name, table(resource)) for resource in resources}
    return pairs


def table(resource: Any) -> str:
    """The model's name for the table (and index) that an ARN of the template means."""
    if "Fn::GetAtt" in resource:
        return next(name for name, id in OURS.items() if resource["Fn::GetAtt"] == [id, "Arn"])
    found = re.fullmatch(r"arn:.*:table/\$\{(\w+)Table\}(/index/[\w-]+)?", resource["Fn::Sub"])
    assert found, resource
    return re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).lower() + (found[2] or "")


def test_each_function_may_do_what_it_does_and_nothing_else(watched: Watched) -> None:
    template = transformed()

    assert watched.asked.keys() == functions(template).keys()
    for function, everything in watched.asked.items():
        may, asked = allowed(template, function), everything - {SENT}
        assert not asked - may, f"{function} does this and may not"
        assert not may - asked, f"{function} may do this and never did"


def test_a_right_too_few_and_one_too_many_are_noticed() -> None:
    template = transformed()
    before = allowed(template, "ReplicateActuals")
    template["Resources"]["ReplicateActualsRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].pop(0)

    lost = before - allowed(template, "ReplicateActuals")
    assert lost == {(action, "index") for action in ("BatchGetItem", "BatchWriteItem", "Query", "UpdateItem")}


def test_no_role_can_write_an_old_table() -> None:
    template, old = transformed(), load_model({"REMODEL_MODEL": "measures.model:MODEL"}).old_tables
    reads = {"BatchGetItem", "Scan", "Query", "DescribeTable"}

    for function in functions(template):
        on_old = {action for action, name in allowed(template, function) if name.partition("/")[0] in old}
        assert on_old <= reads, function


def test_nobody_speaks_partiql() -> None:
    assert "PartiQL" not in json.dumps(transformed())


def test_each_function_has_a_role_of_its_own() -> None:
    template = transformed()
    roles = {function: role_of(template, function) for function in functions(template)}

    assert roles == {function: f"{function}Role" for function in roles}
    for role in roles.values():
        properties = template["Resources"][role]["Properties"]
        assert properties["ManagedPolicyArns"] == {
            "Fn::If": ["HasKey", [{"Ref": "KeyAccess"}], {"Ref": "AWS::NoValue"}]
        }
        (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_a_stream_is_read_by_its_own_function_alone() -> None:
    template = transformed()
    mappings = [
        each for each in of_type(template, "AWS::Lambda::EventSourceMapping").values() if "StartingPosition" in each
    ]
    stream_of = {each["FunctionName"]["Ref"]: each["EventSourceArn"] for each in mappings}

    assert len(stream_of) == 6
    for function in functions(template):
        found = [
            resources
            for actions, resources in statements(template, role_of(template, function))
            if {f"dynamodb:{action}" for action in STREAM} & set(actions)
        ]
        assert found == ([[stream_of[function]]] if function in stream_of else [])


def test_beside_tables_a_function_may_do_what_it_must_and_no_more(watched: Watched) -> None:
    template = transformed()
    for function in functions(template):
        beside = {
            (action, _text(resource))
            for actions, resources in statements(template, role_of(template, function))
            for action in actions
            for resource in resources
            if not action.startswith("dynamodb:")
        }
        expected = {("logs:CreateLogStream", "Logs.Arn"), ("logs:PutLogEvents", "Logs.Arn")}
        if function.startswith("Replicate"):
            expected |= {("s3:PutObject", "${FailedBatches.Arn}/*"), ("s3:ListBucket", "FailedBatches.Arn")}
        if SENT in watched.asked[function]:
            expected |= {("sqs:SendMessage", "Fanouts.Arn")}
        if function == "Fanout":
            expected |= {
                (f"sqs:{verb}", "Fanouts.Arn") for verb in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
            }
        if function == "Watch":
            expected |= {("lambda:ListEventSourceMappings", "*"), ("cloudwatch:GetMetricStatistics", "*")}
        assert beside == expected


def wildcards(template: Any) -> Iterator[tuple[str, str]]:
    """Where an action or a resource of any role is or has a `*`, apart from where it must."""
    for role in of_type(template, "AWS::IAM::Role"):
        for actions, resources in statements(template, role):
            for action in actions:
                known = action in WILDCARDS or action.split(":")[0] in WILDCARDS
                stars = [text for text in map(_text, resources) if "*" in text and not known]
                yield from ((role, f"{action} on {text}") for text in stars)
                if "*" in action:
                    yield role, action


def test_no_wildcards() -> None:
    assert not list(wildcards(transformed()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Resource", "*"),
        ("Resource", {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:*:table/x"}),
        ("Action", "dynamodb:*"),
    ],
)
def test_a_wildcard_is_noticed(name: str, value: Any) -> None:
    template = transformed()
    policy = template["Resources"]["BackfillRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"][0][name] = value

    assert list(wildcards(template))


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(resource: Any) -> str:
    match resource:
        case str():
            return resource
        case {"Fn::GetAtt": [id, name]}:
            return f"{id}.{name}"
        case {"Fn::Sub": str(text)}:
            return text
        case _:
            return str(resource)
