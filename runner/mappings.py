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
        return Reader(source, True, self._lag(source), told, self._read.polled(mapping))

    def _mapping(self, source: str) -> Source | None:
        name = self._names.get(source)
        return None if name is None else self._read.find(name)

    def _lag(self, source: str) -> float | None:
        """Seconds; nothing was handed over where nothing was published, so a polled stream without a figure has none."""
        point = self._read.latest("IteratorAge", "Maximum", {"FunctionName": self._names[source]})
        return 0.0 if point is None else point["Maximum"] / 1_000

    def _at_work(self, source: str) -> bool:
        point = self._read.latest("ConcurrentExecutions", "Maximum", {"FunctionName": self._names[source]})
        return (
            point is not None
            and datetime.now(UTC) - point["Timestamp"] < timedelta(seconds=30)
            and point["Maximum"] > 0
        )
