"""The poller treats answers and failures as Lambda's event source mapping does."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_cloud.function import FunctionFailed
from local_cloud.poller import Faults, Poller, not_done
from local_cloud.template import EventSource, Function


def records(count: int) -> list[Any]:
    return [{"dynamodb": {"SequenceNumber": str(n)}} for n in range(count)]


def numbers(batch: list[Any]) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in batch]


class Scripted:
    """A function that raises on batches with `poison`, and says of `stubborn` that it is not done, `times` times."""

    def __init__(self, poison: int = -1, stubborn: int = -1, times: int = 0, attempts: int = 2) -> None:
        mapping = EventSource("t", 100, True, attempts)
        self.function = Function("F", Path(), "app.handler", {}, 3, mapping)
        self.poison, self.stubborn, self.times = poison, stubborn, times
        self.seen: list[list[int]] = []

    def invoke(self, event: Any) -> Any:
        batch = numbers(event["Records"])
        self.seen.append(batch)
        if self.poison in batch:
            raise FunctionFailed("poison")
        if self.stubborn in batch and self.times:
            self.times -= 1
            return {"batchItemFailures": [{"itemIdentifier": str(self.stubborn)}]}
        return {"batchItemFailures": []}

    def kill(self) -> None: ...


def poller(function: Any, folder: Path, faults: Faults | None = None) -> Poller:
    made = Poller(None, "arn", function, folder, faults)  # type: ignore[arg-type]
    made._stopping.wait = lambda timeout=None: False  # type: ignore[method-assign]
    return made


def test_it_goes_on_from_the_first_record_that_is_not_done(tmp_path: Path) -> None:
    function = Scripted(stubborn=2, times=1)
    poller(function, tmp_path).deliver(records(5))

    assert function.seen == [[0, 1, 2, 3, 4], [2, 3, 4]]


def test_an_exception_bisects_down_to_the_record(tmp_path: Path) -> None:
    function = Scripted(poison=2)
    poller(function, tmp_path).deliver(records(4))

    (note,) = tmp_path.glob("*.json")
    assert numbers(json.loads(json.loads(note.read_text())["payload"])["Records"]) == [2]
    assert [3] in function.seen


def test_what_keeps_failing_goes_to_the_failure_destination_with_its_records(tmp_path: Path) -> None:
    function = Scripted(stubborn=3, times=99)
    poller(function, tmp_path).deliver(records(5))

    (note,) = tmp_path.glob("*.json")
    assert numbers(json.loads(json.loads(note.read_text())["payload"])["Records"]) == [3, 4]


def test_a_batch_can_be_delivered_twice(tmp_path: Path) -> None:
    function = Scripted()
    poller(function, tmp_path, Faults(again=1e-9)).deliver(records(2))

    assert function.seen == [[0, 1], [0, 1]]


def test_a_function_can_be_killed_while_it_works(tmp_path: Path) -> None:
    killed = threading.Event()

    class Killed(Scripted):
        def kill(self) -> None:
            killed.set()

        def invoke(self, event: Any) -> Any:
            if not killed.is_set():
                killed.wait(60)
                raise FunctionFailed("it was killed")
            return super().invoke(event)

    made = poller(function := Killed(), tmp_path, Faults(kill=1e-9))

    assert made.deliver(records(1))
    assert (made.kills, function.seen) == (1, [[0]])


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_answers_that_mean_done(answer: Any) -> None:
    assert not_done(records(2), answer) == []


def test_the_lowest_reported_record_counts() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "1"}]}

    assert numbers(not_done(records(4), answer)) == [1, 2, 3]


def test_an_identifier_that_is_not_of_the_batch_fails_all_of_it() -> None:
    with pytest.raises(FunctionFailed, match="sequence numbers"):
        not_done(records(2), {"batchItemFailures": [{"itemIdentifier": "9"}]})


def test_a_batch_in_hand_when_it_is_switched_off_is_not_done(tmp_path: Path) -> None:
    function = Scripted(stubborn=2, times=99, attempts=50)
    made = poller(function, tmp_path)
    real = function.invoke

    def invoke(event: Any) -> Any:
        made.disable()
        return real(event)

    function.invoke = invoke  # type: ignore[method-assign]

    assert made.deliver(records(5)) is False
    assert function.seen == [[0, 1, 2, 3, 4]]
    made.enable()
    function.invoke, function.times = real, 0  # type: ignore[method-assign]
    assert made.deliver(records(5)) is True


class Stream:
    """That of one shard, which has a record at every poll."""

    exceptions = type("exceptions", (), {"TrimmedDataAccessException": KeyError, "ExpiredIteratorException": KeyError})

    def get_records(self, **_: Any) -> Any:
        body = {"Keys": {}, "SequenceNumber": "7", "ApproximateCreationDateTime": datetime.now(UTC)}
        names = ("eventID", "eventName", "eventVersion", "eventSource", "awsRegion")
        return {"Records": [{**dict.fromkeys(names, ""), "dynamodb": body}], "NextShardIterator": "next"}


def test_a_stream_that_is_never_empty_is_being_polled(tmp_path: Path) -> None:
    made = Poller(Stream(), "arn", Scripted(), tmp_path)  # type: ignore[arg-type]
    made._iterators["shard"] = "first"
    assert not made.polled

    assert made._poll("shard")

    assert made.polled
    assert made.idle_since is None
