"""The house rules hold, and each is broken by what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.template import rules
from tests.template.rules import RULES, Rule
from tests.template.transformed import transformed


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_it_holds(rule: Rule) -> None:
    assert not list(rule(transformed()))


def without(resource: str, *path: Any) -> Callable[[Any], None]:
    """Takes one thing out of a resource, or a resource out of the template."""

    def change(template: Any) -> None:
        place, (*way, last) = template["Resources"], (resource, *path)
        for name in way:
            place = place[name]
        del place[last]

    return change


def with_(resource: str, name: str, value: Any) -> Callable[[Any], None]:
    def change(template: Any) -> None:
        template["Resources"][resource]["Properties"][name] = value

    return change


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        (rules.logs_are_kept_for_a_time, without("Logs", "Properties", "RetentionInDays")),
        (rules.logs_are_kept_for_a_time, without("Replay", "Properties", "LoggingConfig")),
        (rules.logs_are_kept_for_a_time, with_("Replay", "LoggingConfig", {"LogGroup": {"Ref": "Logs"}})),
        (rules.functions_end, without("Backfill", "Properties", "Timeout")),
        (rules.functions_end, with_("Backfill", "Timeout", 901)),
        (rules.functions_end, without("Backfill", "Properties", "MemorySize")),
        (rules.functions_are_watched, without("LinksBehindAlarm")),
        (rules.functions_are_watched, without("WorkLeftAlarm")),
        (rules.functions_are_watched, with_("PeopleBehindAlarm", "MetricName", "Invocations")),
        (rules.failures_have_somewhere_to_go, without("ReplicatePeopleStream", "Properties", "DestinationConfig")),
        (rules.failures_have_somewhere_to_go, without("FailedBatches")),
        (rules.failures_have_somewhere_to_go, without("ActualsGivenUpAlarm")),
        (rules.failures_have_somewhere_to_go, without("ActualsGivenUpAlarm", "Properties", "Metrics", 1)),
        (rules.failures_have_somewhere_to_go, without("ActualsGivenUpAlarm", "Properties", "Metrics", 2)),
        (rules.streams_answer_in_part, without("ReplicateLinksStream", "Properties", "FunctionResponseTypes")),
        (rules.streams_answer_in_part, without("ReplicateLinksStream", "Properties", "BisectBatchOnFunctionError")),
        (rules.streams_answer_in_part, with_("ReplicateLinksStream", "MaximumRetryAttempts", -1)),
        (rules.streams_answer_in_part, without("ReplicateLinksStream", "Properties", "MaximumRecordAgeInSeconds")),
        (rules.tables_can_be_restored, without("Index", "Properties", "PointInTimeRecoverySpecification")),
        (
            rules.tables_can_be_restored,
            with_("NewMeasureData", "PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False}),
        ),
        (rules.buckets_are_closed, without("FailedBatchesPolicy")),
        (rules.buckets_are_closed, without("FailedBatches", "Properties", "BucketEncryption")),
        (
            rules.buckets_are_closed,
            without("FailedBatches", "Properties", "PublicAccessBlockConfiguration", "BlockPublicPolicy"),
        ),
        (
            rules.nothing_is_allowed_everywhere,
            with_(
                "BackfillAllRole",
                "Policies",
                [{"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": ["lambda:*"], "Resource": "*"}]}}],
            ),
        ),
    ],
    ids=lambda each: getattr(each, "__name__", "changed"),
)
def test_what_breaks_it_is_noticed(rule: Rule, change: Callable[[Any], None]) -> None:
    template = transformed()
    change(template)

    assert list(rule(template))
