"""Each folder of tests/cases through the engine in memory: links first and links last, each state as it comes, and all once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pytest

from measures.model import MODEL as MEASURES
from remodel.items import Item
from remodel.model import Model
from remodel.replicate import replicate
from shop.model import MODEL as SHOP
from social.model import MODEL as SOCIAL
from tests.case import CASES, Case
from tests.records import Record, Stream
from tests.still import memory_place

MODELS = {"measures": MEASURES, "shop": SHOP, "social": SOCIAL}

Batch = tuple[str, list[Record]]


class Migration:
    """The old tables, and the engine on their streams."""

    def __init__(self, model: Model) -> None:
        self.place, self.store = memory_place(model)
        self._stream = Stream(model, {name: name for name in model.old_tables})

    def become(self, source: str, rows: Iterable[Item]) -> Iterator[Record]:
        """Makes these the rows of an old table, also such as DynamoDB refuses."""
        table = self.store.tables[source]
        wanted = {table.schema.encode(row): row for row in rows}
        for text, old in list(table.items.items()):
            if text not in wanted:
                table.delete(text)
                yield self._stream.record(source, old, None)
        for text, row in wanted.items():
            if (before := table.items.get(text)) != row:
                table.put(row)
                yield self._stream.record(source, before, row)

    def deliver(self, batches: Iterable[Batch]) -> None:
        for source, records in batches:
            assert replicate(self.place.call(600.0), source, source, {"Records": records}).failed is None

    def held(self, table: str) -> Mapping[str, Item]:
        return self.store.tables[table].items


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("way", [1, -1], ids=["links_first", "links_last"])
def test_stream(case: Case, way: int) -> None:
    model = MODELS[case.model]
    told, delivered = Migration(model), list[Batch]()
    for state in case.states:
        made = [(source, list(told.become(source, state.get(source, ())))) for source in model.order[::way]]
        batches = [(source, records) for source, records in made if records]
        told.deliver(batches)
        delivered += batches
    case.check(model, told.held)

    told.deliver(delivered)

    case.check(model, told.held)
