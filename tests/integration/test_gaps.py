"""Whatever may have lost a record: each closes the gate, raises an alarm, and is covered by a resync."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from remodel.errors import WrongStream
from remodel.sources import Source
from remodel.streams import sighted
from runner import backup, quarantine, resync, validate
from runner.comparison import FRESH, begin
from runner.drive import begun
from runner.errors import UnreadableBatch
from runner.validate import Mode
from tests.integration.stage import Killed, Stage, stops
from tests.records import Application
from tests.rows import actual, guid, number, text
from tests.template.transformed import of_type, transformed


class Observed:
    """Event source mappings as AWS tells of them: each reads the latest stream of its table, unless a test says otherwise."""

    def __init__(self, stage: Stage) -> None:
        self.streams = {name: stage.world.describe(name)["LatestStreamArn"] for name in stage.model.old_tables}
        self.polled_: float | None = 0.0
        self.lost: datetime | None = None

    def find(self, function: str) -> Source:
        return Source(function, self.streams[function], "Enabled")

    def polled(self, source: Source) -> float | None:
        return self.polled_

    def dropped(self, source: Source) -> datetime | None:
        return self.lost if source.id == "actuals" else None


@pytest.fixture
def observed(ready: Stage) -> Observed:
    made = Observed(ready)
    watching = ready.load("Watch")
    watching.functions.clear()
    watching.functions.update({name: name for name in made.streams})
    object.__setattr__(watching, "sources", made)
    ready.invoke("Watch", {})
    return made


def not_read_for_long(stage: Stage, observed: Observed) -> None:
    """No stream; the iterators were trimmed meanwhile."""
    observed.polled_ = None
    stage.clock.sleep(90_000)
    stage.invoke("Watch", {})
    observed.polled_ = 0.0


def given_up_and_not_kept(stage: Stage, observed: Observed) -> None:
    """By age, or after too many tries, and Lambda could not write to the failure destination."""
    observed.lost = datetime.fromtimestamp(stage.clock.now(), UTC)


def another_stream_is_read(stage: Stage, observed: Observed) -> None:
    observed.streams["actuals"] += "0"


def a_new_label(stage: Stage, observed: Observed) -> None:
    """The function receives a batch of a stream that it has not read before."""
    (record,) = stage.application.put("actuals", actual("a"))
    sighted(stage.world.call(), "actuals", "2020-01-01T00:00:00.000")
    stage.handlers("ReplicateActuals", {"Records": [record]})


def a_record_without_a_key(stage: Stage, observed: Observed) -> None:
    stage.handlers("ReplicateActuals", {"Records": [{"dynamodb": {}}]})


GAPS: list[Callable[[Stage, Observed], None]] = [
    not_read_for_long,
    given_up_and_not_kept,
    another_stream_is_read,
    a_new_label,
    a_record_without_a_key,
]


def emitted(text: str, metric: str) -> list[float]:
    return [
        float(line.split(f'"{metric}":[')[1].split("]")[0]) for line in text.splitlines() if f'"{metric}":[' in line
    ]


@pytest.mark.parametrize("befalls", GAPS, ids=lambda each: each.__name__)
def test_a_gap_closes_the_gate_raises_an_alarm_and_is_covered_by_a_resync(
    befalls: Callable[[Stage, Observed], None],
    ready: Stage,
    observed: Observed,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not stops(ready)
    ready.put("actuals", actual("unseen"))  # what the lost record was about
    befalls(ready, observed)
    capsys.readouterr()

    assert "actuals" in ready.invoke("Watch", {})["gaps"]
    assert emitted(capsys.readouterr().out, "Gaps")[0] > 0
    (shut,) = [each.found for each in stops(ready) if each.name == "gaps in streams"]
    assert "actuals" in shut

    observed.lost, observed.streams["actuals"] = None, ready.world.describe("actuals")["LatestStreamArn"]
    resync.resync(ready.world, 1)

    assert guid("unseen") in ready.rows("measure_data")
    assert ready.invoke("Watch", {})["gaps"] == []
    ready.clock.sleep(1)
    backup.back_up(ready.world)
    assert validate.validate(ready.world, Mode.FULL, 100, 1).passed
    assert not stops(ready)


def test_the_alarm_of_gaps_goes_off_at_one_and_when_nobody_looks() -> None:
    alarm = of_type(transformed(), "AWS::CloudWatch::Alarm")["GapAlarm"]

    assert (alarm["MetricName"], alarm["Threshold"], alarm["ComparisonOperator"]) == ("Gaps", 0, "GreaterThanThreshold")
    assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("kept", [True, False], ids=["with records", "without"])
def test_what_lambda_has_given_up_closes_the_gate_and_is_covered_by_a_resync(kept: bool, ready: Stage) -> None:
    """By age, or after too many tries. The alarm is one on Lambda's own metric: see the tests of the template."""
    changes = ready.application.put("actuals", actual("late"))
    ready.batches.batches["note"] = ("actuals", changes if kept else [])
    assert [each.name for each in stops(ready)] == ["failure destination"]

    resync.resync(ready.world, 1)

    assert ready.batches.batches == {}
    assert guid("late") in ready.rows("measure_data")
    assert "failure destination" not in [each.name for each in stops(ready)]


def test_a_failure_note_without_records_is_not_replayed_as_if_it_had_none(ready: Stage) -> None:
    changes = ready.application.put("actuals", actual("late"))
    ready.batches.batches.update({"empty": ("actuals", []), "full": ("actuals", changes)})

    with pytest.raises(UnreadableBatch, match="^empty: expected a batch with its records: `remodel resync"):
        quarantine.replay_failed(ready.world)

    assert set(ready.batches.batches) == {"empty"}, "what could be replayed was"
    assert guid("late") in ready.rows("measure_data")
    assert [each.name for each in stops(ready)] == ["failure destination"]


def test_a_batch_that_was_given_up_after_a_resync_began_is_not_covered_by_it(ready: Stage) -> None:
    ready.assassin.after(25)
    with suppress(Killed):
        resync.resync(ready.world, 1)
    ready.assassin.after(None)
    ready.clock.sleep(61)
    ready.batches.batches["later"] = ("actuals", [])

    resync.resync(ready.world, 1)

    assert set(ready.batches.batches) == {"later"}


def test_a_resync_that_was_abandoned_leaves_no_progress(ready: Stage) -> None:
    """Too old to go on, it is begun anew; what the index knows of it is forgotten."""
    ready.assassin.after(60)
    with suppress(Killed):
        resync.resync(ready.world, 1)
    ready.assassin.after(None)
    (run,) = {payload["run"] for _name, payload in ready.called if payload.get("run", "").endswith("/rows")}
    assert begun(ready.world, run), "it had begun"

    ready.clock.sleep(max(FRESH, resync.FRESH) + 1)
    begin(ready.world, resync.VERB, [1, *resync.tables(ready.world)], resync.FRESH)

    assert not begun(ready.world, run)
    assert not begun(ready.world, run.replace("/rows", "/walk"))


@pytest.mark.parametrize("source", ["links", "actuals"])
def test_records_of_another_table_hold_the_shard_and_fill_no_quarantine(source: str, application: Application) -> None:
    """An exception leaves the batch where it is: Lambda hands it over again, the lag grows, and the alarms of lag go off."""
    other = {"links": "actuals", "actuals": "links"}[source]
    foreign = application.put(other, *(actual(f"{n}", recorded_by=text(" "), weight=number(7)) for n in range(3)))

    with pytest.raises(WrongStream, match="the shard is held"):
        application.handlers(f"Replicate{source.title()}", {"Records": foreign})

    assert application.place.rows("quarantine") == []
    alarms = of_type(transformed(), "AWS::CloudWatch::Alarm")
    assert alarms[f"{source.title()}BehindAlarm"]["MetricName"] == "IteratorAge"
    assert alarms[f"{source.title()}GivenUpAlarm"], "and so does this one when Lambda gives up"
