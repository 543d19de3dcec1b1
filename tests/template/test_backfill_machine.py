"""The state machine's own definition, run by an interpreter, with the real backfill function behind it on DynamoDB Local."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

from remodel import backfill
from remodel.errors import NotAllowed, OutOfTime, Unavailable
from remodel.runtime import Runtime
from tests.places import Handlers, Place
from tests.rows import guid, link, measure, person, reading, text
from tests.template.transformed import ROOT, expanded, of_type, transformed

ORDER = ["measures", "people", "links", "milestones", "actuals", "readings"]
SEGMENTS = 3
RESOURCES: Any = expanded()["Resources"]
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:backfill"


def definition(live: str = "true") -> str:
    """What CloudFormation hands to Step Functions, with lookups connected or not."""
    (machine,) = of_type(transformed(), "AWS::StepFunctions::StateMachine").values()
    found = (ROOT / RESOURCES["BackfillAll"]["Properties"]["DefinitionUri"]).read_text()
    tables = machine["DefinitionSubstitutions"]["Tables"]["Fn::If"][1 if live == "true" else 2]
    values = {"Partition": "aws", "Backfill": FUNCTION, "Tables": tables}
    assert values.keys() == machine["DefinitionSubstitutions"].keys()
    for name, value in values.items():
        found = found.replace(f"${{{name}}}", value)
    return found


class Workers:
    """Stands where Lambda would: calls the handler, one at a time, and fails where it is told to, when the work is done."""

    def __init__(self, handlers: Handlers) -> None:
        self._app = handlers.app("Backfill")
        self._lock = threading.Lock()
        self.calls: list[tuple[Any, Any]] = []
        self.fails: Callable[[int, Any], Exception | None] = lambda n, event: None

    def invoke(self, FunctionName: str, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803 (as boto3 has it)
        assert FunctionName == FUNCTION
        event = json.loads(Payload)
        with self._lock:
            answer = self._app.handler(event, _Context())
            problem = self.fails(len(self.calls), event)
            self.calls.append((event, problem or answer))
        said = {"errorType": type(problem).__name__, "errorMessage": str(problem)} if problem else answer
        failed = {"FunctionError": "Unhandled"} if problem else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(said).encode()), **failed}


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class _NoTime:
    """Retries wait here."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> _NoTime:
    waits = _NoTime()
    monkeypatch.setattr(retrier_decl, "time", waits)
    return waits


@pytest.fixture
def workers(handlers: Handlers, monkeypatch: pytest.MonkeyPatch, waits: _NoTime) -> Iterator[Workers]:
    monkeypatch.setattr(backfill, "PAGE", 3)
    monkeypatch.setattr(Runtime, "stop_at", lambda *_: 0.0)
    workers = Workers(handlers)
    monkeypatch.setattr(lambda_eval_utils, "boto_client_for", lambda **_: workers)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield workers


@pytest.fixture
def rows(place: Place) -> None:
    """More rows in every segment of links and readings than one page has."""
    place.put("links", *(link(f"link {n}", measure_id=text(f"m{n % 4}")) for n in range(30)))
    place.put("measures", *(measure("user", id=text(f"m{n}")) for n in range(2)))
    place.put("people", *(person(guid(f"p{n}"), "user") for n in range(2)))
    place.put("readings", *(reading(f"r{n}", measure_id=text("m1")) for n in range(40)))


def run(text: str, segments: int = SEGMENTS) -> Any:
    client = boto3.client("stepfunctions", region_name="eu-west-1")
    role = "arn:aws:iam::123456789012:role/machine"
    machine = client.create_state_machine(name=f"machine-{time.monotonic_ns()}", definition=text, roleArn=role)
    started = client.start_execution(
        stateMachineArn=machine["stateMachineArn"], input=json.dumps({"segments": segments})
    )
    for _ in range(600):
        found = client.describe_execution(executionArn=started["executionArn"])
        if found["status"] != "RUNNING":
            return found
        time.sleep(0.1)
    raise AssertionError("the execution does not end")


def tables(workers: Workers) -> list[str]:
    """The tables that were worked on, in order, each once for each time that it was begun."""
    names = [event["table"] for event, _answer in workers.calls]
    return [name for n, name in enumerate(names) if n == 0 or names[n - 1] != name]


def same(handlers: Handlers) -> bool:
    report = handlers("Reconcile", {"mode": "counts"})
    assert report["rows"]["measure_links"] == 30
    return bool(report["drift"] == 0)


def test_it_backfills_everything_through_workers_that_fail_on_the_way(
    workers: Workers, handlers: Handlers, rows: None, waits: _NoTime
) -> None:
    """Each goes on from its cursor; one that was killed after its work, before its answer, does its page again."""
    struck = []

    def fails(n: int, event: Any) -> Exception | None:
        if event["table"] == "links" and event.get("segment") == 1 and len(struck) < 2:
            struck.append(event)
            return Unavailable("killed")
        return None

    workers.fails = fails
    found = run(definition())

    assert found["status"] == "SUCCEEDED", found
    assert tables(workers) == ORDER
    assert same(handlers)
    assert len(struck) == 2
    assert waits.waited and all(0 <= seconds <= 300 for seconds in waits.waited)
    answers = defaultdict(list)
    for event, answer in workers.calls:
        assert event["total_segments"] == SEGMENTS
        if "segment" in event and not isinstance(answer, Exception):
            answers[event["table"], event["segment"]].append(answer)
    assert answers.keys() == {(table, n) for table in ORDER for n in range(SEGMENTS)}
    assert max(map(len, answers.values())) > 3
    assert all([each["done"] for each in found] == [False] * (len(found) - 1) + [True] for found in answers.values())


def test_it_goes_on_where_another_driver_stopped(workers: Workers, handlers: Handlers, rows: None) -> None:
    """The command line has divided links into two, has done one of them and begun the other."""
    for segment, calls in ((0, 20), (1, 1)):
        for _ in range(calls):
            event = {"table": "links", "segment": segment, "total_segments": 2, "run": "backfill"}
            handlers("Backfill", event)

    assert run(definition())["status"] == "SUCCEEDED"

    events = [event for event, _answer in workers.calls if event["table"] == "links" and "segment" in event]
    assert {(event["segment"], event["total_segments"]) for event in events} == {(1, 2)}
    assert same(handlers)


def test_a_second_execution_finds_everything_done(workers: Workers, rows: None) -> None:
    assert run(definition())["status"] == "SUCCEEDED"
    workers.calls.clear()

    assert run(definition())["status"] == "SUCCEEDED"
    assert all("unfinished" in event and answer["segments"] == [] for event, answer in workers.calls)


def test_what_does_not_pass_ends_the_execution_and_the_next_one_finishes(
    workers: Workers, handlers: Handlers, rows: None, waits: _NoTime
) -> None:
    workers.fails = lambda n, event: NotAllowed("a right is missing") if event["table"] == "links" else None
    found = run(definition())

    assert (found["status"], found["error"]) == ("FAILED", "NotAllowed")
    assert not waits.waited, "it is not tried again"
    assert tables(workers) == ORDER[:3]

    workers.fails = lambda n, event: None
    assert run(definition())["status"] == "SUCCEEDED"
    assert same(handlers)


def test_lookups_that_are_not_connected_are_left_out(workers: Workers, rows: None) -> None:
    assert run(definition(live="false"))["status"] == "SUCCEEDED"
    assert tables(workers) == ORDER[2:]


def test_one_segment_is_enough(workers: Workers, handlers: Handlers, rows: None) -> None:
    assert run(definition(), segments=1)["status"] == "SUCCEEDED"
    assert same(handlers)


def test_only_what_passes_is_tried_again() -> None:
    segments = json.loads(definition())["States"]["EachTable"]["ItemProcessor"]["States"]["EachSegment"]
    (retry,) = segments["ItemProcessor"]["States"]["Work"]["Retry"]

    assert {Unavailable.__name__, OutOfTime.__name__} <= set(retry["ErrorEquals"]), "Lambda tells no base classes"
    assert not {"States.ALL", "States.TaskFailed", "NotAllowed", "BadRequest", "StreamNotReady"} & set(
        retry["ErrorEquals"]
    )
    assert 1 <= segments["MaxConcurrency"] <= 40, "more than 40 side by side are not promised by an inline map"
