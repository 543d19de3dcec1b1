"""A batch becomes changes: the newest that counts, one per row and group."""

from __future__ import annotations

from typing import Any

from tests.records import Stream
from tests.rows import MEASURE, OTHER_MEASURE, actual, guid, number, text

from measures import MODEL
from remodel.core.change import Intake, fold
from remodel.core.record import Understood, understand
from remodel.core.wire import Item

ACTUALS = MODEL.sources["actuals"]


def intake(*states: Item | None) -> Intake:
    """The intake of the records that lead through these states of one row."""
    stream = Stream({"actuals": "actuals"})
    records: list[Any] = [
        understand(stream.record("actuals", old, new), ACTUALS, "actuals")
        for old, new in zip(states, states[1:], strict=False)
    ]
    assert all(isinstance(each, Understood) for each in records)
    return fold(ACTUALS, guid("actual"), records)


def told(made: Intake) -> list[tuple[str, bool]]:
    return sorted((change.key.group, change.row is not None) for change in made.changes)


BAD = actual(recorded_by=text(" "))
MOVED = actual(measure_id=text(OTHER_MEASURE))


def test_the_newest_change_counts() -> None:
    made = intake(None, actual(), actual(actual_value=number(8)))

    assert [change.row.actual_value for change in made.changes] == [8]


def test_a_move_is_a_removal_there_and_an_insertion_here() -> None:
    assert told(intake(actual(), MOVED)) == [(MEASURE, False), (OTHER_MEASURE, True)]


def test_a_move_and_back_again_leaves_the_other_group() -> None:
    assert told(intake(actual(), MOVED, actual())) == [(MEASURE, True), (OTHER_MEASURE, False)]


def test_a_removal_names_every_group_that_the_row_has_been_in() -> None:
    assert told(intake(actual(), MOVED, None)) == [(MEASURE, False), (OTHER_MEASURE, False)]


def test_a_refused_row_changes_nothing() -> None:
    made = intake(actual(), BAD)

    assert ([], frozenset({MEASURE})) == (made.changes, made.refusal and made.refusal.groups)


def test_the_last_good_version_before_a_refusal_is_taken() -> None:
    made = intake(None, actual(), BAD)

    assert told(made) == [(MEASURE, True)]
    assert made.refusal is not None and made.changes[0].version < made.refusal.version


def test_a_row_refused_while_it_moves_remembers_where_it_was() -> None:
    made = intake(actual(), {**BAD, "measure_id": text(OTHER_MEASURE)})

    assert made.refusal is not None
    assert {MEASURE, OTHER_MEASURE} == made.refusal.groups


def test_a_mended_row_says_so() -> None:
    assert intake(BAD, actual()).mended
    assert not intake(actual(), actual(actual_value=number(8))).mended


def test_only_a_single_plain_change_is_clean() -> None:
    """Clean: no earlier change of the row in this batch, no change of what it pairs with, never refused."""
    tenant = actual(tenant_id=text("t"))

    assert [change.clean for change in intake(actual(), actual(actual_value=number(8))).changes] == [True]
    assert [change.clean for change in intake(None, actual(), actual(actual_value=number(8))).changes] == [False]
    assert [change.clean for change in intake(actual(), tenant).changes] == [False]
    assert [change.clean for change in intake(BAD, actual()).changes] == [False]


def test_a_row_whose_id_no_row_can_have_leaves_no_tombstone() -> None:
    stream = Stream({"actuals": "actuals"})
    row = {**actual(), "id": text("not a guid")}
    found = understand(stream.record("actuals", row, None), ACTUALS, "actuals")

    assert isinstance(found, Understood)
    assert fold(ACTUALS, "not a guid", [found]).changes == []
