"""Owners and people change too: on DynamoDB Local, through the deployed handlers, in whatever order the streams come."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from remodel.errors import BadRequest
from remodel.items import Item
from tests.places import listen
from tests.records import Application
from tests.rows import guid, link, measure, person, text

LINK = guid("link")
ANNA, BERT = "5b5c", "A11e"


def person_of(application: Application, name: str = "link") -> str | None:
    found = application.place.by_key("measure_links").get(guid(name))
    return found["person_id"]["S"] if found else None


def full(application: Application, repair: bool = False) -> Any:
    return application.handlers("Reconcile", {"mode": "counts", "repair": repair})


@pytest.fixture
def linked(application: Application) -> Application:
    """A link whose person is Anna, because its measure's owner is her user; everything is known to be complete."""
    application.backfill("measures", "people", "links")
    application.do("measures", measure("user-a"))
    application.do("people", person(ANNA, "user-a"))
    application.do("links", link())
    assert person_of(application) == ANNA
    return application


def test_a_measure_changes_and_loses_its_owner_and_is_removed(linked: Application) -> None:
    linked.do("measures", measure("user-b"))
    assert person_of(linked) == "user-b", "nobody is linked to this user"
    linked.do("measures", measure())
    assert person_of(linked) == "user", "the link's creator"
    linked.do("measures", measure("user-a"))
    assert person_of(linked) == ANNA
    linked.undo("measures", measure())
    assert person_of(linked) == "user"
    linked.do("measures", measure("user-a"))
    assert person_of(linked) == ANNA


def test_a_user_gains_changes_and_loses_a_person(linked: Application) -> None:
    linked.do("people", person(ANNA, None))
    assert person_of(linked) == "user-a"
    linked.do("people", person(BERT, "user-a"))
    assert person_of(linked) == BERT
    linked.do("people", person(BERT, "user-b"))
    assert person_of(linked) == "user-a"
    linked.undo("people", person(BERT, "user-b"))
    linked.do("people", person(ANNA, "user-a"))
    assert person_of(linked) == ANNA
    linked.undo("people", person(ANNA, "user-a"))
    assert person_of(linked) == "user-a"


def test_of_several_persons_the_smallest_id_wins_and_a_comparison_reports_them(linked: Application) -> None:
    linked.do("people", person("5B5B", "user-a"))
    assert person_of(linked) == "5B5B", "as text: capitals come first"
    report = full(linked)
    assert (report["ambiguous_lookups"], report["drift"]) == (1, 0)
    linked.undo("people", person("5B5B", "user-a"))
    assert person_of(linked) == ANNA


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_whatever_the_order_of_arrival(order: tuple[int, ...], application: Application) -> None:
    changes = [
        ("links", application.put("links", link())),
        ("measures", application.put("measures", measure("user-a"))),
        ("people", application.put("people", person(ANNA, "user-a"))),
    ]
    for n in order:
        source, records = changes[n]
        application.deliver(source, *records)
    assert person_of(application) == ANNA


def test_a_person_is_found_before_anything_is_backfilled(application: Application) -> None:
    """What the index has not heard of is found by the people's own index, until the backfill has been through."""
    application.put("measures", measure("user-a"))
    application.put("people", person(ANNA, "user-a"))
    application.do("links", link())
    assert person_of(application) == ANNA
    application.do("people", person(ANNA, "user-b"))
    assert person_of(application) == "user-a"


@pytest.mark.parametrize("order", list(permutations(["measures", "people", "links"])), ids=str)
def test_a_backfill_in_any_order(order: tuple[str, ...], application: Application) -> None:
    application.put("measures", measure("user-a"))
    application.put("people", person(ANNA, "user-a"))
    application.put("links", link())
    application.backfill(*order)
    assert person_of(application) == ANNA
    assert full(application)["drift"] == 0


class Wire:
    """Counts what a handler's client asks for."""

    def __init__(self, application: Application, function: str) -> None:
        self.asked: Counter[str] = Counter()
        self.puts: Counter[str] = Counter()
        self._names = {physical: name for name, physical in application.place.tables.items()}
        self.stop = listen(application.handlers.runtime(function).place.store, self._see)

    def _see(self, operation: str, params: Any) -> None:
        self.asked[operation + (" by index" if "IndexName" in params else "")] += 1
        if operation == "BatchWriteItem":
            self.puts.update({self._names[table]: len(each) for table, each in params["RequestItems"].items()})


def test_no_global_index_stands_between_a_change_and_a_new_row(linked: Application) -> None:
    """They are eventually consistent. Once the backfill is complete, none is read."""
    wires = [Wire(linked, f"Replicate{source}") for source in ("Links", "Measures", "People")]
    linked.do("links", link(weight={"N": "0.5"}))
    linked.do("measures", measure("user-b"))
    linked.do("people", person(ANNA, "user-b"))
    assert person_of(linked) == ANNA

    for wire in wires:
        wire.stop()
        assert wire.asked.total() > 3
        assert not [name for name in wire.asked if "by index" in name]


def test_what_no_link_sees_costs_no_write(linked: Application) -> None:
    wire = Wire(linked, "ReplicatePeople")
    linked.do("people", person(ANNA, "user-a", name=text("Anna B.")))
    wire.stop()
    assert set(wire.puts) <= {"index"}
    assert wire.puts["index"] <= 1, "the sighting of the stream"


@pytest.fixture
def unconnected(application: Application) -> Application:
    """The streams of measures and people are not connected."""
    for function in ("ReplicateLinks", "Backfill", "Reconcile"):
        application.handlers.load(function, MEASURES_LIVE="false", PEOPLE_LIVE="false").wired()
    return application


def test_lookups_that_are_not_connected_grow_stale_and_are_repaired_when_asked(unconnected: Application) -> None:
    unconnected.put("measures", measure("user-a"))
    unconnected.put("people", person(ANNA, "user-a"))
    unconnected.do("links", link())
    assert person_of(unconnected) == ANNA
    unconnected.remove("people", person(ANNA, "user-a"))

    report = full(unconnected)
    assert (report["different"], report["drift"]) == (1, 1)
    (example,) = report["examples"]
    assert example["fields"] == {"person_id": {"expected": text("user-a"), "found": text(ANNA)}}
    assert person_of(unconnected) == ANNA, "nothing is repaired unasked"

    assert full(unconnected, repair=True)["repaired"] == 1
    assert person_of(unconnected) == "user-a"
    assert full(unconnected)["drift"] == 0


def test_a_backfill_of_lookups_that_are_not_connected_is_refused(unconnected: Application) -> None:
    with pytest.raises(BadRequest, match="stream of 'people'"):
        unconnected.backfill("people")


def test_a_change_of_a_lookup_that_its_stream_has_lost_is_drift_and_is_repaired(linked: Application) -> None:
    linked.put("people", person(ANNA, "user-b"), person(BERT, "user-a"))
    linked.put("measures", measure("user-a", tenant_id=text("t")))

    assert full(linked)["different"] == 1

    full(linked, repair=True)
    assert person_of(linked) == BERT
    assert full(linked)["drift"] == 0


def test_of_another_tenant_nobody_is_seen(linked: Application) -> None:
    linked.do("people", person(ANNA, "user-a", tenant_id=text("another")))
    assert person_of(linked) == "user-a"
    linked.do("measures", measure("user-a", tenant_id=text("another")))
    assert person_of(linked) == "user"


LINKS = 600


def test_a_user_with_thousands_of_links_does_not_hold_up_the_shard(application: Application) -> None:
    """One person's change is handed over, and served page by page."""
    application.backfill("measures", "people", "links")
    rows: list[Item] = [
        link(f"link {n}", measure_id=text(f"measure {n // 10}"), goal_id=text(f"{n}")) for n in range(LINKS)
    ]
    records = application.put("links", *rows)
    for n in range(0, LINKS, 300):
        application.deliver("links", *records[n : n + 300])
    assert person_of(application, "link 0") == "user"

    application.do("people", person(ANNA, "user"))
    application.handlers("Sweep", {})

    persons = Counter(row["person_id"]["S"] for row in application.place.rows("measure_links"))
    assert persons == {ANNA: LINKS}
