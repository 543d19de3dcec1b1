"""How both stores fail: the same answers of the store in memory under its hook, and of DynamoDB Local behind the proxy.

The engine is proven on the one and runs on the other, so a fault must look alike: what was not processed comes back item
by item, what failed as a whole is Unavailable, and a lost answer says nothing about whether the write was applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.contract.test_store import key, row, version
from tests.integration.proxy import Faults, misbehaving
from tests.worlds import tables

from local_cloud.cloud import Cloud
from remodel.adapters.dynamodb import DynamoStore
from remodel.adapters.memory import Handle, MemoryStore
from remodel.core.errors import Unavailable
from remodel.core.wire import Item
from remodel.ports import INDEX, Guarded, Outcome, Store

Faulty = tuple[Store, Callable[[str], None]]
"""A store, and what makes its next request go wrong: in one of the proxy's ways."""


class Scripted(Faults):
    """The proxy's faults, as they are asked for."""

    def __init__(self) -> None:
        super().__init__(0, 0.0)
        self.next = ""

    def draw(self, operation: str) -> str:
        kind, self.next = self.next, ""
        return kind


class FaultyMemory:
    """The hook of the store in memory that does the same. A request of n items calls it n times."""

    def __init__(self) -> None:
        self.kind, self.seen = "", 0
        self.store = MemoryStore(tables(), self.hook)

    def misbehave(self, kind: str) -> None:
        self.kind, self.seen = kind, 0

    def hook(self, operation: str, table: str, handle: Handle) -> Outcome | None:
        self.seen += 1
        match self.kind:
            case "part":
                return Outcome.AGAIN if self.seen % 2 == 0 else None
            case "drop after" if self.seen < 2:
                return None
            case "":
                return None
            case _:
                self.kind = ""
                raise Unavailable("a fault")


@pytest.fixture(params=["memory", "dynamodb-local"])
def faulty(request: pytest.FixtureRequest) -> Iterator[Faulty]:
    if request.param == "memory":
        memory = FaultyMemory()
        yield memory.store, memory.misbehave
        return
    cloud: Cloud = request.getfixturevalue("cloud")
    script = Scripted()
    with ExitStack() as stack:
        endpoint = stack.enter_context(misbehaving(cloud.endpoint, script))
        yield DynamoStore(_once(endpoint), cloud.tables), lambda kind: setattr(script, "next", kind)


def _once(endpoint: str) -> Any:
    """A client that leaves every retry to the engine."""
    return boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name="eu-west-1", config=Config(retries={"total_max_attempts": 1})
    )


def inserts(*groups: str) -> list[Guarded]:
    return [Guarded(INDEX, key(group), version("1")) for group in groups]


def entries(store: Store, *groups: str) -> list[Item]:
    found, left = store.get(INDEX, [key(group) for group in groups])
    assert not left
    return found


def test_a_batch_of_reads_comes_back_in_part(faulty: Faulty) -> None:
    store, misbehave = faulty
    store.guard(inserts("1", "2", "3"))
    misbehave("part")

    found, left = store.get(INDEX, [key("1"), key("2"), key("3")])

    assert [item["group_key"]["S"] for item in sorted(found, key=str)] == ["1", "3"]
    assert left == [key("2")]


def test_a_batch_of_writes_is_done_in_part(faulty: Faulty) -> None:
    store, misbehave = faulty
    misbehave("part")

    left = store.write([row("1"), row("2"), row("3")])

    misbehave("")
    assert left == [row("2")]
    assert {item["id"]["S"] for item in store.scan("measure_data", 0, 1, None).items} == {"1", "3"}


def test_statements_fail_each_for_itself(faulty: Faulty) -> None:
    store, misbehave = faulty
    misbehave("part")

    outcomes = store.guard(inserts("1", "2", "3"))

    misbehave("")
    assert outcomes == [Outcome.DONE, Outcome.AGAIN, Outcome.DONE]
    assert {item["group_key"]["S"] for item in entries(store, "1", "2", "3")} == {"1", "3"}


@pytest.mark.parametrize("kind", ["throttle", "error", "drop before", "drop after"])
@pytest.mark.parametrize(
    "request_",
    [
        lambda store: store.get(INDEX, [key("1"), key("2")]),
        lambda store: store.write([row("1"), row("2")]),
        lambda store: store.guard(inserts("1", "2")),
        lambda store: store.query(INDEX, "1", None),
        lambda store: store.scan("measure_data", 0, 1, None),
    ],
    ids=["get", "write", "guard", "query", "scan"],
)
def test_a_request_that_fails_is_unavailable_once(
    kind: str, request_: Callable[[Store], object], faulty: Faulty
) -> None:
    store, misbehave = faulty
    store.write([row("0")])
    store.guard([*inserts("1"), Guarded(INDEX, key("1", "rows#2"), version("1"))])
    misbehave(kind)

    with pytest.raises(Unavailable):
        request_(store)
    misbehave("")
    request_(store)


def test_a_lost_answer_hides_a_write_that_was_applied(faulty: Faulty) -> None:
    """So a guarded write that is sent again may find itself done: its condition fails, and the engine looks."""
    store, misbehave = faulty
    misbehave("drop after")

    with pytest.raises(Unavailable):
        store.guard(inserts("1", "2"))

    misbehave("")
    assert entries(store, "1")
    assert store.guard(inserts("1")) == [Outcome.CONDITION_FAILED]
