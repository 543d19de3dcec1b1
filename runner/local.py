"""A stage on a person's own DynamoDB Local: its functions run in the foreground, in place of a deployment."""

from __future__ import annotations

import signal

import typer

from local_cloud.cloud import standing
from local_cloud.poller import Faults
from local_cloud.stage import own_folder, serve
from runner.errors import NoSuchStack
from runner.model import chosen, named


def run(endpoint: str, prefix: str, kill: float, repeat: float) -> None:
    """Until KeyboardInterrupt. `kill`, `repeat`: shares of calls and batches that meet a fault. Raises NoSuchStack."""
    model = chosen()
    with standing(endpoint, own_folder("local"), prefix, named()) as cloud:
        try:
            serve(cloud, (*model.old_tables, *model.new_tables), Faults(kill, repeat), typer.echo)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise
        except cloud.dynamodb.exceptions.ResourceNotFoundException as problem:
            wanted = ", ".join(cloud.tables[name] for name in model.old_tables)
            raise NoSuchStack(
                f"expected the application's tables ({wanted}) at {endpoint}, found not all of them: create them, or give "
                "their --prefix"
            ) from problem
