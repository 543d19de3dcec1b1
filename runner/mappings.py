"""Event source mappings, one a stream: a mapping says whether it is on, CloudWatch how far behind it is and when it polled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from remodel.sources import Source, Sources
from runner.world import Reader

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient

PAUSE, TRIES = 2.0, 60
"""Seconds between two tries to change a mapping that is still being changed, and how many of them."""

LATE = 200.0
"""Seconds after which CloudWatch tells of a moment: metrics come once a minute, and one to three minutes late."""


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
        self._client, self._names, self._sources = client, names, list(sources)
        self._read = Sources(client, cloudwatch)
        self._sleep = sleep

    def look(self) -> list[Reader]:
        return [self._reader(source) for source in self._sources]

    def switch(self, enabled: bool) -> None:
        as_asked = ("Enabled", "Enabling") if enabled else ("Disabled", "Disabling")
        for source in self._sources:
            mapping = self._mapping(source)
            if mapping and mapping.state not in as_asked:
                self._update(mapping.id, enabled)

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
        told = f"event source mapping {mapping.state.lower()}"
        if mapping.state != "Enabled":
            return Reader(source, False, None, told, idle=mapping.state == "Disabled" and not self._at_work(source))
        polled = self._read.polled(mapping)
        lag = self._lag(source, polled is not None)
        blind = polled is None and self._is_blind()
        return Reader(source, True, lag, told, polled, blind=blind, late=0.0 if blind else LATE)

    def _is_blind(self) -> bool:
        """Not on AWS, and nothing there has ever measured a poll."""
        if ".amazonaws." in self._read.cloudwatch.meta.endpoint_url:
            return False
        return not self._read.cloudwatch.list_metrics(Namespace="AWS/Lambda", MetricName="PolledEventCount")["Metrics"]

    def _mapping(self, source: str) -> Source | None:
        name = self._names.get(source)
        return None if name is None else self._read.find(name)

    def _lag(self, source: str, polled: bool) -> float | None:
        """Seconds; None where it is unknown. Of a stream that was polled nothing was handed over where no age is published."""
        point = self._read.latest("IteratorAge", "Maximum", {"FunctionName": self._names[source]})
        if point is None:
            return 0.0 if polled else None
        return float(point["Maximum"]) / 1_000

    def _at_work(self, source: str) -> bool:
        point = self._read.latest("ConcurrentExecutions", "Maximum", {"FunctionName": self._names[source]})
        return (
            point is not None
            and datetime.now(UTC) - point["Timestamp"] < timedelta(seconds=30)
            and point["Maximum"] > 0
        )
