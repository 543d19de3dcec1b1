"""Logs and metrics through Powertools: one log line and one set of metrics per call, in EMF on standard output.

Row content never reaches a log at INFO: reasons name attributes and expectations, not values.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

NAMESPACE = "Remodel"
"""Outside of a stack. A stack gives each stage a namespace of its own."""

DIMENSIONS = ("source", "mode")
"""The names of a call that become dimensions of its metrics."""

REASONS = 5
"""Different reasons in one log line."""


class Telemetry:
    """One per entry point. It makes no client and no request."""

    def __init__(self, service: str) -> None:
        self._logger = Logger(service=service)
        self._metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE), service=service)
        self._line: dict[str, object] = {}

    @contextmanager
    def call(self, **names: object) -> Iterator[None]:
        """One invocation; `names` describe it. An error is logged once and raised again."""
        self._line = dict(names)
        for name in DIMENSIONS:
            if name in names:
                self._metrics.add_dimension(name=name, value=str(names[name]))
        try:
            yield
        except Exception as problem:
            self._logger.error(str(problem), extra={**self._line, "error": type(problem).__name__})
            self._metrics.add_metric(name="Failed", unit=MetricUnit.Count, value=1)
            raise
        else:
            self._logger.info("done", extra=self._line)
        finally:
            if self._metrics.metric_set:
                self._metrics.flush_metrics()
            self._metrics.clear_metrics()

    def count(self, **figures: float) -> None:
        self._add(MetricUnit.Count, figures)

    def seconds(self, **figures: float) -> None:
        self._add(MetricUnit.Seconds, figures)

    def _add(self, unit: MetricUnit, figures: Mapping[str, float]) -> None:
        for name, figure in figures.items():
            self._metrics.add_metric(name=name, unit=unit, value=figure)
        self._line |= figures

    def explain(self, reasons: Iterable[str]) -> None:
        """Add the most frequent reasons to the log line, with how often each occurred."""
        if found := Counter(reasons).most_common(REASONS):
            self._line["reasons"] = dict(found)
