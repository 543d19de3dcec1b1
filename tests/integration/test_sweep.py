"""What a dead call began is finished: its note, and fan-outs that are too large for a batch, through the deployed handlers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from remodel import fanout, notes
from remodel.call import Call
from remodel.store import Change
from tests.places import DONE, Handlers
from tests.records import Application, Record
from tests.rows import actual, guid, link, number, text


class Killed(BaseException):
    """What SIGKILL looks like from within: nothing that runs after it reaches the database any more."""


Kill = Callable[[str, list[Record]], None]


@pytest.fixture
def kill(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> Kill:
    """Delivers records to a function that is killed when it comes to write new rows."""

    def delivered(function: str, records: list[Record]) -> None:
        store = handlers.runtime(function).place.store
        write = store.write

        def dies(changes: list[Change]) -> Any:
            if any(change.key.table == "measure_data" for change in changes):
                raise Killed
            return write(changes)

        with monkeypatch.context() as patch:
            patch.setattr(store, "write", dies)
            with pytest.raises(Killed):
                handlers(function, {"Records": records})

    return delivered


def call(handlers: Handlers, function: str = "Sweep") -> Call:
    return handlers.runtime(function).place.call(60.0)


def values(application: Application) -> dict[str, str]:
    return {key: row["post_value"]["N"] for key, row in application.place.by_key("measure_data").items()}


def test_a_dead_calls_note_is_finished(application: Application, kill: Kill) -> None:
    application.do("links", link())
    kill("ReplicateActuals", application.put("actuals", actual("a"), actual("b")))
    assert values(application) == {}

    young = application.handlers("Sweep", {})
    assert (young["swept"], young["left"]) == (0, 1), "the call could still be running"
    swept = application.handlers("Sweep", {"older_than": 0})

    assert swept == {"swept": 1, "left": 0, "oldest": 0.0, "stalled": 0}
    assert values(application) == {guid("a"): "7", guid("b"): "7"}
    assert application.handlers("Sweep", {"older_than": 0})["swept"] == 0


def test_the_sweeper_takes_the_rows_as_they_are_now(application: Application, kill: Kill) -> None:
    """The row has changed twice since, and its link is another's; all records are lost."""
    application.do("links", link())
    kill("ReplicateActuals", application.put("actuals", actual("a"), actual("b")))
    application.put("actuals", actual("a", actual_value=number(8)))
    application.remove("actuals", actual("b"))

    application.handlers("Sweep", {"older_than": 0})

    assert values(application) == {guid("a"): "8"}


def test_the_note_of_a_link_covers_the_rows_behind_it(application: Application, kill: Kill) -> None:
    application.do("actuals", actual("a"))
    kill("ReplicateLinks", application.put("links", link()))

    application.handlers("Sweep", {"older_than": 0})

    assert values(application) == {guid("a"): "7"}


def test_a_call_that_writes_nothing_leaves_no_note(application: Application) -> None:
    application.do("links", link())
    records = application.put("actuals", actual("a"))
    application.deliver("actuals", *records)
    before = application.place.rows("index")

    application.deliver("actuals", *records)

    touched = [item for item in application.place.rows("index") if item not in before]
    assert {item["group_key"]["S"] for item in touched} <= {"streams"}


@pytest.mark.parametrize("event", [{}, {"source": "aws.scheduler", "detail": "{}"}], ids=str)
def test_a_schedule_may_send_what_it_likes(event: Any, handlers: Handlers) -> None:
    assert handlers("Sweep", event)["swept"] == 0


@pytest.fixture
def handed_over(application: Application, monkeypatch: pytest.MonkeyPatch) -> Application:
    """A link with more rows than a batch takes; its fan-out is pending, and nobody was told."""
    monkeypatch.setattr(fanout, "PAGE", 3)
    application.deliver("actuals", *application.put("actuals", *(actual(f"{n}") for n in range(8))))
    application.do("links", link())
    assert values(application) == {}
    return application


def pending(application: Application) -> list[str]:
    return [each.name for each in fanout.pending(call(application.handlers))]


def message(body: str) -> Any:
    return {"Records": [{"messageId": "1", "body": body}]}


def test_a_large_fan_out_is_served_by_its_worker(handed_over: Application) -> None:
    (name,) = pending(handed_over)
    assert handed_over.handlers("Fanout", message(json.dumps({"fanout": name}))) == DONE

    assert len(values(handed_over)) == 8
    assert pending(handed_over) == []


def test_a_worker_without_time_goes_on_where_it_stopped(
    handed_over: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = pending(handed_over)
    runtime = handed_over.handlers.runtime("Fanout")
    monkeypatch.setattr(type(runtime), "stop_at", lambda *_: 0.0)
    counts = []
    while pending(handed_over):
        assert handed_over.handlers("Fanout", message(json.dumps({"fanout": name}))) == DONE
        counts.append(len(values(handed_over)))

    assert counts == [3, 6, 8], "a page a call"


def test_a_request_that_arrives_meanwhile_is_not_lost(
    handed_over: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link changes when half of its rows are done: the worker begins again."""
    (name,) = pending(handed_over)
    runtime = handed_over.handlers.runtime("Fanout")
    with monkeypatch.context() as patch:
        patch.setattr(type(runtime), "stop_at", lambda *_: 0.0)
        handed_over.handlers("Fanout", message(json.dumps({"fanout": name})))
    handed_over.do("links", link(tenant_id=text("another")))
    handed_over.handlers("Fanout", message(json.dumps({"fanout": name})))

    assert pending(handed_over) == []
    assert {row["tenant_id"]["S"] for row in handed_over.place.rows("measure_data")} == {"another"}


def test_without_a_queue_the_sweeper_serves_what_is_pending(handed_over: Application) -> None:
    assert handed_over.handlers("Sweep", {})["stalled"] == 0
    assert len(values(handed_over)) == 8


class Recorder:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        self.sent.append(text)


def test_with_a_queue_the_sweeper_sends_again_what_nobody_advances(
    handed_over: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, queue = handed_over.handlers.runtime("Sweep").place, Recorder()
    object.__setattr__(place, "queue", queue)
    try:
        assert handed_over.handlers("Sweep", {})["stalled"] == 0
        assert queue.sent == [], "its worker may be on its way"
        now = time.time
        monkeypatch.setattr(type(place.clock), "now", lambda self: now() + 600)
        handed_over.handlers("Sweep", {})
    finally:
        object.__setattr__(place, "queue", None)

    assert queue.sent == pending(handed_over) != []


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"fanout": 5}'])
def test_a_message_that_cannot_be_read_stays_in_the_queue(body: str, handlers: Handlers) -> None:
    assert handlers("Fanout", message(body)) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_a_message_about_a_fan_out_that_is_not_there_is_done(handlers: Handlers) -> None:
    assert handlers("Fanout", message('{"fanout": "gone"}')) == DONE


def test_notes_are_listed_until_they_are_done(application: Application, kill: Kill) -> None:
    application.do("links", link())
    kill("ReplicateActuals", application.put("actuals", actual("a")))

    (note,) = notes.open_notes(call(application.handlers))
    assert guid("a") in {hint.key.text for hint in notes.hints_of(call(application.handlers), note)}
