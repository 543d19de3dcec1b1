"""Alarms and dashboard speak of metrics that exist, every metric is shown, and every alarm says what to do."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from measures.model import MODEL
from runner.cli import app
from tests.template.transformed import of_type, transformed
from tests.template.watched import Watched

ROOT = Path(__file__).parents[2]
OURS = "Remodel/${Stage}"
COMPOSITES = {"DataAtRisk", "FallingBehind", "ModelsDiffer"}
SOURCES = [name.title() for name in MODEL.old_tables]

BY_HAND = {("Muted", ())}
"""A person emits it, as the runbook says."""

OF_AWS = {
    "AWS/Lambda": {
        *("IteratorAge", "PolledEventCount", "DroppedEventCount", "OnFailureDestinationDeliveredEventCount"),
    },
    "AWS/States": {"ExecutionsFailed"},
}
"""What AWS publishes, of what is used here."""

DESCRIPTION = re.compile(
    r"[A-Z][^.]+\. [A-Z][^.]*`remodel (?P<verb>[a-z]+)[^.]*\. docs/runbook\.md#(?P<heading>[\w-]+)"
)
"""One sentence that says what it means, one that says what to do, and where to read on."""

Named = tuple[str, str, tuple[tuple[str, Any], ...]]
"""Namespace, name, dimensions in order."""


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def headings() -> Counter[str]:
    text = (ROOT / "docs/runbook.md").read_text()
    return Counter(anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def alarms(template: Any) -> dict[str, Any]:
    return of_type(template, "AWS::CloudWatch::Alarm")


def composites(template: Any) -> dict[str, Any]:
    return of_type(template, "AWS::CloudWatch::CompositeAlarm")


def plain(value: Any) -> Any:
    """A text, with what CloudFormation puts in left as it stands."""
    return value["Fn::Sub"] if isinstance(value, dict) and "Fn::Sub" in value else value


def told(template: Any) -> dict[str, str]:
    return {id: plain(each["AlarmDescription"]) for id, each in {**alarms(template), **composites(template)}.items()}


def verbs() -> set[str]:
    commands = {str(each.name) for each in app.registered_commands}
    return commands | {str(each.name) for each in app.registered_groups}


def test_alarms_are_few() -> None:
    assert 25 <= len(alarms(transformed())) <= 35
    assert composites(transformed()).keys() == COMPOSITES


def test_every_alarm_says_what_it_means_and_what_to_do() -> None:
    for id, text in told(transformed()).items():
        found = DESCRIPTION.fullmatch(text)
        assert found, f"{id}: {text}"
        assert found["verb"] in verbs(), id
        assert headings()[found["heading"]] == 1, id
        assert len(text) <= 1_024


def test_no_two_alarms_mean_the_same() -> None:
    """Those of different streams apart, whose names make the difference."""
    texts = Counter(told(transformed()).values())

    assert max(texts.values()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Rows differ. docs/runbook.md#models-differ",
        "Rows differ. Look at the console. docs/runbook.md#models-differ",
        "Rows differ. Run `remodel validate`.",
        "Rows differ. They are orphans. Run `remodel validate`. docs/runbook.md#models-differ",
    ],
)
def test_a_description_that_says_too_little_or_too_much_is_noticed(text: str) -> None:
    assert not DESCRIPTION.fullmatch(text)


def test_no_heading_of_the_runbook_is_without_an_alarm() -> None:
    linked = {text.rpartition("#")[2] for text in told(transformed()).values()}
    own = re.findall(r"^### (.+)$", (ROOT / "docs/runbook.md").read_text().split("## When an alarm")[1], re.MULTILINE)

    assert {anchor(heading) for heading in own} == linked


def test_the_links_of_the_runbook_lead_somewhere() -> None:
    text = (ROOT / "docs/runbook.md").read_text()

    assert all(headings()[link] for link in re.findall(r"\]\(#([\w-]+)\)", text))


def test_every_alarm_reaches_a_person_by_one_way() -> None:
    template = transformed()
    rules = {id: each["AlarmRule"] for id, each in composites(template).items()}
    parts = [id for rule in rules.values() for id in re.findall(r'ALARM\(\\"\$\{(\w+)\}', json.dumps(rule))]

    assert sorted(parts) == sorted(set(alarms(template)) - {"Muted"})
    topic = [{"Fn::If": ["MakesTopic", {"Ref": "AlarmTopic"}, {"Ref": "AlarmTopicArn"}]}]
    for each in composites(template).values():
        assert each["AlarmActions"] == each["OKActions"] == topic
        assert each["ActionsSuppressor"] == {"Ref": "Muted"}
    assert not any("AlarmActions" in one for one in alarms(template).values())


def test_an_alarm_that_does_not_exist_at_a_stage_is_never_on_there() -> None:
    template = transformed()
    for each in composites(template).values():
        for part in each["AlarmRule"]["Fn::Join"][1]:
            condition, text, otherwise = part.get("Fn::If", [None, part, "FALSE"])
            assert otherwise == "FALSE"
            named = re.findall(r"\$\{(\w+)\}", text["Fn::Sub"])
            assert {template["Resources"][id].get("Condition") for id in named} in ({condition}, {None})


@pytest.mark.parametrize("source", SOURCES)
def test_each_stream_is_watched(source: str) -> None:
    template = transformed()
    found = {id.removeprefix(source): each for id, each in alarms(template).items() if id.startswith(source)}
    mapping = {"EventSourceMappingUUID": {"Ref": f"Replicate{source}Stream"}}

    assert found.keys() == {"BehindAlarm", "AtRiskAlarm", "NotReadAlarm", "GivenUpAlarm"}
    assert all(source in told(template)[f"{source}{name}"] for name in found)
    name = template["Resources"][f"Replicate{source}"]["Properties"]["FunctionName"]
    for id, threshold in (("BehindAlarm", 5 * 60_000), ("AtRiskAlarm", 6 * 3_600_000)):
        assert found[id]["Threshold"] == threshold
        assert (found[id]["MetricName"], found[id]["Statistic"]) == ("IteratorAge", "Maximum")
        assert found[id]["Dimensions"] == [{"Name": "FunctionName", "Value": name}]
    assert found["NotReadAlarm"]["TreatMissingData"] == "breaching"
    assert {dict(metric[2]) == mapping for id in ("NotReadAlarm", "GivenUpAlarm") for metric in measured(found[id])}
    assert {metric[1] for metric in measured(found["GivenUpAlarm"])} == {
        "DroppedEventCount",
        "OnFailureDestinationDeliveredEventCount",
    }


def test_the_mappings_publish_what_the_alarms_count() -> None:
    mappings = of_type(transformed(), "AWS::Lambda::EventSourceMapping")

    streams = [each for each in mappings.values() if "StartingPosition" in each]
    assert len(streams) == 6
    assert all(each["MetricsConfig"] == {"Metrics": ["EventCount"]} for each in streams)


def measured(alarm: Any) -> Iterator[Named]:
    """The metrics of an alarm: the one that it names, or those that its expression is made of."""
    for each in [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]:
        pairs = ((pair["Name"], plain(pair["Value"])) for pair in each.get("Dimensions", []))
        yield plain(each["Namespace"]), each["MetricName"], tuple(sorted(pairs, key=str))


def board() -> Any:
    (properties,) = of_type(transformed(), "AWS::CloudWatch::Dashboard").values()
    return json.loads(properties["DashboardBody"]["Fn::Sub"])["widgets"]


def shown() -> Iterator[Named]:
    """The metrics that a widget names one by one."""
    for widget in board():
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                space, name, *rest = [part for part in metric if isinstance(part, str)]
                yield space, name, tuple(sorted(zip(rest[::2], rest[1::2], strict=True)))


def searched() -> Iterator[tuple[set[str], set[str]]]:
    """Of each search of a widget, the names of the dimensions, and the services."""
    for widget in board():
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                found = re.match(
                    r"SEARCH\('\{(?P<space>[^,]+),(?P<names>[\w,]+)} service=(?P<what>.+?)', '", metric[0]["expression"]
                )
                assert found and found["space"] == OURS
                yield set(found["names"].split(",")), set(re.findall(r'"(\w+)"', found["what"]))


def named() -> Iterator[Named]:
    for each in alarms(transformed()).values():
        yield from measured(each)
    yield from shown()


def ours() -> set[tuple[str, tuple[tuple[str, Any], ...]]]:
    return {(name, dimensions) for space, name, dimensions in named() if space == OURS}


def test_every_metric_of_ours_that_is_named_is_emitted(watched: Watched) -> None:
    assert not ours() - BY_HAND - watched.emitted


def test_every_metric_that_is_emitted_is_shown(watched: Watched) -> None:
    searches = list(searched())
    for name, dimensions in watched.emitted:
        pairs = dict(dimensions)
        assert any(pairs.keys() == names and pairs["service"] in services for names, services in searches), (
            name,
            pairs,
        )


def test_no_search_is_in_vain(watched: Watched) -> None:
    emitted = {(frozenset(dict(pairs)), dict(pairs)["service"]) for _name, pairs in watched.emitted}

    for names, services in searched():
        assert all((frozenset(names), service) in emitted for service in services)


def test_metrics_of_aws_are_those_that_it_publishes() -> None:
    found: dict[str, set[str]] = {}
    for space, name, _dimensions in named():
        found.setdefault(space, set()).add(name)

    assert {space: names for space, names in found.items() if space != OURS} == OF_AWS


def test_the_namespace_is_the_functions_own() -> None:
    functions = of_type(transformed(), "AWS::Lambda::Function").values()

    spaces = [each["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] for each in functions]
    assert spaces == [{"Fn::Sub": OURS}] * 12


def test_the_dashboard_and_watch_name_what_there_is() -> None:
    template = transformed()
    (properties,) = of_type(template, "AWS::CloudWatch::Dashboard").values()
    names = set(re.findall(r"\$\{([\w.]+)\}", properties["DashboardBody"]["Fn::Sub"])) - {"Stage"}

    assert names == {*(f"{id}.Arn" for id in COMPOSITES), "Logs"}
    on_board = {dict(pairs)["FunctionName"] for space, _name, pairs in shown() if space == "AWS/Lambda"}
    watch = template["Resources"]["Watch"]["Properties"]["Environment"]["Variables"]
    watched = {name: each.get("Fn::If", [None, each])[1] for name, each in watch.items() if name.endswith("_FUNCTION")}
    for stage in template["Mappings"]["Stages"]:
        names = {
            source: template["Mappings"][function["FunctionName"]["Fn::FindInMap"][0]][source][stage]
            for id, function in of_type(template, "AWS::Lambda::Function").items()
            if (source := id.removeprefix("Replicate")) != id
        }
        assert names == {source: f"remodel-{stage}-Replicate{source}" for source in SOURCES}
        assert {each.replace("${Stage}", stage) for each in on_board} == set(names.values())
        assert watched == {
            f"{source.upper()}_FUNCTION": {"Fn::FindInMap": ["Sources", source, {"Ref": "Stage"}]} for source in names
        }


def test_the_first_row_says_whether_we_can_cut_over() -> None:
    widgets = board()
    first = [each for each in widgets if each["properties"]["title"].startswith("Can we cut over?")]

    assert widgets[: len(first)] == first, "CloudWatch places widgets in order"
    assert sum(each["width"] for each in first) == 24
    assert len({each["height"] for each in first}) == 1
    assert set(first[0]["properties"]["alarms"]) == {f"${{{id}.Arn}}" for id in COMPOSITES}
    assert {name for each in first[1:] for _space, name, *_ in each["properties"]["metrics"]} == {
        *("IteratorAge", "Drift", "QuarantineDepth", "BackfillIdle", "NotesLeft", "FanoutsStalled", "Gaps"),
    }
    assert widgets[-1]["properties"]["title"] == "Last errors"
