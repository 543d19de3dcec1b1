"""Event source mappings: which stream Lambda reads for a function, and when it was last shown to poll it.

Lambda says whether a mapping is on. CloudWatch says when it polled, once a minute and late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient

WINDOW, LOST = timedelta(minutes=5), timedelta(minutes=15)
"""How far back metrics are looked at: they come once a minute, and late; and those of a loss, which Watch must not miss between
two of its calls."""


@dataclass(frozen=True, slots=True)
class Source:
    """`stream`: the ARN of the stream that is read. `state`: as Lambda says it."""

    id: str
    stream: str
    state: str

    @property
    def label(self) -> str:
        return self.stream.rpartition("/stream/")[2]


class Sources:
    def __init__(self, functions: LambdaClient, cloudwatch: CloudWatchClient) -> None:
        self._functions, self.cloudwatch = functions, cloudwatch

    def find(self, function: str) -> Source | None:
        """That of a function on one stream; None where it has none."""
        found = self._functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        return Source(found[0]["UUID"], found[0]["EventSourceArn"], found[0]["State"]) if found else None

    def polled(self, source: Source) -> float | None:
        """Seconds since the stream was last shown to be polled; None where nothing shows it."""
        point = self.latest("PolledEventCount", "SampleCount", {"EventSourceMappingUUID": source.id})
        return None if point is None else max(0.0, (datetime.now(UTC) - point["Timestamp"]).total_seconds() - 60)

    def dropped(self, source: Source) -> datetime | None:
        """When changes were last given up without a trace in the failure destination; None where none were lately."""
        points = self._points("DroppedEventCount", "Sum", {"EventSourceMappingUUID": source.id}, LOST)
        return max((point["Timestamp"] for point in points if point["Sum"] > 0), default=None)

    def latest(self, metric: str, statistic: Any, dimensions: Mapping[str, str]) -> Any:
        """The latest data point of a metric of Lambda's, of one minute; None where there is none."""
        points = self._points(metric, statistic, dimensions, WINDOW)
        return max(points, key=lambda point: point["Timestamp"], default=None)

    def _points(self, metric: str, statistic: Any, dimensions: Mapping[str, str], window: timedelta) -> Any:
        now = datetime.now(UTC)
        return self.cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - window,
            EndTime=now,
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
