"""A stream record is understood, or it is unreadable; it never raises, but for the wrong stream view."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.records import Stream
from tests.rows import actual, text

from measures import MODEL
from remodel.core.errors import WrongStreamView
from remodel.core.record import Bad, Good, Understood, Unreadable, understand

ACTUALS = MODEL.sources["actuals"]
EVENTS = Path(__file__).parents[2] / "events"


def record(**changes: Any) -> dict[str, Any]:
    made = Stream({"actuals": "actuals"}).record("actuals", None, actual())
    body = {**made["dynamodb"], **changes.pop("dynamodb", {})}
    return {**made, "dynamodb": body, **changes}


def test_an_insert() -> None:
    found = understand(record(), ACTUALS, "actuals")

    assert isinstance(found, Understood)
    assert (found.old, found.new and found.new.group) == (None, "measure-a")
    assert isinstance(found.new, Good)


def test_the_index_keeps_only_what_the_model_reads() -> None:
    found = understand(record(dynamodb={"NewImage": actual(unknown=text("x"))}), ACTUALS, "actuals")

    assert isinstance(found, Understood) and isinstance(found.new, Good)
    assert "unknown" not in found.new.item


def test_a_refused_row_keeps_its_image() -> None:
    image = actual(recorded_by=text(" "), unknown={"B": "AAEC"})

    found = understand(record(dynamodb={"NewImage": image}), ACTUALS, "actuals")

    assert isinstance(found, Understood) and isinstance(found.new, Bad)
    assert (image, "measure-a") == (found.new.image, found.new.group)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "record",
        {},
        {"dynamodb": None},
        record(eventName="UPSERT"),
        record(eventName=None),
        record(eventSourceARN="arn:aws:sqs:eu-west-1:1:queue"),
        record(eventSourceARN=None),
        record(eventSourceARN="arn:aws:dynamodb:eu-west-1:1:table/other/stream/2026-11-22T08:00:00.000"),
        record(dynamodb={"SequenceNumber": None}),
        record(dynamodb={"SequenceNumber": "abc"}),
        record(dynamodb={"Keys": {}}),
        record(dynamodb={"Keys": {"id": {"N": "1"}}}),
        record(dynamodb={"Keys": {"id": {"S": "\ud800"}}}),
        record(dynamodb={"NewImage": None}),
        record(eventName="REMOVE"),
    ],
    ids=str,
)
def test_unreadable(broken: Any) -> None:
    found = understand(broken, ACTUALS, "actuals")

    assert isinstance(found, Unreadable)
    assert "expected" in found.reason
    assert broken is found.record


def test_the_wrong_stream_view_spoils_every_record() -> None:
    with pytest.raises(WrongStreamView, match="NEW_AND_OLD_IMAGES.*KEYS_ONLY"):
        understand(record(dynamodb={"StreamViewType": "KEYS_ONLY"}), ACTUALS, "actuals")


def test_a_row_too_large_for_the_new_model_is_refused() -> None:
    found = understand(record(dynamodb={"NewImage": actual(override_comment=text("x" * 405_000))}), ACTUALS, "actuals")

    assert isinstance(found, Understood) and isinstance(found.new, Bad)
    assert "at most 400000 bytes" in found.new.reason


def test_an_image_with_another_key_is_refused() -> None:
    found = understand(record(dynamodb={"Keys": {"id": text("somebody else")}}), ACTUALS, "actuals")

    assert isinstance(found, Understood) and isinstance(found.new, Bad)


def test_the_events_of_the_repository_are_what_they_are_called() -> None:
    def sides(name: str) -> list[Any]:
        found = []
        for each in json.loads((EVENTS / name).read_text())["Records"]:
            understood = understand(each, ACTUALS, "purposepath-measure-actuals")
            assert isinstance(understood, Understood), understood
            found.append((type(understood.old), type(understood.new)))
        return found

    none = type(None)
    assert [(none, Good)] == sides("insert.json")
    assert [(Good, Good)] == sides("modify.json") == sides("move-to-another-measure.json")
    assert [(Good, none)] == sides("remove.json") == sides("ttl-removal.json")
    assert [(Good, Bad)] == sides("poisoned-row.json")
    assert [(Bad, Good)] == sides("mended-row.json")
