"""Event source mappings, one a stream: a mapping says whether it is on, CloudWatch how far behind it is and when it polled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runner.world import Reader

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient

WINDOW = timedelta(minutes=5)
"""How far back metrics are looked at: they come once a minute, and late."""


PAUSE, TRIES = 2.0, 60
"""Seconds between two tries to change a mapping that is still being changed, and how many of them."""


class Mappings:
    """`names`: deployed functions by the old tables whose streams they read. `sources`: the tables that are asked about."""

    def __init__(
        self,
        client: LambdaClient,
        cloudwatch: CloudWatchClient,
        names: Mapping[str, str],
        sources: Iterable[str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._cloudwatch, self._names, self._sources = client, cloudwatch, names, list(sources)
        self._sleep = sleep

    def look(self) -> list[Reader]:
        return [self._reader(source) for source in self._sources]

    def switch(self, enabled: bool) -> None:
        as_asked = ("Enabled", "Enabling") if enabled else ("Disabled", "Disabling")
        for source in self._sources:
            mapping = self._mapping(source)
            if mapping and mapping["State"] not in as_asked:
                self._update(mapping["UUID"], enabled)

    def consumers(self, stream: str) -> list[str]:
        pages = self._client.get_paginator("list_event_source_mappings").paginate(EventSourceArn=stream)
        names = [
            each["FunctionArn"].rpartition(":function:")[2] for page in pages for each in page["EventSourceMappings"]
        ]
        return [each for each in names if each not in self._names.values()]

    def _update(self, uuid: str, enabled: bool) -> None:
        """A mapping that is being made or changed takes no other change until that is done."""
        for left in reversed(range(TRIES)):
            try:
                self._client.update_event_source_mapping(UUID=uuid, Enabled=enabled)
                return
            except self._client.exceptions.ResourceInUseException:
                if not left:
                    raise
            self._sleep(PAUSE)

    def _reader(self, source: str) -> Reader:
        mapping = self._mapping(source)
        if mapping is None:
            return Reader(source, False, None, "not deployed", idle=True, deployed=False)
        state = mapping["State"]
        told = f"event source mapping {state.lower()}"
        if state != "Enabled":
            return Reader(source, False, None, told, idle=state == "Disabled" and not self._at_work(source))
        polled = self._polled(mapping["UUID"])
        lag = self._lag(source, polled is not None)
        return Reader(source, True, lag, told, polled, blind=polled is None and self._is_blind())

    def _is_blind(self) -> bool:
        """Not on AWS, and nothing there has ever measured a poll."""
        if ".amazonaws." in self._cloudwatch.meta.endpoint_url:
            return False
        return not self._cloudwatch.list_metrics(Namespace="AWS/Lambda", MetricName="PolledEventCount")["Metrics"]

    def _mapping(self, source: str) -> Any:
        name = self._names.get(source)
        if name is None:
            return None
        return next(iter(self._client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]), None)

    def _lag(self, source: str, polled: bool) -> float | None:
        """Seconds; None where nobody knows. Of a stream that was polled nothing was handed over where no age is published."""
        point = self._latest("IteratorAge", "Maximum", {"FunctionName": self._names[source]})
        if point is None:
            return 0.0 if polled else None
        return float(point["Maximum"]) / 1_000

    def _polled(self, uuid: str) -> float | None:
        point = self._latest("PolledEventCount", "SampleCount", {"EventSourceMappingUUID": uuid})
        return None if point is None else max(0.0, (datetime.now(UTC) - point["Timestamp"]).total_seconds() - 60)

    def _at_work(self, source: str) -> bool:
        point = self._latest("ConcurrentExecutions", "Maximum", {"FunctionName": self._names[source]})
        return (
            point is not None
            and datetime.now(UTC) - point["Timestamp"] < timedelta(seconds=30)
            and point["Maximum"] > 0
        )

    def _latest(self, metric: str, statistic: Any, dimensions: Mapping[str, str]) -> Any:
        now = datetime.now(UTC)
        points = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - WINDOW,
            EndTime=now,
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return max(points, key=lambda point: point["Timestamp"], default=None)
