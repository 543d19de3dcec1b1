"""What the new tables must hold, computed from the old tables alone: the oracle of reconciliation and of the demo.

It shares the model's mapping with the engine and nothing else: no index, no roster, no version. The one thing that the
old tables cannot tell is what an earlier, good version of a row was that they now hold refused; those are handed in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from remodel.core.model import Context, Facts, Find, Get, Lookups, Model, NewKey, Source
from remodel.core.record import KEY, Bad, Good, side
from remodel.core.wire import Item

OldRows = Mapping[str, Iterable[Item]]
"""Rows of the old tables, by the source's or the looked-up table's name."""


@dataclass(slots=True)
class Expectation:
    """unlinked, refused: old rows, as (source, id). strangers: pairs left out because a row and a link have different
    owners. duplicates: rows that share what should be unique."""

    rows: dict[NewKey, Item] = field(default_factory=dict)
    unlinked: set[tuple[str, str]] = field(default_factory=set)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    strangers: int = 0
    duplicates: int = 0


def expect(model: Model, old: OldRows, held: OldRows | None = None) -> Expectation:
    """`held`: for refused rows, the last good version (as the old table had it) that stays until they are mended."""
    expectation = Expectation()
    good: dict[str, list[Good]] = {name: [] for name in model.sources}
    for name, source in model.sources.items():
        for item in old.get(name, ()):
            row = side(item, item[KEY]["S"], source)
            if isinstance(row, Bad):
                expectation.refused[name, item[KEY]["S"]] = row.reason
            else:
                good[name].append(row)
        for item in (held or {}).get(name, ()):
            row = side(item, item[KEY]["S"], source)
            if isinstance(row, Good) and (name, item[KEY]["S"]) in expectation.refused:
                good[name].append(row)
    links = roster_facts(model, good)
    answers = Answers(old, model)
    for name, source in model.sources.items():
        for row in good[name]:
            _add(expectation, source, row, links[row.group], answers)
        uniques = Counter(source.unique(row.row) for row in good[name])
        expectation.duplicates += sum(n - 1 for value, n in uniques.items() if value is not None)
    return expectation


def roster_facts(model: Model, good: Mapping[str, Iterable[Good]]) -> dict[str, dict[str, Facts]]:
    """The live links of each group."""
    links: dict[str, dict[str, Facts]] = defaultdict(dict)
    for name, source in model.sources.items():
        if source.is_link:
            for row in good[name]:
                links[row.group][row.item[KEY]["S"]] = source.facts(row.row)
    return links


class Answers:
    """Looked-up tables, answering a model's lookups from plain rows."""

    def __init__(self, old: OldRows, model: Model) -> None:
        self._rows: dict[str, list[Item]] = {name: list(old.get(name, ())) for name in model.lookups}
        self._by_id = {name: {item[KEY]["S"]: item for item in rows} for name, rows in self._rows.items()}
        self._by_value: dict[tuple[str, str], dict[Any, list[Item]]] = {}

    def context(self, lookups: Lookups | None) -> Context:
        if lookups is None:
            return None
        try:
            request = next(lookups)
            while True:
                request = lookups.send(self._answer(request))
        except StopIteration as end:
            return end.value

    def _answer(self, request: Get | Find) -> list[Item]:
        if isinstance(request, Get):
            found = self._by_id[request.table].get(request.id)
            return [found] if found else []
        index = self._by_value.get((request.table, request.attribute))
        if index is None:
            index = self._by_value[request.table, request.attribute] = defaultdict(list)
            for item in self._rows[request.table]:
                index[item.get(request.attribute, {}).get("S")].append(item)
        return index.get(request.value, [])


def _add(expectation: Expectation, source: Source, row: Good, links: Mapping[str, Facts], answers: Answers) -> None:
    context: Context = answers.context(source.lookups(row.row))
    rows = source.wanted(row.row, links, context)
    expectation.rows.update(rows)
    expectation.strangers += source.strangers(row.row, links)
    if not rows:
        expectation.unlinked.add((source.name, row.item[KEY]["S"]))
