"""Event source mappings as AWS has them: one that is being made or changed takes no other change until that is done."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from remodel.sources import Sources
from runner.mappings import TRIES, Mappings


class InUse(Exception): ...


class Lambda:
    """One mapping, in a passing state for so many looks at the clock."""

    class exceptions:  # noqa: N801 (as boto3 has it)
        ResourceInUseException = InUse

    def __init__(self, state: str, passing: int, then: str) -> None:
        self.state, self.passing, self.then = state, passing, then
        self.asked: list[bool] = []

    def list_event_source_mappings(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 (as boto3 has it)
        return {"EventSourceMappings": [{"UUID": FunctionName, "State": self.state, "EventSourceArn": "arn"}]}

    def update_event_source_mapping(self, UUID: str, Enabled: bool) -> None:  # noqa: N803 (as boto3 has it)
        if self.passing:
            raise InUse
        self.asked.append(Enabled)
        self.state = "Enabled" if Enabled else "Disabled"

    def sleep(self, seconds: float) -> None:
        self.passing -= 1
        if not self.passing:
            self.state = self.then


def mappings(client: Any) -> Mappings:
    return Mappings(client, None, {"links": "it"}, ["links", "people"], client.sleep)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "then", "wanted"),
    [("Disabling", "Disabled", True), ("Creating", "Enabled", False), ("Updating", "Enabled", False)],
)
def test_it_is_changed_once_it_can_be(state: str, then: str, wanted: bool) -> None:
    client = Lambda(state, 3, then)

    mappings(client).switch(wanted)

    assert (client.asked, client.passing) == ([wanted], 0)


@pytest.mark.parametrize(
    ("state", "wanted"), [("Enabled", True), ("Enabling", True), ("Disabled", False), ("Disabling", False)]
)
def test_it_is_left_alone_where_it_is_as_asked(state: str, wanted: bool) -> None:
    client = Lambda(state, 0, state)

    mappings(client).switch(wanted)

    assert client.asked == []


def test_it_is_not_waited_for_without_end() -> None:
    client = Lambda("Updating", 2 * TRIES, "Enabled")

    with pytest.raises(InUse):
        mappings(client).switch(False)

    assert client.passing == TRIES + 1


class Metrics:
    """CloudWatch with the latest point of each metric; `polls`: whether it knows the metric of polls at all."""

    def __init__(self, url: str, polls: bool, **points: float) -> None:
        self.meta, self._polls, self._points = SimpleNamespace(endpoint_url=url), polls, points

    def list_metrics(self, Namespace: str, MetricName: str) -> dict[str, Any]:  # noqa: N803 (as boto3 has it)
        return {"Metrics": [{"MetricName": MetricName}] if self._polls else []}

    def get_metric_statistics(self, MetricName: str, Statistics: list[str], **asked: Any) -> dict[str, Any]:  # noqa: N803
        if MetricName not in self._points:
            return {"Datapoints": []}
        return {"Datapoints": [{"Timestamp": datetime.now(UTC), Statistics[0]: self._points[MetricName]}]}


AWS, EMULATOR = "https://monitoring.eu-west-1.amazonaws.com", "http://localhost:4566"


@pytest.mark.parametrize(
    ("metrics", "lag", "polled", "blind"),
    [
        (Metrics(AWS, True, PolledEventCount=1.0, IteratorAge=2_500.0), 2.5, True, False),
        (Metrics(AWS, True, PolledEventCount=1.0), 0.0, True, False),
        (Metrics(AWS, True), None, False, False),
        (Metrics(AWS, False), None, False, False),
        (Metrics(EMULATOR, True), None, False, False),
        (Metrics(EMULATOR, False), None, False, True),
        (Metrics(EMULATOR, False, IteratorAge=500.0), 0.5, False, True),
    ],
)
def test_what_nobody_measured_is_unknown_and_only_an_emulator_can_be_blind(
    metrics: Any, lag: float | None, polled: bool, blind: bool
) -> None:
    client: Any = Lambda("Enabled", 0, "")

    (found,) = Mappings(client, metrics, {"links": "it"}, ["links"]).look()

    assert (found.enabled, found.lag, found.polled is not None, found.blind) == (True, lag, polled, blind)


@pytest.mark.parametrize(
    ("points", "lost"), [({}, False), ({"DroppedEventCount": 0.0}, False), ({"DroppedEventCount": 3.0}, True)]
)
def test_records_that_lambda_has_given_up_without_a_trace_are_known(points: dict[str, float], lost: bool) -> None:
    client: Any = Lambda("Enabled", 0, "")
    metrics: Any = Metrics(AWS, True, **points)
    sources = Sources(client, metrics)
    source = sources.find("it")

    assert source is not None
    assert (sources.dropped(source) is not None) == lost


def test_other_readers_of_a_stream_are_named() -> None:
    arn = "arn:aws:lambda:eu-west-1:1:function:"
    pages = [{"EventSourceMappings": [{"FunctionArn": f"{arn}it"}, {"FunctionArn": f"{arn}search:live"}]}]
    paginator = SimpleNamespace(paginate=lambda EventSourceArn: pages)  # noqa: N803 (as boto3 has it)
    client: Any = SimpleNamespace(get_paginator=lambda name: paginator)

    assert Mappings(client, client, {"links": "it"}, ["links"]).consumers("arn:stream") == ["search:live"]
