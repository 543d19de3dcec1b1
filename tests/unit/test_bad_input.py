"""What no declaration can keep out, at a stream's function: it goes to quarantine, and the rest of its batch is done.

Contradictions that a declaration shows are errors at import: tests/unit/test_model_errors.py, test_kind_errors.py. What only
rows show is found by `check` as well: tests/unit/test_laws.py.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from remodel.call import Place
from remodel.items import Item
from remodel.joins import each
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model
from remodel.replicate import replicate
from remodel.store import QUARANTINE
from remodel_testing.memory import MemoryStore
from remodel_testing.simulation.parts import StepClock, tables_of

OLD, TAGS = Old("old", PK=str), Old("tags", id=str)


class Short(Kind, of=OLD, PK="A#{id}"):
    id: str
    value: Decimal


class Long(Kind, of=OLD, PK="{kind}#X"):
    kind: str


class Tag(Kind, of=TAGS, id="{id}"):
    id: str
    group: str


class Ids:
    """An escape hatch whose leader is none of the members."""

    def shared(self, row: Any) -> str:
        return str(row["id"])

    def own(self, row: Any, member: Any) -> str:
        return f"{row['id']}:{member['id']}"

    def leader(self, row: Any, members: Any) -> Any:
        return "nobody"

    def shared_origin(self, text: str) -> Any:
        return {"id": text}

    def may_be_own(self, text: str) -> bool:
        return ":" in text

    def member_of(self, item: Item) -> Any:
        return None


def model(function: Callable[[Any], Any], **how: Any) -> Model:
    made = Model("bad")

    @made.becomes(New("new", id=str, indexes=[Index("by-value", "value", types={"value": int})]))
    def mapped(it: Short) -> Any:
        return function(it) if it.id == "bad" else {"value": 1}

    @made.becomes(New("longs", kind=str))
    def long(it: Long) -> Any:
        return {}

    return made


def quarantined(model: Model, bad: str = "A#bad") -> dict[str, str]:
    """What a batch of the bad item and a good one leaves in quarantine, by key."""
    store = MemoryStore(tables_of(model))
    place = Place(model, store, StepClock(0, lambda seconds: None), frozenset(model.old_tables))
    items = [{"PK": {"S": key}, "value": {"N": "1"}} for key in (bad, "A#good")]
    for item in items:
        store.tables["old"].put(item)
    records = [record(n, item) for n, item in enumerate(items)]

    assert replicate(place.call(9e9), "old", "old", {"Records": records}).failed is None
    assert "good" in store.tables["new"].items
    assert "bad" not in store.tables["new"].items or not store.tables[QUARANTINE].items
    return {item["row_id"]["S"]: item["reason"]["S"] for item in store.tables[QUARANTINE].items.values()}


def record(n: int, item: Item) -> Any:
    body = {
        "Keys": {"PK": item["PK"]},
        "NewImage": item,
        "SequenceNumber": str(n),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    arn = "arn:aws:dynamodb:eu-central-1:1:table/old/stream/one"
    return {"eventName": "INSERT", "eventSourceARN": arn, "dynamodb": body}


def fails(row: Any) -> Any:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda row: {"at": datetime(2026, 1, 1, tzinfo=UTC)}, "at: expected a value that DynamoDB can hold"),
        (lambda row: {"at": 1.5}, "found a Python float"),
        (lambda row: {"value": "1"}, "value: expected type N for by-value of new, found S"),
        (lambda row: [("value", 1)], "expected mapped to answer attributes by name, found a list"),
        (lambda row: {1: "x"}, "expected mapped to answer attributes by name, found a dict"),
        (lambda row: {"text": "x" * 500_000}, "expected a new row of new of at most"),
        (fails, "expected mapped to answer, found that it raised KeyError"),
    ],
)
def test_what_a_mapping_may_not_answer_is_quarantined(answer: Any, reason: str) -> None:
    found = quarantined(model(answer))

    assert found.keys() == {"A#bad"}
    assert reason in found["A#bad"]


@pytest.mark.parametrize(
    ("key", "reason"), [("A#1#X", "exactly one kind of old, found Short and Long"), ("B", "found none")]
)
def test_an_item_that_fits_two_kinds_or_none_is_quarantined(key: str, reason: str) -> None:
    found = quarantined(model(lambda row: {}), key)

    assert found.keys() == {key}
    assert reason in found[key]


def test_a_mapping_that_differs_between_two_calls_blocks_nothing() -> None:
    numbers = count()

    assert quarantined(model(lambda row: {"value": next(numbers)})) == {}
    assert quarantined(model(lambda row: {"at": datetime.now(UTC).isoformat()})) == {}


@pytest.mark.parametrize(
    ("keys", "answer", "reason"),
    [
        (Ids(), {}, "expected `leader` to answer one of the members, found another"),
        (None, [("value", 1)], "expected mapped to answer attributes by name, found a list"),
    ],
)
def test_what_shows_only_with_members_is_quarantined(keys: Any, answer: Any, reason: str) -> None:
    class Row(Kind, of=Old("rows", id=str), id="{id}"):
        id: str
        group: str

    made = Model("members")
    joins = {"tag": each(Tag, on=("group", "group"))}
    how: dict[str, Any] = {"keys": keys} if keys else {"id": "{id}:{tag.id}"}

    @made.becomes(New("new", id=str), joins=joins, **how)
    def mapped(it: Row, tag: Any) -> Any:
        return answer

    store = MemoryStore(tables_of(made))
    place = Place(made, store, StepClock(0, lambda seconds: None), frozenset(made.old_tables))
    for name, texts in (("tags", ("t1", "t2")), ("rows", ("r",))):
        items = [{"id": {"S": text}, "group": {"S": "g"}} for text in texts]
        for item in items:
            store.tables[name].put(item)
        records = [
            {**record(n, {"PK": item["id"]}), "eventSourceARN": f"arn:aws:dynamodb:x:1:table/{name}/stream/one"}
            for n, item in enumerate(items)
        ]
        for each_record, item in zip(records, items, strict=True):
            each_record["dynamodb"] |= {"Keys": {"id": item["id"]}, "NewImage": item}
        assert replicate(place.call(9e9), name, name, {"Records": records}).failed is None

    assert [reason in item["reason"]["S"] for item in store.tables[QUARANTINE].items.values()] == [True]
