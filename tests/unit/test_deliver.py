"""Nothing that DynamoDB did not process is lost: it is sent again, or reported."""

from __future__ import annotations

from tests.records import Stream
from tests.rows import actual, guid, link
from tests.worlds import NAMES, engine, patience, store

from remodel.adapters.memory import Handle
from remodel.core.errors import Unavailable
from remodel.core.model import NewKey
from remodel.flow import deliver
from remodel.flow.replicate import replicate
from remodel.ports import INDEX, Outcome, Write


class Flaky:
    """Answers AGAIN for the first `times` requests that touch one of these tables' items."""

    def __init__(self, times: int, *operations: str) -> None:
        self.left, self.operations = times, operations

    def __call__(self, operation: str, table: str, handle: Handle) -> Outcome | None:
        if operation in self.operations and self.left:
            self.left -= 1
            return Outcome.AGAIN
        return None


def test_unprocessed_writes_are_sent_again() -> None:
    made = engine(Flaky(30, "write"))
    writes = [Write(NewKey("measure_data", str(n)), {"id": {"S": str(n)}}) for n in range(60)]

    left = deliver.write(made, writes, patience(made))

    assert not left.unfinished
    assert len(store(made).tables["measure_data"].items) == 60


def test_what_stays_unprocessed_is_reported() -> None:
    made = engine(lambda operation, table, handle: Outcome.AGAIN if handle == ("7",) else None)
    writes = [Write(NewKey("measure_data", str(n)), {"id": {"S": str(n)}}) for n in range(60)]

    assert {NewKey("measure_data", "7")} == deliver.write(made, writes, patience(made)).unfinished


def test_a_batch_answers_with_the_first_record_that_is_not_done() -> None:
    """Not with the first of the batch, and not with all."""
    stuck = guid("third")
    made = engine(
        lambda operation, table, handle: Outcome.AGAIN if operation == "write" and handle == (stuck,) else None
    )
    stream = Stream(NAMES)
    replicate(made, "links", "links", {"Records": [stream.record("links", None, link())]}, patience(made))
    records = [stream.record("actuals", None, actual(name)) for name in ("first", "second", "third", "fourth")]

    batch = replicate(made, "actuals", "actuals", {"Records": records}, patience(made, 5))

    assert records[2]["dynamodb"]["SequenceNumber"] == batch.failed
    assert {guid("first"), guid("second"), guid("fourth")} == {
        key for (key,) in store(made).tables["measure_data"].items
    }


def test_statements_that_fail_with_http_200_are_sent_again() -> None:
    made = engine(Flaky(3, "guard"))
    stream = Stream(NAMES)

    batch = replicate(
        made, "actuals", "actuals", {"Records": [stream.record("actuals", None, actual())]}, patience(made)
    )

    assert (batch.failed, sum(name.startswith("actuals#") for _, name in store(made).tables[INDEX].items)) == (None, 1)


def test_unread_keys_are_asked_for_again() -> None:
    made = engine(Flaky(5, "get"))
    stream = Stream(NAMES)

    batch = replicate(made, "links", "links", {"Records": [stream.record("links", None, link())]}, patience(made))

    assert (batch.failed, len(store(made).tables["measure_links"].items)) == (None, 1)


def test_a_request_that_fails_as_a_whole_fails_the_batch_from_its_first_record() -> None:
    def down(operation: str, table: str, handle: Handle) -> Outcome | None:
        raise Unavailable("down")

    made, stream = engine(down), Stream(NAMES)
    records = [stream.record("actuals", None, actual(name)) for name in ("first", "second")]

    batch = replicate(made, "actuals", "actuals", {"Records": records}, patience(made, 5))

    assert records[0]["dynamodb"]["SequenceNumber"] == batch.failed


def test_one_row_that_dynamodb_rejects_does_not_take_its_neighbours_along() -> None:
    class Strict(type(store(engine()))):  # type: ignore[misc]
        def write(self, writes: list[Write]) -> list[Write]:
            from remodel.core.errors import Rejected

            if any(each.key.id == guid("second") for each in writes):
                raise Rejected("ValidationException: no")
            return super().write(writes)  # type: ignore[no-any-return]

    made = engine()
    strict = Strict(store(made).tables)
    made = type(made)(made.model, strict, made.clock)
    stream = Stream(NAMES)
    replicate(made, "links", "links", {"Records": [stream.record("links", None, link())]}, patience(made))
    records = [stream.record("actuals", None, actual(name)) for name in ("first", "second", "third")]

    batch = replicate(made, "actuals", "actuals", {"Records": records}, patience(made))

    assert (batch.failed, batch.quarantined) == (None, 1)
    assert {guid("first"), guid("third")} == {key for (key,) in strict.tables["measure_data"].items}
    assert {("actuals", guid("second"))} == set(strict.tables["quarantine"].items)
