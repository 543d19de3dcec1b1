"""Each verb of the checklist, refusing what it must refuse, and cut off at each of its requests without a difference in the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from measures.model import MODEL
from remodel import index
from remodel.backfill import RUN
from remodel.errors import Fenced
from remodel.hints import Hint
from remodel.index import Size
from remodel.keys import Key
from remodel.notes import Note
from remodel.segments import forget
from remodel.streams import sighted
from runner import (
    backup,
    cutover,
    finish,
    ownership,
    prepare,
    quarantine,
    resync,
    returned,
    rollback,
    show,
    status,
    validate,
)
from runner.backfill import backfill, open_segments
from runner.check import State
from runner.comparison import BEGUN
from runner.drive import set_rate
from runner.errors import Busy, CallFailed, NotReady
from runner.gate import accepted as accept
from runner.lease import LEASE
from runner.validate import Mode
from runner.watch import SILENT, Advance, Silent
from runner.world import NEW, OLD
from tests.integration.stage import Killed, Stage, quietly, stops
from tests.rows import actual, guid, link, number, reading, text

MIGRATED = [name for name in MODEL.order if MODEL.migrates(name)]


def test_a_backup_that_is_cut_off_goes_on(stage: Stage) -> None:
    assert stage.cut_off(lambda: backup.back_up(stage.world)) > 10
    done = stage.world.journal.last_done("backup")
    assert done is not None
    assert set(done.facts["backups"]) == {stage.cloud.tables[name] for name in (*MODEL.old_tables, *MODEL.new_tables)}


def test_preparing_that_is_cut_off_goes_on(stage: Stage) -> None:
    backup.back_up(stage.world)
    stage.world.dynamodb.delete_table(TableName=stage.cloud.tables["measure_links"])
    stage.world.dynamodb.update_table(
        TableName=stage.cloud.tables["measure_data"],
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "target-subtype-index"}}],
    )
    stage.readers.switch(False)
    assert len({each.told for each in prepare.planned(stage.world) if "at rest" not in each.told}) == 4

    stage.cut_off(lambda: prepare.prepare(stage.world, quietly), 3)

    assert prepare.planned(stage.world) == []
    assert (stage.flag.value, stage.readers.on) == (OLD, True)
    indexes = stage.world.describe("measure_data")["GlobalSecondaryIndexes"]
    assert {each["IndexStatus"] for each in indexes} == {"ACTIVE"}
    assert len(indexes) == 3


def test_what_only_a_person_can_put_right_is_refused(stage: Stage) -> None:
    with pytest.raises(NotReady, match="remodel backup"):
        prepare.prepare(stage.world, quietly)
    name = stage.cloud.tables["measure_links"]
    declared = next(each for each in stage.world.declared if each["TableName"] == name)
    stage.world.dynamodb.delete_table(TableName=name)
    stage.world.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "number", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "number", "AttributeType": "N"}],
    )
    try:
        with pytest.raises(NotReady, match="expected the key id HASH, found number HASH"):
            prepare.planned(stage.world)
    finally:
        stage.world.dynamodb.delete_table(TableName=name)
        stage.world.dynamodb.create_table(**declared)


def test_a_backfill_that_is_cut_off_goes_on(stage: Stage) -> None:
    backup.back_up(stage.world)

    assert stage.cut_off(lambda: backfill(stage.world, 2, SILENT), 7) > 5

    assert not any(open_segments(stage.world, 2).values())
    assert len(stage.rows("measure_data")) == 6
    assert validate.validate(stage.world, Mode.FULL, 10, 1).passed


def test_a_table_that_was_stopped_before_it_was_compared_is_compared_by_the_next_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.back_up(stage.world)
    honest = stage.invoke

    def stopping(name: str, payload: Any) -> Any:
        if name == "Reconcile" and payload["table"] == "actuals":
            raise KeyboardInterrupt
        return honest(name, payload)

    monkeypatch.setattr(stage, "invoke", stopping)
    with pytest.raises(KeyboardInterrupt):
        backfill(stage.world, 1, SILENT)
    monkeypatch.setattr(stage, "invoke", honest)

    for _ in range(2):
        stage.clock.sleep(1)
        assert backfill(stage.world, 1, SILENT).drift == {"links": 0, "milestones": 0, "actuals": 0, "readings": 0}
    compared = [payload["table"] for name, payload in stage.called if name == "Reconcile"]
    assert compared == ["links", "milestones", "actuals", "readings"], "each once"


def test_a_backfill_is_held_to_its_rate_and_waits_for_the_streams(stage: Stage) -> None:
    backup.back_up(stage.world)
    set_rate(stage.world.journal, 40.0)
    stage.readers.lag = 75.0
    told: list[str] = []

    class Watch(Silent):
        def advance(self, part: Advance) -> None:
            told.append(part.waits)
            if part.waits and stage.clock.now() > began + 30:
                stage.readers.lag = 1.0
                set_rate(stage.world.journal, 20.0)

    began = stage.clock.now()
    backfill(stage.world, 2, Watch())

    assert told[0] == "waits: measures is 1 min 15 s behind"
    rates = {payload["units_per_second"] for name, payload in stage.called if name == "Backfill"}
    assert rates == {10.0}, "what was asked for last, shared between two segments"
    assert stage.clock.now() > began + 30


def test_a_table_that_differs_after_its_backfill_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    backup.back_up(stage.world)
    honest = stage.invoke

    def meddling(name: str, payload: Any) -> Any:
        answer = honest(name, payload)
        if name == "Backfill" and payload["table"] == "actuals":
            stage.remove("measure_data", {"id": text(guid("a"))})
        return answer

    monkeypatch.setattr(stage, "invoke", meddling)

    assert backfill(stage.world, 1, SILENT).drift == {"links": 0, "milestones": 0, "actuals": 1, "readings": 0}


def test_a_full_comparison_that_is_cut_off_goes_on(filled: Stage) -> None:
    filled.remove("measure_data", {"id": text(guid("a"))})
    found: list[validate.Validation] = []

    kills = filled.cut_off(lambda: found.append(validate.validate(filled.world, Mode.FULL, 1, 2)), 7)

    assert kills > 3
    assert (found[-1].drift, found[-1].rows) == (1, {validate.ALL: (2 + 6, 2 + 5)})
    full = [payload for name, payload in filled.called if payload.get("mode") == "diff" and payload["table"] == "links"]
    assert len(full) < 2 * kills, "parts that were done are not done again"


def test_a_repair_that_is_cut_off_goes_on(filled: Stage) -> None:
    filled.remove("measure_data", {"id": text(guid("a"))})
    done: list[validate.Validation] = []

    filled.cut_off(lambda: done.append(validate.validate(filled.world, Mode.REPAIR, 1, 1)), 15)

    assert done[-1].passed
    assert len(filled.rows("measure_data")) == 6


def test_a_replay_of_failed_batches_that_is_cut_off_goes_on(filled: Stage) -> None:
    records = filled.application.put("actuals", actual("late"))
    filled.batches.batches["one"] = ("actuals", records)

    filled.cut_off(lambda: quarantine.replay_failed(filled.world), 2)

    assert filled.batches.batches == {}
    assert len(filled.rows("measure_data")) == 8


def test_the_gate_is_shut_by_each_condition(ready: Stage) -> None:
    def shut() -> list[str]:
        return [each.name for each in stops(ready)]

    assert shut() == []
    ready.readers.lag = 30.0
    assert shut() == [f"lag of {source}" for source in MODEL.order]
    ready.readers.lag, ready.readers.polled = 0.0, None
    assert shut() == [f"reader of {source}" for source in MODEL.order]
    ready.readers.polled, ready.readers.lag = 1.0, 13 * 3600.0
    assert "time left in the streams" in shut()
    ready.readers.lag = 0.0
    ready.batches.batches["one"] = ("actuals", [])
    assert shut() == ["failure destination"]
    ready.batches.batches.clear()
    ready.clock.sleep(3_601)
    assert shut() == ["full comparison"]
    forget(ready.world.call(), RUN, ["actuals"])
    assert shut() == ["backfill", "full comparison"]


def test_what_dynamodb_local_cannot_answer_is_unknown_and_leaves_the_gate_open(ready: Stage) -> None:
    gate = cutover.gate(ready.world, {}, thorough=True)

    unknown = [each for each in gate.checks if each.state == State.UNKNOWN]
    assert {each.name.partition(" of ")[0] for each in unknown} == {"backup", "point-in-time recovery"}
    assert next(each for each in unknown if each.name == "backup").found == "this DynamoDB has no backups"
    assert gate.is_open


def test_the_gate_is_shut_by_quarantine_unless_accepted_by_reason(ready: Stage) -> None:
    ready.application.do("actuals", actual("bad", recorded_by=text(" ")))

    reason = "recorded_by: expected text that is not blank, found only white space"

    (shut,) = stops(ready, {"not blank": 1})
    assert shut.found == f"1 × {reason}"
    gate = cutover.gate(ready.world, {})
    assert [(each.reason, each.count, each.accepted) for each in gate.refused] == [(reason, 1, False)]
    accepted = accept(each.accept for each in gate.refused)
    assert not stops(ready, accepted)
    ready.application.do("actuals", actual("worse", recorded_by=text(" ")))
    (shut,) = stops(ready, accepted)
    assert shut.found == f"2 × {reason}", "what has come since was not accepted"
    with pytest.raises(NotReady, match="quarantine: 2 × recorded_by"):
        cutover.cutover(ready.world, accepted, quietly)
    assert ready.readers.switched == [], "nothing was stopped"


def test_a_cutover_that_is_cut_off_goes_on(ready: Stage) -> None:
    kills = ready.cut_off(lambda: cutover.cutover(ready.world, {}, quietly), 9)

    assert kills > 5
    assert (ready.flag.value, ready.readers.on) == (NEW, True)
    assert ready.world.journal.last_done("cutover") is not None
    assert ownership.fenced_since(ready.world), "nothing but a rollback lifts it"


def refused(ready: Stage, moment: str, meddle: Callable[[], None], match: str) -> None:
    """A cutover that something befalls, and that is as if it had not been."""

    def watch(told: str) -> None:
        if told.startswith(moment):
            meddle()

    with pytest.raises(NotReady, match=match):
        cutover.cutover(ready.world, {}, watch)
    assert (ready.flag.value, ready.readers.switched) == (OLD, [])
    assert not ownership.fenced_since(ready.world)


def test_a_change_in_the_pause_is_named_and_ends_the_cutover(ready: Stage) -> None:
    for moment in ("setting the fence", "comparing what was touched"):
        match = f"expected the application to write nothing .* found that it wrote actuals {guid(moment)}: pause it"
        refused(ready, moment, lambda moment=moment: ready.put("actuals", actual(moment)), match)  # type: ignore[misc]
        ready.remove("actuals", actual(moment))


def test_a_change_that_no_function_has_processed_ends_the_cutover(ready: Stage) -> None:
    match = r"expected the last changes to have arrived within 60 s, found 3 rows that differ \(.*missing measure_data"
    refused(ready, "pause the application", lambda: ready.put("actuals", actual("unseen")), match)


def test_a_change_of_a_link_that_its_rows_do_not_show_ends_the_cutover(ready: Stage) -> None:
    """The fan-out of what the tips have read is compared as well."""

    def meddle() -> None:
        ready.application.do("links", link("another"))
        ready.remove("measure_data", *ready.rows("measure_data").values())

    refused(ready, "pause the application", meddle, r"found \d+ rows that differ \(missing measure_data")


def test_an_application_that_does_not_pause_is_named(ready: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        def read(self) -> list[Hint]:
            return [Hint(Key("actuals", "a")), Hint(Key("links", "b"))]

    ready.world = replace(ready.world, tips=Busy)
    refused(ready, "-", lambda: None, r"found that it still writes \(links b, actuals a\)")


def test_what_was_touched_since_the_comparison_is_compared(ready: Stage) -> None:
    """Another program has removed a new row; that of a row which was not touched since is not seen."""
    ready.application.do("actuals", actual("a", actual_value=number(77)))
    ready.remove("measure_data", {"id": text(guid("a"))})
    refused(ready, "-", lambda: None, r"found 1 rows that differ \(missing measure_data")


def test_what_was_touched_before_the_rehearsal_is_not_compared_again(ready: Stage) -> None:
    """Nothing of ours can change such a row unnoticed; a call that ran meanwhile can, and its note is remembered."""
    ready.application.do("actuals", actual("a", actual_value=number(77)))
    note = Note(ready.world.call(), [Hint(Key("actuals", guid("b")))])
    note.cover([])

    def meddle() -> None:
        note.done()
        ready.remove("measure_data", {"id": text(guid("b"))})

    refused(ready, "pause the application", meddle, r"found 1 rows that differ \(missing measure_data")
    ready.invoke("Reconcile", {"mode": "full", "repair": True})
    ready.clock.sleep(1)
    done = cutover.cutover(ready.world, {}, quietly)
    assert (done.flag, done.compared) == (NEW, 0)


def test_a_change_at_the_moment_of_the_flip_is_told(ready: Stage) -> None:
    def meddle(told: str) -> None:
        if told.startswith("the flag says"):
            ready.put("actuals", actual("late"))

    done = cutover.cutover(ready.world, {}, meddle)

    assert (done.flag, done.late) == (NEW, [f"actuals {guid('late')}"])


def test_what_fails_after_the_flip_leaves_the_fence(ready: Stage) -> None:
    """The application owns the new tables by then: without the fence, replication would write over what it writes."""

    def meddle(told: str) -> None:
        if told.startswith("the flag says"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cutover.cutover(ready.world, {}, meddle)

    assert (ready.flag.value, bool(ownership.fenced_since(ready.world))) == (NEW, True)
    assert cutover.cutover(ready.world, {}, quietly).flag == NEW


def test_a_cutover_tells_how_long_the_application_was_paused(ready: Stage) -> None:
    told: list[str] = []
    done = cutover.cutover(ready.world, {}, told.append)

    assert 20 < done.paused_seconds < 40
    assert [each.split(";")[0].split(" is ")[0] for each in told[:4]] == [
        "comparing in advance what was touched since the last complete comparison",
        "the pause will take about 24 s",
        "pause the application's writes to the old tables now",
        "the application",
    ]
    assert done.conditions["backfill"] == "every table"


def test_a_rollback_clears_what_was_replicated_and_nothing_else(filled: Stage) -> None:
    filled.put("measure_data", {"id": text("by hand"), "measure_link_id": text(guid("link"))})
    assert rollback.identified(filled.world, ["actuals"]) == {"measure_links": 0, "measure_data": 6}
    assert rollback.identified(filled.world, ["links"]) == {"measure_links": 2, "measure_data": 0}
    assert rollback.identified(filled.world, ["milestones"]) == {"measure_links": 0, "measure_data": 0}

    assert filled.cut_off(lambda: rollback.clear_rows(filled.world, ["actuals"], SILENT), 2) > 3

    assert filled.rows("measure_data").keys() == {"by hand"}
    assert len(filled.rows("measure_links")) == 2
    assert filled.readers.on is False
    open_ = open_segments(filled.world, 2)
    assert [name for name, left in open_.items() if left] == ["actuals"], "it starts over from the last good step"

    prepare.prepare(filled.world, quietly)
    backfill(filled.world, 2, SILENT)
    assert len(filled.rows("measure_data")) == 6 + 1


@pytest.mark.parametrize("tables", [["actuals"], ["links"], MIGRATED], ids=",".join)
def test_a_rollback_stops_and_clears_exactly_what_its_dry_run_lists(tables: list[str], ready: Stage) -> None:
    """Old rows that changed, moved and went since, a row in quarantine, and one that the application's own people have added."""
    ready.application.do("actuals", actual("bad", recorded_by=text(" ")), actual("a", measure_id=text("m2")))
    ready.remove("actuals", actual("b"))
    ready.put("measure_data", {"id": text("by hand"), "measure_link_id": text(guid("link"))})
    before = {name: ready.rows(name) for name in MODEL.new_tables}

    listed = rollback.identified(ready.world, tables)
    effects = " ".join(rollback.effects(ready.world, tables))
    assert (ready.readers.on, {name: ready.rows(name) for name in MODEL.new_tables}) == (True, before)
    cleared = rollback.clear_rows(ready.world, tables, SILENT)

    assert cleared == listed
    assert {name: len(before[name]) - len(ready.rows(name)) for name in before} == listed
    assert "by hand" in ready.rows("measure_data")
    assert ready.readers.on is False and all(source in effects for source in ready.world.sources)
    open_ = [name for name, left in open_segments(ready.world, 2).items() if left]
    assert open_ == tables and f"backfill of {', '.join(tables)}" in effects
    assert "full comparison" in [each.name for each in stops(ready)] and "no longer count" in effects


def test_a_comparison_from_before_a_rollback_does_not_count(ready: Stage) -> None:
    ready.clock.sleep(1)
    rollback.clear_rows(ready.world, ["actuals"], SILENT)
    prepare.prepare(ready.world, quietly)
    backfill(ready.world, 2, SILENT)

    assert [each.name for each in stops(ready)] == ["full comparison"]
    assert not status.status(ready.world).milestones["compared"]


def test_a_rollback_finds_rows_whose_old_rows_are_gone(filled: Stage) -> None:
    """Nothing but the index knows of a row that was deleted while no stream was read."""
    filled.remove("actuals", actual("a"))

    assert rollback.identified(filled.world, ["actuals"])["measure_data"] == 6


def test_a_rollback_counts_a_row_that_has_moved_once(filled: Stage) -> None:
    filled.application.do("links", link(measure_id=text("m2")))
    filled.application.do("actuals", actual("a", measure_id=text("m2")))

    there = {name: len(filled.rows(name)) for name in MODEL.new_tables}
    assert rollback.identified(filled.world, MIGRATED) == there


def test_after_a_rollback_no_earlier_comparison_counts(ready: Stage) -> None:
    ready.assassin.after(25)
    with suppress(Killed):
        validate.validate(ready.world, Mode.FULL, 100, 1)
    ready.assassin.after(None)
    assert "validate" in ready.world.journal.recall(BEGUN), "some parts are compared"
    ready.clock.sleep(LEASE + 1)

    rollback.clear_rows(ready.world, ["actuals"], SILENT)

    assert "full comparison" in [each.name for each in stops(ready)]
    found = status.status(ready.world)
    assert (found.compared, found.drift) == ("", None)
    assert "validate" not in ready.world.journal.recall(BEGUN), "the next comparison begins with the first row"


def test_after_a_cutover_nothing_is_cleared(ready: Stage) -> None:
    cutover.cutover(ready.world, {}, quietly)
    with pytest.raises(Fenced, match="remodel rollback"):
        rollback.clear_rows(ready.world, ["actuals"], SILENT)

    backs: list[rollback.Back] = []
    ready.put("measure_data", {**ready.rows("measure_data")[guid("a")], "label": text("by the application")})
    ready.cut_off(lambda: backs.append(rollback.flip_back(ready.world)), 9)

    assert (ready.flag.value, ready.readers.on) == (OLD, False)
    assert (backs[-1].orphaned, backs[-1].different, backs[-1].missing) == (0, 1, 0)
    with pytest.raises(NotReady, match="expected a resync since the rollback"):
        rollback.clear_rows(ready.world, ["actuals"], SILENT)
    switched = len(ready.readers.switched)
    with pytest.raises(NotReady, match="reader of links: off"):
        cutover.cutover(ready.world, {}, quietly)
    assert ready.readers.switched[switched:] == [], "a cutover does not switch on what a rollback has left off"


def test_a_rollback_that_is_cut_off_is_not_taken_for_one_before_the_cutover(
    ready: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read flag is back long before the end; typed again, the verb must not clear what the application has written."""
    cutover.cutover(ready.world, {}, quietly)
    monkeypatch.setattr(rollback, "what_is_new", lambda world: rollback.Back("", 0, 0, 0))
    kills = 0
    while ready.flag.value == NEW or ownership.fenced_since(ready.world):
        assert rollback.is_to_flip_back(ready.world)
        ready.assassin.after(kills)
        with suppress(Killed):
            rollback.flip_back(ready.world)
        ready.assassin.after(None)
        kills += 1
    assert kills > 10
    assert returned.last(ready.world) is not None


def test_after_a_rollback_a_resync_and_a_comparison_are_needed(ready: Stage) -> None:
    def shut() -> list[str]:
        return [each.name for each in stops(ready)]

    cutover.cutover(ready.world, {}, quietly)
    rollback.flip_back(ready.world)
    assert not ownership.fenced_since(ready.world)
    prepare.prepare(ready.world, quietly)
    assert shut() == ["time since a rollback", "full comparison"]
    ready.clock.sleep(1)
    assert validate.validate(ready.world, Mode.FULL, 100, 1).passed
    assert shut() == ["time since a rollback"]

    ready.put("actuals", actual("behind the fence"))
    ready.clock.sleep(1)
    ready.cut_off(lambda: resync.resync(ready.world, 1), 9)

    assert len(ready.rows("measure_data")) == 8
    assert shut() == ["full comparison"], "what was compared before the resync does not count"
    ready.clock.sleep(1)
    assert validate.validate(ready.world, Mode.FULL, 100, 1).passed
    assert cutover.cutover(ready.world, {}, quietly).flag == NEW
    assert returned.last(ready.world) is None


def test_no_verb_writes_behind_the_fence(ready: Stage) -> None:
    ready.application.do("actuals", actual("bad", recorded_by=text(" ")))
    ready.batches.batches["one"] = ("actuals", [])
    writing = {
        "prepare": lambda: prepare.prepare(ready.world, quietly),
        "backfill": lambda: backfill(ready.world, 1, SILENT),
        "resync": lambda: resync.resync(ready.world, 1),
        "validate --repair": lambda: validate.validate(ready.world, Mode.REPAIR, 1),
        "quarantine replay": lambda: quarantine.replay(ready.world, ()),
        "quarantine replay --failed": lambda: quarantine.replay_failed(ready.world),
        "rollback --table": lambda: rollback.clear_rows(ready.world, ["actuals"], SILENT),
    }
    before = ready.rows("measure_data")
    ready.world.call().set_fence("2026-11-22T08:00:00Z")
    for verb in writing.values():
        with pytest.raises(Fenced, match="since 2026-11-22.*`remodel rollback` returns to the old tables"):
            verb()
    ready.world.call().lift_fence("2026-11-22T08:00:00Z")
    ready.flag.value = NEW
    for verb in writing.values():
        with pytest.raises(Fenced, match="the flag at 'new'.*`remodel rollback` returns to the old tables"):
            verb()

    assert ready.rows("measure_data") == before
    assert [step.verb for step in ready.world.journal.steps() if step.outcome == "failed"] == ["rollback"]


def test_behind_the_fence_a_comparison_reads_and_says_what_it_compares(ready: Stage) -> None:
    cutover.cutover(ready.world, {}, quietly)
    since = ownership.fenced_since(ready.world)
    written = {**ready.rows("measure_data")[guid("a")], "label": text("by the application")}
    ready.put("measure_data", written)
    before = ready.rows("measure_data")

    for mode in (Mode.SAMPLE, Mode.FULL):
        found = validate.validate(ready.world, mode, 100, 1)
        assert (found.since, found.drift, found.passed) == (since, 1, False)

    assert ready.rows("measure_data") == before
    assert not any(payload.get("repair") for _name, payload in ready.called)
    with show.console().capture() as shown:
        show.validation(found, Path("report.html"))
    told = " ".join(shown.get().split())
    assert "the application owns the new tables since" in told
    assert "compared with what follows from the old tables, so what it has written since then differs" in told


def test_status_names_a_large_group(ready: Stage) -> None:
    for members in (999, 2_000):
        index.name_large(ready.world.call(), Size(members, f"measure_id=s{members}"))

    found = status.status(ready.world)

    assert found.large == ["measure_id=s2000 with 2,000 members"]


def test_status_shows_that_it_was_cut_over_and_since_when(ready: Stage) -> None:
    cutover.cutover(ready.world, {}, quietly)

    found = status.status(ready.world)

    assert (found.reads, found.milestones["cut over"]) == (NEW, True)
    assert found.fence == ownership.fenced_since(ready.world)
    with show.console().capture() as shown:
        show.console().print(show.status(found))
    assert re.search(r"cut over +since 20\d\d-\d\d-\d\d \d\d:\d\d UTC", shown.get())


def test_the_gate_is_shut_by_what_is_under_way(ready: Stage) -> None:
    note = Note(ready.world.call(), [Hint(Key("actuals", guid("a")))])
    note.cover([])
    assert not stops(ready), "a batch is always being written"
    ready.clock.sleep(31)

    (shut,) = stops(ready)
    assert (shut.name, shut.found) == ("notes of calls", "1 open, the oldest for 31 s")
    found = status.status(ready.world)
    assert (found.notes, found.oldest_note, found.fanouts) == (1, 31.0, 0)
    note.done()
    assert not stops(ready)


def test_a_call_that_dies_in_the_pause_ends_the_cutover(ready: Stage) -> None:
    """Its note has no owner before a quarter of an hour is over. Then the sweeper finishes what it had begun."""

    def meddle() -> None:
        Note(ready.world.call(), [Hint(Key("actuals", guid("a")))]).cover([])
        ready.remove("measure_data", {"id": text(guid("a"))})

    refused(ready, "pause the application", meddle, "found 1 open notes and 0 pending fan-outs")
    ready.clock.sleep(960)
    assert ready.invoke("Sweep", {})["left"] == 0
    assert cutover.cutover(ready.world, {}, quietly).flag == NEW
    assert len(ready.rows("measure_data")) == 6


def test_claims_close_the_gate(filled: Stage) -> None:
    filled.put("readings", reading("a"))
    filled.handlers("Backfill", {"table": "readings"})

    found = validate.validate(filled.world, Mode.FULL, 10, 1)

    assert [check.name for check in found.checks if not check.passed] == ["rows that claim a new key of another row"]
    assert found.drift == 0
    (claim,) = [each for each in found.examples if each["what"] == "claims"][:1]
    assert {tuple(claim["origin"]), *map(tuple, claim["others"])} == {("actuals", guid("a")), ("readings", guid("a"))}
    (shut,) = stops(filled)
    assert (shut.name, shut.found) == ("keys claimed twice", "2 rows")


def test_pairs_of_different_tenants_are_named_and_close_the_gate_unless_accepted(filled: Stage) -> None:
    filled.application.do("actuals", actual("of another", tenant_id=text("another")))

    found = validate.validate(filled.world, Mode.FULL, 10, 1)

    assert found.passed and found.drift == 0
    (named,) = {each["key"]: each for each in found.examples if each["what"] == "tenant_violations"}.values()
    assert named["key"] == guid("of another")
    assert sorted(named["others"]) == sorted(["links", id] for id in filled.rows("links"))
    (shut,) = stops(filled)
    assert (shut.name, shut.found) == ("rows kept apart", "2 × pairs of rows that the model keeps apart")
    assert stops(filled, {"pairs of rows that the model keeps apart": 2}) == []


def test_finishing_waits_for_seven_days_and_then_removes_what_nobody_needs(ready: Stage) -> None:
    with pytest.raises(NotReady, match="expected a cutover"):
        finish.check(ready.world)
    cutover.cutover(ready.world, {}, quietly)
    ready.clock.sleep(6.9 * 86_400)
    with pytest.raises(NotReady, match=r"found 6\.9"):
        finish.finish(ready.world, quietly)
    ready.clock.sleep(0.2 * 86_400)
    ready.batches.batches["late"] = ("links", [])
    old = {ready.cloud.tables[name] for name in (*MIGRATED, "index", "quarantine")}
    assert set(finish.removals(ready.world)) == {f"table {name}" for name in old}

    try:
        ready.cut_off(lambda: finish.finish(ready.world, quietly), 4)
        there = set(ready.world.dynamodb.list_tables()["TableNames"])
        assert not old & there
        kept = set(ready.cloud.tables.values()) - old
        assert kept <= there
        assert {f"table {name}" for name in kept} == set(finish.remains(ready.world)) - {ready.flag.name}
        assert ready.batches.batches == {}
        assert len(ready.rows("measure_data")) == 6
        assert status.status(ready.world).next.step == "nothing"
    finally:
        for each in ready.world.declared:
            if each["TableName"] in old:
                ready.world.dynamodb.create_table(**each)


def test_a_resync_that_is_cut_off_goes_on_and_covers_the_gap(ready: Stage) -> None:
    sighted(ready.world.call(), "actuals", "")
    ready.clock.sleep(90_000)
    sighted(ready.world.call(), "actuals", "")
    backup.back_up(ready.world)
    assert validate.validate(ready.world, Mode.FULL, 100, 1).passed
    ready.put("actuals", actual("unseen"), actual("a", actual_value=number(77)))
    (shut,) = stops(ready)
    assert (shut.name, shut.found) == ("gaps in streams", "actuals")

    ready.cut_off(lambda: resync.resync(ready.world, 1), 9)

    ready.clock.sleep(1)
    assert not stops(ready)
    assert len(ready.rows("measure_data")) == 8
    assert ready.rows("measure_data")[guid("a")]["post_value"] == number(77)


def test_verbs_that_would_undo_each_other_do_not_run_together(filled: Stage) -> None:
    bert = replace(filled.world.journal, me="bert@elsewhere (process 1)")
    with bert.step("backfill"), pytest.raises(Busy, match="running backfill"):
        rollback.clear_rows(filled.world, ["actuals"], SILENT)


def test_a_function_that_fails_in_passing_is_called_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    backup.back_up(stage.world)
    honest, failures = stage.invoke, []

    def failing(name: str, payload: Any) -> Any:
        if name == "Backfill" and len(failures) < 3:
            failures.append(name)
            raise CallFailed("expected an answer, found none")
        return honest(name, payload)

    monkeypatch.setattr(stage, "invoke", failing)
    backfill(stage.world, 1, SILENT)

    assert len(failures) == 3
    assert len(stage.rows("measure_data")) == 6
