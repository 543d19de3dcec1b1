"""The queue that wakes a worker for a pending fan-out, on SQS. Few calls need it, so its client is made at the first use."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from remodel.client import make_plain_client
from remodel.errors import NotAllowed, RemodelError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_PERMANENT = {
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "InvalidAddress",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class SqsQueue:
    """`url`: of the queue. The message says which fan-out is pending; what is pending stands in the index."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> SQSClient:
        made: SQSClient = make_plain_client("sqs")
        return made

    def send(self, text: str) -> None:
        """One request, without retries. Raises Unavailable or NotAllowed."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"fanout": text}))
        except (ClientError, BotoCoreError) as problem:
            raise _named(self._url, problem) from problem


def _named(url: str, problem: ClientError | BotoCoreError) -> RemodelError:
    code = problem.response.get("Error", {}).get("Code", "") if isinstance(problem, ClientError) else ""
    if code in _PERMANENT:
        return NotAllowed(
            f"expected queue {url!r} to exist and to take messages, but: {problem}: "
            "check FANOUT_QUEUE and the function's role"
        )
    return Unavailable(f"expected queue {url!r} to take a message, but: {problem}")
