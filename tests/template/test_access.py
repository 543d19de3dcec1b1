"""Least privilege, held both ways: nothing that a function does is forbidden, nothing that it does not do is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from remodel.settings import load_model
from tests.template.transformed import ROOT, expanded, of_type, transformed
from tests.template.watched import SENT, Watched

WILDCARDS = {
    "logs": "the names of log streams are Lambda's: a log group's ARN ends in `:*`",
    "s3:PutObject": "the names of failed batches are Lambda's",
    "lambda:ListEventSourceMappings": "knows no resources",
    "cloudwatch:GetMetricStatistics": "knows no resources",
}
"""The only resources with a `*`: where AWS has no other way."""

STREAM = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
"""What Lambda asks for under the role of a function on a stream."""

OURS = {"index": "Index", "quarantine": "Quarantine"}


def functions(template: Any) -> dict[str, Any]:
    return of_type(template, "AWS::Lambda::Function")


def role_of(template: Any, function: str) -> str:
    name: str = functions(template)[function]["Role"]["Fn::GetAtt"][0]
    return name


def statements(template: Any, role: str) -> Iterator[tuple[list[str], list[Any]]]:
    """Actions and resources of each statement, whether the policy stands in the role or names it."""
    shared = [each for each in of_type(template, "AWS::IAM::Policy").values() if {"Ref": role} in each["Roles"]]
    for policy in [*template["Resources"][role]["Properties"].get("Policies", []), *shared]:
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
    template["Resources"]["MaterializePolicy"]["Properties"]["PolicyDocument"]["Statement"].pop(0)

    lost = before - allowed(template, "ReplicateActuals")
    assert lost == {(action, "index") for action in ("BatchGetItem", "Query", "BatchWriteItem", "UpdateItem")}


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
    policy = template["Resources"]["ScanPolicy"]["Properties"]["PolicyDocument"]
    policy["Statement"][0][name] = value

    assert list(wildcards(template))


def test_no_policy_is_out_of_sight() -> None:
    """Every policy is read above: it stands in a role, names roles, or is the one for a key of the customer's own."""
    template = transformed()
    roles = of_type(template, "AWS::IAM::Role")

    for each in of_type(template, "AWS::IAM::Policy").values():
        assert all(role.keys() == {"Ref"} and role["Ref"] in roles for role in each["Roles"])
    assert list(of_type(template, "AWS::IAM::ManagedPolicy")) == ["KeyAccess"]
    assert {"AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy"}.isdisjoint(
        each["Type"] for each in template["Resources"].values()
    )


def test_every_role_takes_the_permissions_boundary() -> None:
    """Those as well that SAM might make by itself."""
    roles = of_type(transformed(), "AWS::IAM::Role")

    assert len(roles) == 14
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    assert {id for id, role in roles.items() if role.get("PermissionsBoundary") != boundary} == set()


def calls(template: Any, role: str) -> set[str]:
    """The functions that a role may call, and nothing else may it do."""
    found = set()
    for actions, resources in statements(template, role):
        assert actions == ["lambda:InvokeFunction"]
        found |= {_text(resource) for resource in resources}
    return found


def tasks(states: Any) -> Iterator[Any]:
    for state in states.values():
        if state["Type"] == "Task":
            yield state
        if state["Type"] == "Map":
            yield from tasks(state["ItemProcessor"]["States"])


def test_the_state_machine_may_call_what_its_definition_calls() -> None:
    template = transformed()
    (machine,) = of_type(template, "AWS::StepFunctions::StateMachine").values()
    definition = expanded()["Resources"]["BackfillAll"]["Properties"]["DefinitionUri"]
    called = set()
    for task in tasks(json.loads((ROOT / definition).read_text())["States"]):
        assert task["Resource"] == "arn:${Partition}:states:::lambda:invoke"
        name = task["Parameters"]["FunctionName"]
        called.add(_text(machine["DefinitionSubstitutions"][name.removeprefix("${").removesuffix("}")]))

    assert called == calls(template, machine["RoleArn"]["Fn::GetAtt"][0]) == {"Backfill.Arn"}


def test_the_schedules_may_call_what_they_call() -> None:
    template = transformed()
    targets: dict[str, set[str]] = {}
    for each in of_type(template, "AWS::Scheduler::Schedule").values():
        targets.setdefault(each["Target"]["RoleArn"]["Fn::GetAtt"][0], set()).add(_text(each["Target"]["Arn"]))

    assert targets == {role: calls(template, role) for role in targets}
    assert targets == {"SchedulesRole": {"Sweep.Arn", "Reconcile.Arn", "Watch.Arn"}}


ACCOUNT = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
HERE = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"
LAMBDA = ("lambda.amazonaws.com", {"StringEqualsIfExists": ACCOUNT})
"""Lambda does not document that it names a source when it takes on a role, so the role cannot insist on it."""


def documented(service: str, source: str) -> tuple[str, Any]:
    """Whom a role trusts: a service that documents what it names as its source."""
    arn = {"aws:SourceArn": {"Fn::Sub": HERE % (service, source)}}
    return f"{service}.amazonaws.com", {"StringEquals": ACCOUNT, "ArnLike": arn}


def test_each_role_is_somebodys_and_trusts_nobody_else() -> None:
    template = transformed()
    trusted = dict.fromkeys((f"{function}Role" for function in functions(template)), LAMBDA)
    trusted["SchedulesRole"] = documented("scheduler", "schedule-group/default")
    trusted["BackfillAllRole"] = documented("states", "stateMachine:*")

    found = {}
    for id, role in of_type(template, "AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        found[id] = statement["Principal"]["Service"], statement["Condition"]
    assert found == trusted


def test_the_schedules_are_of_the_group_that_their_role_trusts() -> None:
    schedules = of_type(transformed(), "AWS::Scheduler::Schedule")

    assert len(schedules) == 4
    assert not [id for id, each in schedules.items() if "GroupName" in each]


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
