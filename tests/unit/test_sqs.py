"""The queue's message, and its errors by name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from remodel.errors import NotAllowed, RemodelError, Unavailable
from remodel.sqs import SqsQueue


class Client:
    def __init__(self, problem: Exception | None = None) -> None:
        self.problem, self.sent = problem, list[dict[str, Any]]()

    def send_message(self, **request: Any) -> None:
        self.sent.append(request)
        if self.problem:
            raise self.problem


def queue(client: Client) -> SqsQueue:
    made = SqsQueue("https://queue")
    made.__dict__["_client"] = client
    return made


def test_a_message_says_which_fan_out_is_pending() -> None:
    client = Client()

    queue(client).send('a"b')

    assert client.sent == [{"QueueUrl": "https://queue", "MessageBody": '{"fanout": "a\\"b"}'}]


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage"), NotAllowed),
        (ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "SendMessage"), NotAllowed),
        (ClientError({"Error": {"Code": "InternalError"}}, "SendMessage"), Unavailable),
        (ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessage"), Unavailable),
        (EndpointConnectionError(endpoint_url="https://queue"), Unavailable),
    ],
)
def test_errors_are_named_and_sent_once(problem: Exception, error: type[RemodelError]) -> None:
    client = Client(problem)

    with pytest.raises(error, match="https://queue"):
        queue(client).send("x")

    assert len(client.sent) == 1


def test_the_client_is_made_at_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    made = SqsQueue("https://sqs.eu-west-1.amazonaws.com/1/q")

    assert "_client" not in made.__dict__
    assert made._client.meta.service_model.service_name == "sqs"
    assert made._client.meta.config.read_timeout == 10
