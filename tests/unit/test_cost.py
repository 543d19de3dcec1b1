"""What a change costs: one guarded write to the index and one write a link, in as few requests as the API allows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.records import Stream
from tests.rows import actual, link, number
from tests.worlds import NAMES, StillClock, engine, patience, tables

from remodel.adapters.memory import MemoryStore
from remodel.core.wire import Item
from remodel.flow.engine import Engine
from remodel.flow.replicate import replicate


class Counting(MemoryStore):
    """Counts requests and the items that they write."""

    def __init__(self) -> None:
        super().__init__(tables())
        self.requests: Counter[str] = Counter()
        self.items: Counter[str] = Counter()

    def get(self, table: str, keys: Any) -> tuple[list[Item], list[Item]]:
        self.requests["get"] += 1
        self.items["get"] += len(keys)
        return super().get(table, keys)

    def write(self, writes: Any) -> Any:
        self.requests["write"] += 1
        self.items["write"] += len(writes)
        return super().write(writes)

    def guard(self, writes: Any) -> Any:
        self.requests["guard"] += 1
        self.items["guard"] += len(writes)
        return super().guard(writes)


@pytest.mark.parametrize("links", [1, 4])
def test_a_change_costs_one_guarded_write_and_one_write_a_link(links: int) -> None:
    counting = Counting()
    made = Engine(engine().model, counting, StillClock())
    stream = Stream(NAMES)
    seeds = [stream.record("links", None, link(f"link {n}")) for n in range(links)]
    replicate(made, "links", "links", {"Records": seeds}, patience(made))
    before = {n: actual(f"{n}") for n in range(1_000)}
    insert = [stream.record("actuals", None, row) for row in before.values()]
    modify = [stream.record("actuals", row, {**row, "actual_value": number(8)}) for row in before.values()]
    remove = [stream.record("actuals", {**row, "actual_value": number(8)}, None) for row in before.values()]
    for records in (insert, modify, remove):
        counting.requests.clear()
        counting.items.clear()

        batch = replicate(made, "actuals", "actuals", {"Records": records}, patience(made))

        assert batch.failed is None
        assert (1_000, 1_000 * links) == (counting.items["guard"], counting.items["write"])
        reads_of_tombstones = 10 if records is remove else 0
        assert {"guard": 40, "write": 40 * links, "get": 2 + reads_of_tombstones} == dict(counting.requests)


def test_a_link_that_changes_what_no_join_sees_costs_no_fan_out() -> None:
    counting = Counting()
    made = Engine(engine().model, counting, StillClock())
    stream = Stream(NAMES)
    replicate(made, "links", "links", {"Records": [stream.record("links", None, link())]}, patience(made))
    rows = [stream.record("actuals", None, actual(f"{n}")) for n in range(50)]
    replicate(made, "actuals", "actuals", {"Records": rows}, patience(made))
    counting.items.clear()

    record = stream.record("links", link(), link(weight=number("0.5")))
    replicate(made, "links", "links", {"Records": [record]}, patience(made))

    assert (counting.items["guard"], counting.items["write"]) == (2, 1)
