"""The queue that wakes a worker for a pending fan-out, on SQS. Few calls need it, so its client is made at the first use."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from remodel.client import make_plain_client
from remodel.errors import NotAllowed, Unavailable

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
    def _client(self) -> Any:
        return make_plain_client("sqs")

    def send(self, text: str) -> None:
        """One request, without retries. Raises Unavailable or NotAllowed."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({"fanout": text}))
        except (ClientError, BotoCoreError) as problem:
            code = problem.response.get("Error", {}).get("Code", "") if isinstance(problem, ClientError) else ""
            told = f"expected queue {self._url!r} to exist and to take a message, but: {problem}"
            if code in _PERMANENT:
                raise NotAllowed(f"{told}: check FANOUT_QUEUE and the function's role") from problem
            raise Unavailable(told) from problem
