"""`remodel`, to which metrics come two minutes late, as AWS publishes them: it sees no later data point.

An emulator publishes them at once, and would hide a step that relies on that.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from botocore.session import Session

from runner.cli import app

LATE = timedelta(minutes=2)


def without_the_latest(params: dict[str, Any], **_: Any) -> None:
    params["EndTime"] -= LATE
    # What was asked for is a window that ends now.
    params["StartTime"] = min(params["StartTime"], params["EndTime"] - timedelta(minutes=1))


def with_late_metrics(create: Any) -> Any:
    def create_client(session: Session, service: str, *args: Any, **options: Any) -> Any:
        client = create(session, service, *args, **options)
        client.meta.events.register("provide-client-params.cloudwatch.GetMetricStatistics", without_the_latest)
        return client

    return create_client


if __name__ == "__main__":
    with patch.object(Session, "create_client", with_late_metrics(Session.create_client)):
        app(prog_name="remodel")
