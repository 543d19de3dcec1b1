"""Lookups of many rows in step: each asks for its next rows, all are fetched together, each goes on with its answer."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from remodel.core.errors import Unavailable
from remodel.core.model import Context, Find, Get, Lookups
from remodel.core.record import KEY
from remodel.core.wire import Item
from remodel.flow import deliver
from remodel.flow.engine import Engine, Patience

K = TypeVar("K", bound=Hashable)
KEY_LIMIT = 2_048
"""Bytes of a partition key: DynamoDB refuses to look for more, and has nothing there."""

Answers = dict[Get | Find, list[Item]]


def resolve(engine: Engine, lookups: Mapping[K, Lookups], patience: Patience) -> dict[K, Context]:
    """The contexts of all lookups, from the tables as they are now. Raises Unavailable when time is up."""
    return drive(lookups, lambda asked: from_tables(engine, set(asked.values()), patience))


def drive(lookups: Mapping[K, Lookups], answer: Callable[[Mapping[K, Get | Find]], Answers]) -> dict[K, Context]:
    """Step by step until each has its context; `answer` is given what is asked in one step, and by whom."""
    contexts: dict[K, Context] = {}
    asked = {key: request for key, each in lookups.items() if (request := _step(key, each, None, contexts))}
    while asked:
        answers = answer(asked)
        asked = {
            key: next_request
            for key, request in asked.items()
            if (next_request := _step(key, lookups[key], answers[request], contexts))
        }
    return contexts


def trace(engine: Engine, lookups: Lookups, patience: Patience) -> Answers:
    """All that one row's lookups ask of the tables, with the answers. Raises Unavailable when time is up."""
    asked: Answers = {}

    def answer(requests: Mapping[int, Get | Find]) -> Answers:
        answers = from_tables(engine, set(requests.values()), patience)
        asked.update(answers)
        return answers

    drive({0: lookups}, answer)
    return asked


def from_tables(engine: Engine, requests: set[Get | Find], patience: Patience) -> Answers:
    """Rows by id consistently, rows by value as an index has them. Raises Unavailable when time is up."""
    answers: Answers = {}
    _fetch(engine, requests, answers, patience)
    return answers


def _step(key: K, lookup: Lookups, answer: list[Item] | None, contexts: dict[K, Context]) -> Get | Find | None:
    try:
        return next(lookup) if answer is None else lookup.send(answer)
    except StopIteration as end:
        contexts[key] = end.value
        return None


def _fetch(engine: Engine, requests: set[Get | Find], answers: Answers, patience: Patience) -> None:
    for request in requests:
        answers[request] = _find(engine, request, patience) if isinstance(request, Find) else []
    gets = [request for request in requests if isinstance(request, Get)]
    for table in {request.table for request in gets}:
        keys = [{KEY: {"S": request.id}} for request in gets if request.table == table]
        for item in deliver.read(engine, table, keys, patience):
            answers[Get(table, item[KEY]["S"])] = [item]


def _find(engine: Engine, request: Find, patience: Patience) -> list[Item]:
    if len(request.value.encode()) > KEY_LIMIT:
        return []
    found: list[Item] = []
    start: Item | None = None
    for _ in patience.tries():
        try:
            while True:
                page = engine.store.find(request.table, request.index, request.attribute, request.value, start)
                found += page.items
                start = page.next
                if start is None:
                    return found
        except Unavailable:
            continue
    raise Unavailable(f"expected to look up {request.index!r} of {request.table!r}, not answered in time: try again")
