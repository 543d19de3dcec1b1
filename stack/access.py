"""Which function may do what: a role for each, with the actions that it uses on the tables that it uses them on, and no more.

`tests/template/test_access.py` watches the functions at their whole range of work and holds this list against what it saw,
both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stack.text import Call, attribute, ref, sub, when

SOURCES = ("links", "milestones", "actuals", "readings", "measures", "people")
CONDITIONS = {"ReplicateMeasures": "MeasuresLive", "ReplicatePeople": "PeopleLive"}

Grants = dict[str, tuple[str, ...]]
"""Actions by `table` or `table/index/name`, tables by the names that the model has for them."""

READ, WRITE = "BatchGetItem", "BatchWriteItem"
QUARANTINE: Grants = {"quarantine": (READ, WRITE)}
INDEX: Grants = {"index": (READ, WRITE, "Query", "UpdateItem")}
"""Sets of members are extended, fan-outs are asked for, and claims remembered, by updates."""

PERSONS: Grants = {"people": (READ,), "people/index/linked-user-index": ("Query",)}
DATA: Grants = {
    **dict.fromkeys(("links", "milestones", "actuals", "readings"), (READ,)),
    "measure_data": (READ, WRITE, "UpdateItem"),
}
"""A data row joins the links of its measure, and others may claim its id: then it must not overwrite theirs unseen."""

LINK: Grants = {**dict.fromkeys(("links", "measures"), (READ,)), **PERSONS, "measure_links": (READ, WRITE)}
ALL: Grants = {**INDEX, **QUARANTINE, **LINK, **DATA}
OLD = ("links", "milestones", "actuals", "readings", "measures", "people")


def _data() -> Grants:
    return {**INDEX, **QUARANTINE, **DATA}


def _also(actions: tuple[str, ...], tables: Iterable[str]) -> Grants:
    """All rights, and these on these tables."""
    return {**ALL, **{name: (*ALL[name], *actions) for name in tables}}


GRANTS: dict[str, Grants] = {
    "ReplicateLinks": ALL,
    "ReplicateMilestones": _data(),
    "ReplicateActuals": _data(),
    "ReplicateReadings": _data(),
    "ReplicateMeasures": {"index": (READ, WRITE, "UpdateItem"), **QUARANTINE, **LINK},
    "ReplicatePeople": {**INDEX, **QUARANTINE, **LINK},
    "Backfill": _also(("Scan", "DescribeTable"), OLD),
    "Reconcile": _also(("Scan",), (*OLD, "measure_links", "measure_data", "index", "quarantine")),
    "Replay": _also(("Scan",), ("quarantine",)),
    "Sweep": ALL,
    "Fanout": ALL,
    "Watch": {"index": (READ, WRITE, "Query")},
}

SENDERS = ("ReplicateLinks", "ReplicatePeople", "Backfill", "Reconcile", "Replay", "Fanout", "Sweep")
"""Functions that hand what is too much for them to the queue."""

SEEING = ("lambda:ListEventSourceMappings", "cloudwatch:GetMetricStatistics")
"""AWS has no resources for these."""

STREAM = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
KEY = (
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
)


def roles() -> dict[str, Any]:
    """A role for each function, under the function's name with `Role` behind it, and what a key of one's own takes."""
    return {**{f"{function}Role": _role(function, grants) for function, grants in GRANTS.items()}, "KeyAccess": _key()}


def stream(source: str) -> Call:
    """The ARN of the stream of an old table."""
    name = source.title()
    return when("IsSandbox", attribute(f"Sandbox{name}.StreamArn"), ref(f"{name}StreamArn"))


def table_arn(name: str) -> Call:
    table, _, rest = name.partition("/")
    if table in ("index", "quarantine"):
        return attribute(f"{table.title()}.Arn")
    parameter = table.title().replace("_", "") + "Table"
    path = f"table/${{{parameter}}}" + (f"/{rest}" if rest else "")
    return sub(f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:{path}")


def _role(function: str, grants: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    statements = [*_tables(grants), *_stream(function), *_queue(function), *_sight(function), _logs()]
    work = {"PolicyName": "work", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    properties = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "ManagedPolicyArns": when("HasKey", [ref("KeyAccess")]),
        "Policies": [work],
    }
    condition = {"Condition": CONDITIONS[function]} if function in CONDITIONS else {}
    return {"Type": "AWS::IAM::Role", **condition, "Properties": properties}


def _tables(grants: Mapping[str, tuple[str, ...]]) -> list[Any]:
    """One statement for each set of actions."""
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for name, actions in grants.items():
        by_actions.setdefault(actions, []).append(name)
    return [
        _allow([f"dynamodb:{action}" for action in actions], [table_arn(name) for name in names])
        for actions, names in by_actions.items()
    ]


def _stream(function: str) -> list[Any]:
    """What Lambda itself does under the role of a function on a stream. Names of objects in the bucket are Lambda's."""
    if not function.startswith("Replicate"):
        return []
    source = function.removeprefix("Replicate").lower()
    return [
        _allow([f"dynamodb:{action}" for action in STREAM], [stream(source)]),
        _allow(["s3:PutObject"], [sub("${FailedBatches.Arn}/*")]),
        _allow(["s3:ListBucket"], [attribute("FailedBatches.Arn")]),
    ]


def _queue(function: str) -> list[Any]:
    """Lambda itself takes messages from the queue under the role of their worker."""
    queue = attribute("Fanouts.Arn")
    taking = [f"sqs:{action}" for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")]
    statements = [_allow(["sqs:SendMessage"], [queue])] if function in SENDERS else []
    return [*statements, _allow(taking, [queue])] if function == "Fanout" else statements


def _sight(function: str) -> list[Any]:
    return [_allow(list(SEEING), ["*"])] if function == "Watch" else []


def _logs() -> dict[str, Any]:
    """The names of streams in the log group are Lambda's: the group's ARN ends in `:*` for them."""
    return _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [attribute("Logs.Arn")])


def _key() -> dict[str, Any]:
    """Where the customer names a key, DynamoDB and S3 use it on behalf of whoever reads and writes."""
    via = [sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}") for service in ("dynamodb", "s3")]
    key = {
        **_allow([f"kms:{action}" for action in KEY], [ref("KmsKeyArn")]),
        "Condition": {"StringEquals": {"kms:ViaService": via}},
    }
    properties = {"PolicyDocument": {"Version": "2012-10-17", "Statement": [key]}}
    return {"Type": "AWS::IAM::ManagedPolicy", "Condition": "HasKey", "Properties": properties}


def _allow(actions: list[str], resources: list[Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources if len(resources) > 1 else resources[0]}
