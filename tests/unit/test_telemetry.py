"""One log line and one set of metrics per call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remodel.errors import Unavailable
from remodel.telemetry import Telemetry


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_call_is_one_line_and_one_set_of_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("telemetry-done")
    with telemetry.call(source="links", other="x"):
        telemetry.count(Written=3)
        telemetry.seconds(Lag=1.5)
        telemetry.explain(["a", "b", "a"])

    line, metrics = printed(capsys)

    assert (line["message"], line["source"], line["other"], line["Written"]) == ("done", "links", "x", 3)
    assert line["reasons"] == {"a": 2, "b": 1}
    assert (metrics["source"], metrics["Written"], metrics["Lag"]) == ("links", [3.0], [1.5])
    assert "other" not in metrics


def test_an_error_is_logged_once_and_raised(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("telemetry-failed")
    with pytest.raises(Unavailable), telemetry.call(source="links"):
        raise Unavailable("the reason")

    line, metrics = printed(capsys)

    assert (line["level"], line["message"], line["error"]) == ("ERROR", "the reason", "Unavailable")
    assert metrics["Failed"] == [1.0]


def test_a_call_keeps_nothing_of_the_one_before(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("telemetry-twice")
    for figures in ({"Written": 1.0}, {"Read": 2.0}):
        with telemetry.call(source="links"):
            telemetry.count(**figures)

    line, metrics = printed(capsys)[2:]

    assert "Written" not in line
    assert "Written" not in metrics
