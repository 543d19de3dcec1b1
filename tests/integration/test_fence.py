"""The fence: while it is set no function writes a new row, and one port checks it, through which all new rows go."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from measures.model import MODEL
from remodel import compare, fanout
from remodel.errors import Fenced
from remodel.fence import fence
from remodel.hints import Hint
from remodel.keys import Key
from remodel.notes import Note, open_notes
from remodel.store import INDEX_KEY
from tests.conftest import ROOT
from tests.places import DONE, Handlers, replicate
from tests.records import Application
from tests.rows import actual, guid, link, measure, milestone, number, person, reading, text

ENGINE = ROOT / "shared/remodel"

FENCE = INDEX_KEY.decode(fence("2026-11-26T08:00:00Z").text)


def set_fence(application: Application) -> None:
    application.place.put("index", FENCE)


def lift_fence(application: Application) -> None:
    application.place.remove("index", FENCE)


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "CONFIRM", 0.0)


@pytest.fixture
def standing(application: Application) -> Application:
    """A link with a row, both carried over."""
    application.do("links", link())
    application.do("actuals", actual())
    return application


def new_rows(application: Application) -> list[Any]:
    return [application.place.rows(table) for table in (*application.place.model.new_tables, "quarantine")]


MORE = {"milestones": milestone("m"), "readings": reading("r")}
CHANGES = {
    "links": link(weight=number("0.5")),
    "actuals": actual(actual_value=number(8)),
    "measures": measure("owner"),
    "people": person("5b5c", "user"),
}


@pytest.mark.parametrize("source", CHANGES)
def test_a_stream_function_writes_nothing(source: str, standing: Application) -> None:
    records = standing.put(source, CHANGES[source])
    before = new_rows(standing)
    set_fence(standing)

    with pytest.raises(Fenced, match="since 2026-11-26T08:00:00Z"):
        standing.deliver(source, *records)

    assert new_rows(standing) == before
    lift_fence(standing)
    standing.deliver(source, *records)
    assert new_rows(standing) != before


def test_a_rejected_row_does_not_come_to_quarantine(standing: Application) -> None:
    set_fence(standing)
    with pytest.raises(Fenced):
        standing.do("actuals", actual("bad", recorded_by=text(" ")))

    assert standing.place.rows("quarantine") == []


def test_rows_still_join(standing: Application) -> None:
    """After a rollback a change of the link reaches the row: the resync need not find it first."""
    set_fence(standing)
    with pytest.raises(Fenced):
        standing.do("actuals", actual("another"))
    assert any(guid("another") in item["item_key"]["S"] for item in standing.place.rows("index"))

    lift_fence(standing)
    standing.do("links", link(linked_at=text("2025-02-02")))
    assert guid("another") in standing.place.by_key("measure_data")


def test_what_writes_nothing_goes_on(standing: Application) -> None:
    set_fence(standing)
    records = standing.put("actuals", actual())

    standing.deliver("actuals", *records)

    assert standing.handlers("Backfill", {"table": "actuals"})["done"]
    assert standing.handlers("Reconcile", {"mode": "counts"})["drift"] == 0
    assert standing.handlers("Sweep", {})["swept"] == 0


@pytest.mark.parametrize("mode", ["full", "sample"])
def test_a_schedule_compares_nothing_and_tells_of_no_drift(
    mode: str, standing: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """The application writes the new tables: what differs is meant, and an alarm would ask a person to repair it."""
    standing.place.put("measure_data", {"id": text("by the application")})
    set_fence(standing)

    standing.place.put("quarantine", {"source": text("actuals"), "row": text("x")})
    capsys.readouterr()
    assert standing.handlers("Reconcile", {"mode": mode, "scheduled": True})["drift"] == 0
    said = capsys.readouterr().out
    assert all(f'"{metric}":[0.0]' in said for metric in ("Drift", "QuarantineDepth", "BackfillIdle"))
    standing.place.remove("quarantine", {"source": text("actuals"), "row": text("x")})
    assert standing.handlers("Reconcile", {"mode": "counts"})["drift"] == 1, "a person is told"
    lift_fence(standing)
    assert standing.handlers("Reconcile", {"mode": mode, "scheduled": True})["drift"] == 1


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("Backfill", {"table": "actuals"}),
        ("Reconcile", {"mode": "counts", "repair": True}),
        ("Reconcile", {"mode": "sample", "repair": True}),
        ("Reconcile", {"mode": "diff", "table": "actuals", "repair": True}),
        ("Replay", {"source": "actuals", "ids": [guid("actual")]}),
    ],
    ids=lambda each: each if isinstance(each, str) else each.get("mode", ""),
)
def test_every_other_function_raises_where_it_would_write(function: str, event: Any, standing: Application) -> None:
    standing.place.put("actuals", actual(actual_value=number(8)))
    before = new_rows(standing)
    set_fence(standing)

    with pytest.raises(Fenced):
        standing.handlers(function, event)

    assert new_rows(standing) == before


def fanout_message() -> Any:
    return {"Records": [{"messageId": "1", "body": json.dumps({"fanout": "any"})}]}


BEHIND: dict[str, Any] = {
    **{replicate(source): None for source in MODEL.old_tables},
    "Backfill": {"table": "actuals"},
    "Reconcile": {"mode": "full", "repair": True},
    "Replay": {"source": "actuals", "ids": [guid("actual")]},
    "Sweep": {"older_than": 0},
    "Fanout": fanout_message(),
}
"""What each function is asked; those on streams a change of their own table."""


def test_every_function_of_the_template_but_one_is_asked(handlers: Handlers) -> None:
    """`Watch` looks at streams alone; its role may not write a new row."""
    assert set(handlers.place.functions) - set(BEHIND) == {"Watch"}


@pytest.mark.parametrize("function", BEHIND)
@pytest.mark.parametrize("deployed", ["before", "after"])
def test_no_write_reaches_a_new_table_behind_the_fence(function: str, deployed: str, standing: Application) -> None:
    """Also not of a function that was deployed after the cutover: the fence is an item of the index, which stays."""
    source = function.removeprefix("Replicate").lower()
    event = BEHIND[function]
    if event is None:
        event = {"Records": standing.put(source, (CHANGES | MORE)[source])}
    standing.place.put("actuals", actual(actual_value=number(8)))
    note = Note(standing.handlers.runtime("Sweep").place.call(60.0), [Hint(Key("actuals", guid("actual")))])
    note.cover([])
    standing.handlers.app(function)
    before = new_rows(standing)
    set_fence(standing)
    if deployed == "after":
        standing.handlers.load(function)

    with suppress(Fenced):
        standing.handlers(function, event)

    assert new_rows(standing) == before
    lift_fence(standing)
    if function != "Fanout":
        standing.handlers(function, event)
        assert new_rows(standing) != before, "it had something to write"


def test_an_orphan_is_not_deleted(standing: Application) -> None:
    standing.place.put("measure_links", {"id": text(guid("stray"))})
    set_fence(standing)

    with pytest.raises(Fenced):
        standing.handlers("Reconcile", {"mode": "diff", "table": "measure_links", "repair": True})

    assert len(standing.place.rows("measure_links")) == 2


def test_the_sweeper_raises_and_its_note_stays(standing: Application) -> None:
    call = standing.handlers.runtime("Sweep").place.call(60.0)
    note = Note(call, [Hint(Key("actuals", guid("actual")))])
    note.cover([])
    standing.put("actuals", actual(actual_value=number(8)))
    set_fence(standing)

    with pytest.raises(Fenced):
        standing.handlers("Sweep", {"older_than": 0})

    assert note.name in {each.name for each in open_notes(call)}
    lift_fence(standing)
    assert standing.handlers("Sweep", {"older_than": 0})["left"] == 0
    assert standing.place.by_key("measure_data")[guid("actual")]["post_value"] == number(8)


def test_a_worker_leaves_its_message(standing: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "PAGE", 3)
    standing.deliver("actuals", *standing.put("actuals", *(actual(f"{n}") for n in range(8))))
    standing.do("links", link(tenant_id=text("another")))
    (waiting,) = fanout.pending(standing.handlers.runtime("Fanout").place.call(60.0))
    event = {"Records": [{"messageId": "1", "body": json.dumps({"fanout": waiting.name})}]}
    set_fence(standing)

    assert standing.handlers("Fanout", event) == {"batchItemFailures": [{"itemIdentifier": "1"}]}

    lift_fence(standing)
    assert standing.handlers("Fanout", event) == DONE


def calls(name: str, path: Path) -> Iterator[str]:
    """The functions of a module that call a method of this name."""
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for each in ast.walk(function):
                if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == name:
                    yield f"{path.stem}.{function.name}"


def callers(name: str) -> set[str]:
    folders = (ENGINE, ROOT / "functions", ROOT / "runner", ROOT / "shared/measures", ROOT / "shared/shop")
    return {each for folder in folders for path in folder.rglob("*.py") for each in calls(name, path)}


def test_these_are_all_callers_of_the_port_through_which_new_rows_are_written() -> None:
    assert callers("write_rows") == {
        "converge.remove_orphan",
        "materialize._write",
        "materialize._quarantine",
        "resync.clear",
    }


def test_the_port_is_the_only_way() -> None:
    """Nobody else calls the store's `write`, and what goes there without the fence is for the index alone."""
    assert callers("_write") & {"call.write_index", "call.write_rows"} == {"call.write_index", "call.write_rows"}
    text = (ENGINE / "call.py").read_text()
    assert text.count("self.store.write(") == 1
    others = [
        path.name for path in ENGINE.glob("*.py") if ".store.write(" in path.read_text() and path.name != "call.py"
    ]
    assert others == []
