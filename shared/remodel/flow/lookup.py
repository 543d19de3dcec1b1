"""Lookups of many rows in step: each asks for its next rows, all are fetched together, each goes on with its answer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
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
    """The contexts of all lookups. Raises Unavailable when time is up."""
    contexts: dict[K, Context] = {}
    answers: Answers = {}
    asked = {key: request for key, lookup in lookups.items() if (request := _step(key, lookup, None, contexts))}
    while asked:
        _fetch(engine, set(asked.values()) - answers.keys(), answers, patience)
        asked = {
            key: next_request
            for key, request in asked.items()
            if (next_request := _step(key, lookups[key], answers[request], contexts))
        }
    return contexts


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
