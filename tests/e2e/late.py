"""`remodel` as a run types it: metrics come two minutes late, as AWS publishes them, and `samconfig.toml` is the run's own.

An emulator publishes metrics at once, and would hide a step that relies on that. `prepare` writes the streams of the run's
tables into `samconfig.toml`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from botocore.session import Session

from runner import address
from runner.cli import app
from tests.e2e.place import HERE

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
    with (
        patch.object(Session, "create_client", with_late_metrics(Session.create_client)),
        patch.object(address, "SAMCONFIG", HERE / "samconfig.toml"),
    ):
        app(prog_name="remodel")
