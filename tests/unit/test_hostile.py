"""Records of any shape: each ends as a new row, or in quarantine with its image and a reason, and the shard moves on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.records import Stream
from tests.rows import actual, guid, link
from tests.worlds import NAMES, engine, patience, store

from remodel.core.errors import WrongStreamView
from remodel.flow.quarantine import all_held, image
from remodel.flow.replicate import replicate

TEXTS = st.one_of(
    st.text(), st.sampled_from(["\ud800", "\x00", "\u202e", "𝒳" * 50, "", " ", "NaN", "-0", "1E+999", "1" * 39, "٣"])
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
KINDS = st.sampled_from(["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "X", ""])
VALUES = st.one_of(
    JSON, st.dictionaries(KINDS, JSON, max_size=2), TEXTS.map(lambda t: {"S": t}), TEXTS.map(lambda t: {"N": t})
)
NAMES_OF_ATTRIBUTES = st.one_of(
    st.sampled_from(sorted([*actual(), "tenant_id", "kpi_id", "data_source", "legacy"])), TEXTS
)
IMAGES = st.dictionaries(NAMES_OF_ATTRIBUTES, VALUES, max_size=6).map(lambda changes: {**actual(), **changes})


@st.composite
def records(draw: st.DrawFn) -> Any:
    """A record that is right, with some of it replaced by anything."""
    stream = Stream(NAMES)
    name = draw(st.sampled_from(["a", "b"]))
    old = draw(st.one_of(st.none(), st.just(actual(name)), IMAGES))
    new = draw(IMAGES)
    record = stream.record("actuals", old, {**new, "id": draw(st.one_of(st.just({"S": guid(name)}), VALUES))})
    for path in draw(st.lists(st.sampled_from(["", "dynamodb"]), max_size=2)):
        target = record[path] if path else record
        if isinstance(target, dict) and target:
            target[draw(st.sampled_from(sorted(target)))] = draw(JSON)
    return draw(st.one_of(st.just(record), JSON)) if draw(st.integers(0, 9)) == 0 else record


@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(records(), min_size=1, max_size=4))
@pytest.mark.timeout(400)
def test_every_record_ends_somewhere_and_the_shard_moves_on(hostile: list[Any]) -> None:
    made, stream = engine(), Stream(NAMES, "2026-11-23T00:00:00.000")
    replicate(made, "links", "links", {"Records": [stream.record("links", None, link())]}, patience(made))
    neighbour = stream.record("actuals", None, actual("neighbour"))
    try:
        batch = replicate(made, "actuals", "actuals", {"Records": [*hostile, neighbour]}, patience(made))
    except WrongStreamView:
        return

    assert batch.failed is None
    assert (guid("neighbour"),) in store(made).tables["measure_data"].items
    for held in all_held(made):
        assert held.reason
        json.dumps(image(made, held, patience(made)))


@settings(max_examples=1_000, deadline=None)
@given(JSON)
def test_an_event_of_any_shape_is_answered_or_named(event: Any) -> None:
    from remodel.core.errors import RemodelError

    made = engine()
    try:
        answer = replicate(made, "actuals", "actuals", event, patience(made)).answer
    except RemodelError as problem:
        assert "expected" in str(problem)
    else:
        assert answer == {"batchItemFailures": []}
