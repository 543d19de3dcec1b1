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


TOLD = {
    "Fanout": "FanoutsStalledAlarm",
    "Sweep": "WorkLeftAlarm",
    "Reconcile": "ComparisonOverdueAlarm",
    "Watch": "GapAlarm",
    "Backfill": "BackfillStalledAlarm",
}
"""The alarm that goes on where a function fails again and again. Only a person or a verb calls Replay, and is told."""


def functions_are_watched(template: Any) -> Iterator[str]:
    """What a function does not get done goes off: a stream falls behind, and other work is left."""
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    for id, function in of_type(template, "AWS::Lambda::Function").items():
        source = id.removeprefix("Replicate")
        alarm = f"{source}BehindAlarm" if source != id else TOLD.get(id)
        late = alarms.get(f"{source}BehindAlarm", {})
        stream = source != id and not _names(late, "IteratorAge", function["FunctionName"])
        if stream or (alarm is not None and alarm not in alarms):
            yield id


def failures_have_somewhere_to_go(template: Any) -> Iterator[str]:
    for id, mapping in _mappings(template).items():
        to = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", {})
        bucket = to.get("Fn::GetAtt", [None])[0]
        counts = {"DroppedEventCount", "OnFailureDestinationDeliveredEventCount"}
        alarms = of_type(template, "AWS::CloudWatch::Alarm").values()
        counted = {name for each in alarms for name in counts if _names(each, name, {"Ref": id})}
        if bucket not in of_type(template, "AWS::S3::Bucket") or counted != counts:
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


def _names(alarm: Any, metric: str, of: Any) -> bool:
    """Whether an alarm, or a part of its expression, is on this metric of this function or mapping."""
    parts = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    return any(
        each.get("MetricName") == metric and of in [one["Value"] for one in each.get("Dimensions", [])]
        for each in [*parts, alarm]
    )
