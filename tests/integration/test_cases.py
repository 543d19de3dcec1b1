"""Each folder of tests/cases through the handlers that Lambda calls: old rows in, exactly these new rows out.

Each state of the old tables comes from the streams, links first and links last, and once more at the end; all states at once,
with every record late; and a single state by backfill. A bug report becomes a folder. Old rows that DynamoDB itself refuses,
because an index of their table is on the odd attribute, are for the pure tests alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.case import CASES, Case
from tests.records import Application, Record

COUNTS = {"ambiguous": "ambiguous_lookups"}
"""What a case and a report name differently."""

Batches = list[tuple[str, list[Record]]]

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture
def told(case: Case, request: pytest.FixtureRequest) -> Application:
    """The application that the case is about."""
    found: Application = request.getfixturevalue("application" if case.model == "measures" else case.model)
    return found


def links_first(sources: Sequence[str]) -> Sequence[str]:
    return sources


def links_last(sources: Sequence[str]) -> Sequence[str]:
    return sources[::-1]


orders = pytest.mark.parametrize(
    "order",
    [
        pytest.param(links_first, id="links_first"),
        pytest.param(links_last, id="links_last", marks=pytest.mark.slow),  # in memory, too: tests/unit/test_cases.py
    ],
)
Order = Callable[[Sequence[str]], Sequence[str]]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 100
    assert all(sum(case.model == model for case in CASES) >= 10 for model in ("shop", "social"))


@cases
@orders
def test_stream(case: Case, order: Order, told: Application) -> None:
    """Each change is delivered as it is made, and all of them once more when the old tables have gone on."""
    delivered: Batches = []
    for state in case.states:
        batches = changes(told, state, order)
        deliver(told, batches)
        delivered += batches
    case.check(told.place.model, told.place.by_key)

    deliver(told, delivered)

    case.check(told.place.model, told.place.by_key)


@pytest.mark.parametrize("case", [case for case in CASES if len(case.states) > 1], ids=lambda case: case.name)
def test_a_stream_that_is_late(case: Case, told: Application) -> None:
    """Every record tells of rows that have changed since; the last one comes first."""
    batches = [batch for state in case.states for batch in changes(told, state, links_first)]
    deliver(told, batches[::-1])

    case.check(told.place.model, told.place.by_key)


@pytest.mark.parametrize("case", [case for case in CASES if len(case.states) == 1], ids=lambda case: case.name)
def test_backfill(case: Case, told: Application) -> None:
    """A case comes out right from backfill alone; a comparison finds nothing, and counts what the case says."""
    changes(told, case.states[0], links_first)
    told.backfill()

    case.check(told.place.model, told.place.by_key)
    report = told.handlers("Reconcile", {"mode": "counts"})
    assert report["drift"] == 0, report["examples"]
    told = {COUNTS.get(name, name): count for name, count in case.new["counts"].items()}
    assert {name: report[name] for name in told} == told


def changes(told: Application, state: Any, order: Order) -> Batches:
    sources = order(told.place.model.order)
    try:
        made = [(source, told.become(source, state.get(source, ()))) for source in sources]
    except ClientError as problem:
        pytest.skip(f"no row of an old table: {problem}")
    return [(source, records) for source, records in made if records]


def deliver(told: Application, batches: Batches) -> None:
    for source, records in batches:
        told.deliver(source, *records)
