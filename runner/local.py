"""`remodel local`: a stage on a person's own DynamoDB Local, in the foreground. It takes the place of `sam deploy` there."""

from __future__ import annotations

import signal
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.cloud import standing
from local_cloud.poller import Faults
from local_cloud.stage import own_folder, run
from runner.model import chosen
from runner.options import err, out


def local(
    endpoint: Annotated[
        str, typer.Option("--endpoint-url", envvar="REMODEL_ENDPOINT_URL", help="Where DynamoDB Local listens.")
    ],
    prefix: Annotated[
        str, typer.Option("--prefix", envvar="REMODEL_PREFIX", help="What the tables' names begin with.")
    ] = "",
    kill: Annotated[
        float, typer.Option("--kill", min=0, max=100, help="Percent of calls in which the function is killed.")
    ] = 0.0,
    repeat: Annotated[
        float, typer.Option("--repeat", min=0, max=100, help="Percent of batches that are delivered twice.")
    ] = 0.0,
) -> None:
    """Run the functions on a DynamoDB Local: read the streams, sweep. Until Ctrl-C.

    Example: remodel local --endpoint-url http://localhost:8000
    """
    model = chosen()
    with standing(endpoint, own_folder("local"), prefix) as cloud:
        try:
            run(
                cloud,
                (*model.old_tables, *model.new_tables),
                Faults(kill / 100, repeat / 100),
                lambda told: out.print(told, highlight=False, soft_wrap=True),
            )
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            err.print("stopped: the same command reads the streams again, from their beginning")
            raise typer.Exit(130) from None
        except cloud.dynamodb.exceptions.ResourceNotFoundException:
            wanted = ", ".join(cloud.tables[name] for name in model.old_tables)
            err.print(
                f"expected the application's tables {wanted} at {endpoint}, found not all of them: create them, or name their "
                "--prefix",
                soft_wrap=True,
            )
            raise typer.Exit(1) from None
        except (ClientError, BotoCoreError) as problem:
            err.print(f"expected a DynamoDB Local at {endpoint}, but: {problem}", soft_wrap=True)
            raise typer.Exit(1) from None
