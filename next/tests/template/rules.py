"""House rules of the stack, on the template as CloudFormation gets it. Each says where it is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.template.test_access import wildcards
from tests.template.transformed import of_type

Rule = Callable[[Any], Iterator[str]]

LONGEST = 900
"""Seconds that Lambda lets a function run."""


def logs_are_kept_for_a_time(template: Any) -> Iterator[str]:
    groups = of_type(template, "AWS::Logs::LogGroup")
    for id, function in of_type(template, "AWS::Lambda::Function").items():
        logging = function.get("LoggingConfig", {})
        group = groups.get(logging.get("LogGroup", {}).get("Ref"), {})
        if "RetentionInDays" not in group or logging.get("LogFormat") != "JSON":
            yield id


def functions_end(template: Any) -> Iterator[str]:
    for id, function in of_type(template, "AWS::Lambda::Function").items():
        if not 0 < function.get("Timeout", 0) <= LONGEST or "MemorySize" not in function:
            yield id


def functions_are_watched(template: Any) -> Iterator[str]:
    """An alarm counts the failures of each: of a function on a stream those of its mapping, of another one its errors."""
    watched = {(name, value) for metric in _alarmed(template) for name, value in metric}
    mappings = {each["FunctionName"]["Ref"]: id for id, each in _mappings(template).items()}
    for id in of_type(template, "AWS::Lambda::Function"):
        told = ("FailedInvokeEventCount", mappings[id]) if id in mappings else ("Errors", id)
        if told not in watched:
            yield id


def failures_have_somewhere_to_go(template: Any) -> Iterator[str]:
    for id, mapping in _mappings(template).items():
        to = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", {})
        bucket = to.get("Fn::GetAtt", [None])[0]
        counts = {"DroppedEventCount", "OnFailureDestinationDeliveredEventCount"}
        alarms = {name for metric in _alarmed(template) for name, value in metric if value == id}
        if bucket not in of_type(template, "AWS::S3::Bucket") or not counts <= alarms:
            yield id


def streams_answer_in_part(template: Any) -> Iterator[str]:
    for id, mapping in _mappings(template).items():
        bounded = mapping.get("MaximumRetryAttempts", -1) > 0 and mapping.get("MaximumRecordAgeInSeconds", -1) > 0
        partial = mapping.get("FunctionResponseTypes") == ["ReportBatchItemFailures"]
        if not (partial and bounded and mapping.get("BisectBatchOnFunctionError")):
            yield id


def tables_can_be_restored(template: Any) -> Iterator[str]:
    """Apart from the old tables of a sandbox, which are there to be broken."""
    for id, table in of_type(template, "AWS::DynamoDB::Table").items():
        restorable = table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
        if template["Resources"][id].get("Condition") != "IsSandbox" and restorable is not True:
            yield id


def buckets_are_closed(template: Any) -> Iterator[str]:
    policies = of_type(template, "AWS::S3::BucketPolicy").values()
    for id, bucket in of_type(template, "AWS::S3::Bucket").items():
        shut = bucket.get("PublicAccessBlockConfiguration", {})
        denied = [
            each for one in policies if one["Bucket"] == {"Ref": id} for each in one["PolicyDocument"]["Statement"]
        ]
        tls = any(each["Effect"] == "Deny" and "aws:SecureTransport" in str(each["Condition"]) for each in denied)
        if list(shut.values()) != [True] * 4 or not tls or "BucketEncryption" not in bucket:
            yield id


def nothing_is_allowed_everywhere(template: Any) -> Iterator[str]:
    for role, where in wildcards(template):
        yield f"{role}: {where}"


RULES: tuple[Rule, ...] = (
    logs_are_kept_for_a_time,
    functions_end,
    functions_are_watched,
    failures_have_somewhere_to_go,
    streams_answer_in_part,
    tables_can_be_restored,
    buckets_are_closed,
    nothing_is_allowed_everywhere,
)


def _mappings(template: Any) -> dict[str, Any]:
    """Those of streams."""
    every = of_type(template, "AWS::Lambda::EventSourceMapping")
    return {id: each for id, each in every.items() if "StartingPosition" in each}


def _alarmed(template: Any) -> Iterator[list[tuple[str, str]]]:
    """Of each alarm, its metric with what it is a metric of."""
    for each in of_type(template, "AWS::CloudWatch::Alarm").values():
        values = [one["Value"] for one in each.get("Dimensions", []) if isinstance(one["Value"], dict)]
        yield [(each["MetricName"], value["Ref"]) for value in values if "Ref" in value]
