"""The queue of large fan-outs on SQS. Its client is made when first needed, since hardly any call needs it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from remodel.adapters.client import make_plain_client
from remodel.core.errors import Unavailable
from remodel.ports import Fanout

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


BEYOND = 5_000
"""Entries of a group that are settled while a shard waits: seconds of work, not minutes."""


class SqsQueue:
    """`url`: of the queue."""

    def __init__(self, url: str, beyond: int = BEYOND) -> None:
        self._url, self.beyond = url, beyond

    @cached_property
    def _client(self) -> SQSClient:
        made: SQSClient = make_plain_client("sqs")
        return made

    def send(self, fanout: Fanout) -> None:
        """Raises Unavailable: the change is delivered again, and its group handed over then."""
        body = json.dumps({"group": fanout.group, "cursor": fanout.cursor, "epoch": fanout.epoch})
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        except (ClientError, BotoCoreError) as problem:
            raise Unavailable(
                f"expected the queue to take a large fan-out, but: {problem}: see the function's role"
            ) from problem
