"""Alarms and dashboard speak of metrics that exist, every metric is spoken of, and every alarm says what to do."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack import alarms, dashboard
from stack.access import SOURCES
from tests.template.transformed import of_type, transformed
from tests.template.watched import Watched

ROOT = Path(__file__).parents[2]

BY_HAND = {("Muted", ())}
"""A person emits it, as the runbook says."""

OF_AWS = {
    "AWS/Lambda": {
        *("IteratorAge", "Errors", "Throttles", "DestinationDeliveryFailures"),
        *("PolledEventCount", "FailedInvokeEventCount", "DroppedEventCount", "OnFailureDestinationDeliveredEventCount"),
    },
    "AWS/States": {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/DynamoDB": {"ConsumedWriteCapacityUnits"},
}
"""What AWS publishes, of what is used here."""

Named = tuple[str, str, tuple[tuple[str, Any], ...]]
"""Namespace, name, dimensions in order."""


def headings() -> Counter[str]:
    text = (ROOT / "docs/runbook.md").read_text()
    return Counter(alarms.anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def told(template: Any) -> dict[str, str]:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    return {id: each["AlarmDescription"] for kind in kinds for id, each in of_type(template, kind).items()}


def nowhere(template: Any) -> dict[str, str]:
    """The alarms whose description leads to no heading of the runbook."""
    found = {id: re.search(r"docs/runbook\.md#([\w-]+)$", text) for id, text in told(template).items()}
    return {id: told(template)[id] for id, link in found.items() if not link or headings()[link[1]] != 1}


def test_every_alarm_leads_to_its_heading_in_the_runbook() -> None:
    assert not nowhere(transformed())
    for text in told(transformed()).values():
        assert "First: " in text or "Somebody has asked for silence" in text
        assert len(text) <= 1_024


def test_a_heading_that_is_not_there_is_noticed() -> None:
    template = transformed()
    template["Resources"]["DriftAlarm"]["Properties"]["AlarmDescription"] += "-and-more"

    assert list(nowhere(template)) == ["DriftAlarm"]


def test_no_heading_of_the_runbook_is_without_an_alarm() -> None:
    linked = {text.rpartition("#")[2] for text in told(transformed()).values()}
    own = re.findall(r"^### (.+)$", (ROOT / "docs/runbook.md").read_text().split("## When an alarm")[1], re.MULTILINE)

    assert {alarms.anchor(heading) for heading in own} == linked


def test_the_links_of_the_runbook_lead_somewhere() -> None:
    text = (ROOT / "docs/runbook.md").read_text()

    assert all(headings()[link] for link in re.findall(r"\]\(#([\w-]+)\)", text))


def test_every_alarm_reaches_a_person_by_one_way() -> None:
    template = transformed()
    rules = {id: each["AlarmRule"] for id, each in of_type(template, "AWS::CloudWatch::CompositeAlarm").items()}
    parts = [id for rule in rules.values() for id in re.findall(r'ALARM\(\\"\$\{(\w+)\}', json.dumps(rule))]

    assert sorted(parts) == sorted(set(of_type(template, "AWS::CloudWatch::Alarm")) - {"Muted"})
    assert set(rules) == set(alarms.COMPOSITES)
    for each in of_type(template, "AWS::CloudWatch::CompositeAlarm").values():
        assert (
            each["AlarmActions"]
            == each["OKActions"]
            == [{"Fn::If": ["MakesTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]}]
        )
        assert each["ActionsSuppressor"] == {"Ref": "Muted"}
        assert not any("AlarmActions" in one for one in of_type(template, "AWS::CloudWatch::Alarm").values())


def test_what_a_composite_alarm_names_may_not_exist() -> None:
    """The alarms of lookups that are not connected: never on, rather than an error."""
    rule = of_type(transformed(), "AWS::CloudWatch::CompositeAlarm")["DataAtRisk"]["AlarmRule"]["Fn::Join"][1]

    chosen = [each["Fn::If"] for each in rule if "Fn::If" in each]
    assert {each[2] for each in chosen} == {"FALSE"}
    assert {each[0] for each in chosen} == {
        *("MeasuresLive", "PeopleLive"),
        *("HasMappingAlarms", "HasMeasuresMappingAlarms", "HasPeopleMappingAlarms"),
    }


@pytest.mark.parametrize("source", SOURCES)
def test_each_old_table_is_watched(source: str) -> None:
    found = {each.name.removeprefix(f"{source}-"): each for each in alarms.alarms() if each.name.startswith(source)}
    assert {name: (each.metric, each.threshold) for name, each in found.items()} == {
        "lagging": ("IteratorAge", 300_000),
        "lagging-critically": ("IteratorAge", 21_600_000),
        "not-polled": ("PolledEventCount", 1),
        "dropped": ("DroppedEventCount", 0),
        "failed-batches": ("OnFailureDestinationDeliveredEventCount", 0),
        "failed-batches-lost": ("DestinationDeliveryFailures", 0),
        "failing": ("FailedInvokeEventCount", 0),
        "throttled": ("Throttles", 0),
    }
    assert {name for name, each in found.items() if each.missing == "breaching"} == {"not-polled"}
    assert {found[name].statistic for name in ("lagging", "lagging-critically")} == {"Maximum"}


def test_the_mappings_publish_what_the_alarms_count() -> None:
    mappings = of_type(transformed(), "AWS::Lambda::EventSourceMapping")

    streams = [each for each in mappings.values() if "StartingPosition" in each]
    assert len(streams) == 6
    assert all(each["MetricsConfig"] == {"Metrics": ["EventCount"]} for each in streams)


def named() -> Iterator[Named]:
    """Every metric that an alarm or a widget names."""
    for properties in of_type(transformed(), "AWS::CloudWatch::Alarm").values():
        pairs = {each["Name"]: each["Value"] for each in properties.get("Dimensions", [])}
        namespace = properties["Namespace"]
        plain = namespace if isinstance(namespace, str) else namespace["Fn::Sub"]
        yield plain, properties["MetricName"], tuple(sorted(pairs.items()))
    for widget in dashboard.widgets():
        for metric in widget["properties"].get("metrics", []):
            space, name, *rest = metric[:-1]
            yield space, name, tuple(sorted(zip(rest[::2], rest[1::2], strict=True)))


def ours() -> set[tuple[str, tuple[tuple[str, Any], ...]]]:
    return {(name, dimensions) for space, name, dimensions in named() if space == dashboard.OURS}


def test_every_metric_of_ours_that_is_named_is_emitted(watched: Watched) -> None:
    assert not ours() - BY_HAND - watched.emitted


def test_every_metric_that_is_emitted_is_named(watched: Watched) -> None:
    def kinds(metrics: Any) -> set[tuple[str, str]]:
        return {(dict(dimensions)["service"], name) for name, dimensions in metrics}

    assert kinds(watched.emitted) == kinds(ours() - BY_HAND)


def test_a_metric_that_nobody_emits_would_be_noticed(watched: Watched) -> None:
    drift = ("Drift", (("mode", "full"), ("service", "reconcile")))

    assert drift in watched.emitted & ours()
    assert ("Drift", (("service", "reconcile"),)) not in watched.emitted


def test_metrics_of_aws_are_those_that_it_publishes() -> None:
    found: dict[str, set[str]] = {}
    for space, name, _dimensions in named():
        found.setdefault(space, set()).add(name)

    assert {space: names for space, names in found.items() if space != dashboard.OURS} == OF_AWS


def test_the_namespace_is_the_functions_own() -> None:
    functions = of_type(transformed(), "AWS::Lambda::Function").values()

    spaces = [each["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] for each in functions]
    assert spaces == [{"Fn::Sub": dashboard.OURS}] * 12


def test_the_dashboard_is_what_its_data_say() -> None:
    (properties,) = of_type(transformed(), "AWS::CloudWatch::Dashboard").values()
    text, values = properties["DashboardBody"]["Fn::Sub"]

    assert json.loads(text) == {"widgets": dashboard.widgets()}
    assert len(text) < 100_000
    used = set(re.findall(r"\$\{(\w+)\}", text))
    assert values.keys() <= used
    assert used - values.keys() == {"Stage", "Index", "MeasureLinksTable", "MeasureDataTable", "Logs", "BackfillAll"}


def test_no_widget_lies_upon_another() -> None:
    places = Counter(
        (x, y)
        for each in dashboard.widgets()
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    )

    assert set(places.values()) == {1}
    assert max(x for x, _y in places) == 23
    titles = [each["properties"]["title"] for each in dashboard.widgets()]
    assert [title[:15] for title in titles[1:5]] == ["Can we cut over"] * 4
    assert titles[-1] == "Last errors"
