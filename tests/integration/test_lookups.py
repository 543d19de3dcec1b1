"""Owners and people change too: on DynamoDB Local, through the deployed handlers, in whatever order the streams come."""

from __future__ import annotations

import time
from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from tests.conftest import Handlers
from tests.records import Stream
from tests.rows import MEASURE, guid, link, text

from local_cloud.cloud import Cloud
from measures.lookups import user_group
from remodel.core.wire import Item
from remodel.flow import reconcile as flow

LINK = guid("link")
ANNA, BERT = "5b5c", "A11e"


def measure(owner: str | None = None) -> Item:
    return {"id": text(MEASURE), "tenant_id": text("t"), **({"owner_id": text(owner)} if owner else {})}


def person(id: str, user: str | None, **more: Any) -> Item:
    return {"id": text(id), "tenant_id": text("t"), **({"linked_user_id": text(user)} if user else {}), **more}


class World:
    """The old tables, and the streams of their changes, delivered when a test says so."""

    def __init__(self, cloud: Cloud, handlers: Handlers) -> None:
        self.cloud, self.handlers, self.stream = cloud, handlers, Stream(cloud.tables)

    def change(self, source: str, old: Item | None, new: Item | None) -> tuple[str, Any]:
        table = self.cloud.tables[source]
        row = new or old
        assert row is not None
        if new is not None:
            self.cloud.dynamodb.put_item(TableName=table, Item=new)
        else:
            self.cloud.dynamodb.delete_item(TableName=table, Key={"id": row["id"]})
        return source, self.stream.record(source, old, new)

    def deliver(self, *records: tuple[str, Any]) -> None:
        for source, record in records:
            said = self.handlers(f"Replicate{source.title()}", {"Records": [record]})
            assert said == {"batchItemFailures": []}

    def do(self, source: str, old: Item | None, new: Item | None) -> None:
        self.deliver(self.change(source, old, new))

    def backfill(self, *tables: str) -> None:
        for table in tables:
            event = {"table": table, "segment": 0, "total_segments": 1, "cursor": None}
            assert self.handlers("Backfill", event)["done"]

    def person(self, id: str = LINK) -> str | None:
        found = self.cloud.dynamodb.get_item(TableName=self.cloud.tables["measure_links"], Key={"id": {"S": id}})
        return found["Item"]["person_id"]["S"] if "Item" in found else None

    def reconcile(self, **event: Any) -> Any:
        return self.handlers("Reconcile", {"mode": "full", **event})

    def drop(self, table: str, **key: Any) -> None:
        self.cloud.dynamodb.delete_item(TableName=self.cloud.tables[table], Key=key)


@pytest.fixture
def world(cloud: Cloud, handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(flow, "LOOKS", (0.0, 0.0, 0.0))
    return World(cloud, handlers)


@pytest.fixture
def linked(world: World) -> World:
    """A link whose person is Anna, since its measure's owner is her user; everything is known to be complete."""
    world.backfill("measures", "people", "links")
    world.do("measures", None, measure("user-a"))
    world.do("people", None, person(ANNA, "user-a"))
    world.do("links", None, link())
    assert world.person() == ANNA
    return world


def test_a_measure_changes_and_loses_its_owner_and_goes(linked: World) -> None:
    linked.do("measures", measure("user-a"), measure("user-b"))
    assert linked.person() == "user-b", "nobody is linked to this user"
    linked.do("measures", measure("user-b"), measure())
    assert linked.person() == "user", "the link's creator"
    linked.do("measures", measure(), measure("user-a"))
    assert linked.person() == ANNA
    linked.do("measures", measure("user-a"), None)
    assert linked.person() == "user"
    linked.do("measures", None, measure("user-a"))
    assert linked.person() == ANNA


def test_a_user_gains_changes_and_loses_a_person(linked: World) -> None:
    linked.do("people", person(ANNA, "user-a"), person(ANNA, None))
    assert linked.person() == "user-a"
    linked.do("people", None, person(BERT, "user-a"))
    assert linked.person() == BERT
    linked.do("people", person(BERT, "user-a"), person(BERT, "user-b"))
    assert linked.person() == "user-a"
    linked.do("people", person(BERT, "user-b"), None)
    linked.do("people", person(ANNA, None), person(ANNA, "user-a"))
    assert linked.person() == ANNA
    linked.do("people", person(ANNA, "user-a"), None)
    assert linked.person() == "user-a"


def test_of_several_persons_the_smallest_id_wins_and_reconciliation_reports_them(linked: World) -> None:
    linked.do("people", None, person("5B5B", "user-a"))
    assert linked.person() == "5B5B", "letter case does not matter"
    report = linked.reconcile()
    assert (report["ambiguous_lookups"], report["different"], report["stale_lookups"]) == (1, 0, 0)
    linked.do("people", person("5B5B", "user-a"), None)
    assert linked.person() == ANNA


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_whatever_the_order_of_arrival(order: tuple[int, ...], world: World) -> None:
    changes = [
        world.change("links", None, link()),
        world.change("measures", None, measure("user-a")),
        world.change("people", None, person(ANNA, "user-a")),
    ]
    world.deliver(*(changes[n] for n in order))
    assert world.person() == ANNA


def test_a_person_is_named_before_anything_is_backfilled(world: World) -> None:
    """What the index has not heard of is read from the tables, until the backfill has brought it all."""
    world.change("measures", None, measure("user-a"))
    world.change("people", None, person(ANNA, "user-a"))
    world.do("links", None, link())
    assert world.person() == ANNA
    world.do("people", person(ANNA, "user-a"), person(ANNA, "user-b"))
    assert world.person() == "user-a", "what the index has heard counts more"


@pytest.mark.parametrize("order", list(permutations(["measures", "people", "links"])))
def test_a_backfill_in_any_order(order: tuple[str, ...], world: World) -> None:
    for source, row in [("measures", measure("user-a")), ("people", person(ANNA, "user-a")), ("links", link())]:
        world.change(source, None, row)
    world.backfill(*order)
    assert world.person() == ANNA
    assert world.reconcile()["different"] == 0


class Wire:
    """Counts what a handler's client asks for."""

    def __init__(self, world: World, function: str) -> None:
        self.asked: Counter[str] = Counter()
        self.statements: Counter[str] = Counter()
        self.puts = 0
        client = world.handlers.app(function).wired()
        client = client[0] if isinstance(client, tuple) else client
        client.engine.store._client.meta.events.register("provide-client-params.dynamodb.*", self._see)

    def _see(self, params: Any, model: Any, **_: Any) -> None:
        self.asked[model.name + (" by index" if "IndexName" in params else "")] += 1
        self.statements.update(each["Statement"].split()[0] for each in params.get("Statements", ()))
        if model.name == "BatchWriteItem":
            self.puts += sum(map(len, params["RequestItems"].values()))


def test_no_index_is_read_between_a_change_and_a_new_row(linked: World) -> None:
    wires = {source: Wire(linked, f"Replicate{source.title()}") for source in ("links", "measures", "people")}
    linked.do("links", link(), link(weight={"N": "0.5"}))
    linked.do("measures", measure("user-a"), measure("user-b"))
    linked.do("people", person(ANNA, "user-a"), person(ANNA, "user-b"))
    assert linked.person() == ANNA

    for wire in wires.values():
        assert wire.asked.total() > 3
        assert not [name for name in wire.asked if "by index" in name]


def test_a_links_change_costs_no_more_writes_than_without_lookups(linked: World) -> None:
    """Its entry, its seat, its new row. Which links depend on an owner was written when the owner came."""
    wire = Wire(linked, "ReplicateLinks")
    other = link("other", goal_id=text("another goal"))
    linked.do("links", None, other)
    assert (wire.statements, wire.puts) == (Counter(INSERT=1, UPDATE=1), 1)

    wire.statements.clear()
    linked.do("links", other, {**other, "weight": {"N": "0.5"}})
    assert (wire.statements, wire.puts) == (Counter(UPDATE=2), 2)


def test_what_no_link_looks_at_costs_nothing(linked: World) -> None:
    wire = Wire(linked, "ReplicatePeople")
    linked.do("people", person(ANNA, "user-a"), person(ANNA, "user-a", name=text("Anna B.")))
    assert not wire.statements
    assert not wire.puts


def test_an_owners_change_costs_what_the_documents_say(linked: World) -> None:
    """Entry, registration of a new owner, and a row for each link of the measure: docs/cost.md."""
    linked.do("links", None, link("other", goal_id=text("another goal")))
    wire = Wire(linked, "ReplicateMeasures")
    linked.do("measures", measure("user-a"), measure("user-b"))
    assert (wire.statements, wire.puts) == (Counter(UPDATE=1, INSERT=1), 2)


def test_lookups_that_are_not_connected_grow_old_and_are_mended_when_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for function in world.cloud.functions.values():
        monkeypatch.setitem(function.function.environment, "MEASURES_LIVE", "false")
        monkeypatch.setitem(function.function.environment, "PEOPLE_LIVE", "false")
    world.change("measures", None, measure("user-a"))
    world.change("people", None, person(ANNA, "user-a"))
    world.do("links", None, link())
    assert world.person() == ANNA
    world.change("people", person(ANNA, "user-a"), None)

    report = world.reconcile()
    assert (report["stale_lookups"], report["different"], report["missing"], report["orphaned"]) == (1, 0, 0, 0)
    (example,) = report["examples"]
    assert example["kind"] == "stale_lookups"
    assert example["fields"] == {"person_id": {"expected": text("user-a"), "found": text(ANNA)}}
    assert world.person() == ANNA, "nothing is mended unasked"

    assert world.reconcile(repair=True)["repaired"] == 1
    assert world.person() == "user-a"
    assert world.reconcile()["stale_lookups"] == 0


def test_a_backfill_of_lookups_that_are_not_connected_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from remodel.core.errors import BadRequest

    monkeypatch.setitem(world.cloud.functions["Backfill"].function.environment, "PEOPLE_LIVE", "false")
    with pytest.raises(BadRequest, match="stream of 'people'"):
        world.backfill("people")


def test_a_change_of_a_lookup_that_its_stream_has_lost_is_drift_and_is_mended(linked: World) -> None:
    linked.change("people", person(ANNA, "user-a"), person(ANNA, "user-b"))
    linked.change("people", None, person(BERT, "user-a"))
    linked.change("measures", measure("user-a"), measure("user-b"))

    report = linked.reconcile()
    assert (report["different"], report["stale_lookups"]) == (0, 0), "user-b is Anna now, and owns the measure"
    linked.change("measures", measure("user-b"), measure("user-a"))
    assert linked.reconcile()["different"] == 1

    linked.reconcile(repair=True)

    assert linked.person() == BERT
    assert linked.reconcile()["different"] == 0


def test_a_registration_is_what_leads_from_a_person_to_a_link(linked: World) -> None:
    """The guard, taken away on a real DynamoDB: without the registration the person's change does not reach the link."""
    linked.drop("index", group_key=text(user_group("user-a")), item_key=text(f"@{MEASURE}"))
    linked.do("people", person(ANNA, "user-a"), None)
    assert linked.person() == ANNA


LINKS = 3_000


@pytest.mark.timeout(300)
def test_a_user_with_thousands_of_links_does_not_hold_up_the_shard(world: World) -> None:
    """One person's change settles them all, within a fraction of the time that a call of the function has."""
    world.backfill("measures", "people", "links")
    per_measure = 10
    rows = [
        link(f"link {n}", measure_id=text(f"measure {n // per_measure}"), goal_id=text(f"{n}")) for n in range(LINKS)
    ]
    records = [world.stream.record("links", None, row) for row in rows]
    for n in range(0, LINKS, 1_000):
        world.handlers("ReplicateLinks", {"Records": records[n : n + 1_000]})
    assert world.person(guid("link 0")) == "user"

    began = time.monotonic()
    world.do("people", None, person(ANNA, "user"))
    took = time.monotonic() - began

    print(f"{LINKS} links of one user settled in {took:.1f} s")
    pages = world.cloud.dynamodb.get_paginator("scan").paginate(TableName=world.cloud.tables["measure_links"])
    assert Counter(item["person_id"]["S"] for page in pages for item in page["Items"]) == {ANNA: LINKS}
