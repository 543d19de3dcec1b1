"""The races that matter, each forced: at a named step of one worker another one does all of its work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from remodel.adapters.memory import Handle, MemoryStore
from remodel.core.model import NewKey
from remodel.flow.backfill import Segment, backfill
from remodel.flow.engine import Engine
from remodel.flow.reconcile import reconcile
from remodel.flow.replay import quarantined, replay
from remodel.flow.replicate import replicate
from remodel.flow.sync import sync
from remodel.ports import Outcome
from tests.records import Stream
from tests.rows import MEASURE, OTHER_MEASURE, actual, guid, link, number, text
from tests.simulation.guards import without
from tests.worlds import NAMES, StillClock, engine, patience, tables

LATER = link("later", linked_at=text("2025-06-01T00:00:00Z"), goal_id=text("another"))


class Killed(BaseException):
    """SIGKILL."""


class Stage:
    """An engine whose workers can be interrupted: `at(operation, table, then)` runs `then` once, just before that step."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, str, Callable[[], Any]]] = []
        made = engine()
        self.store = MemoryStore(tables(), self._hook)
        self.engine = Engine(made.model, self.store, StillClock(), made.live)
        self.stream = Stream(NAMES)

    def at(self, operation: str, table: str, then: Callable[[], Any]) -> None:
        self.waiting.append((operation, table, then))

    def _hook(self, operation: str, table: str, handle: Handle) -> Outcome | None:
        for each in self.waiting:
            if each[:2] == (operation, table):
                self.waiting.remove(each)
                each[2]()
                break
        return None

    def change(self, source: str, old: Any, new: Any) -> Any:
        """The old table changes; the record that says so."""
        items = self.store.tables[source].items
        row = new or old
        items.pop((row["id"]["S"],), None)
        if new is not None:
            items[row["id"]["S"],] = new
        return self.stream.record(source, old, new)

    def deliver(self, source: str, *records: Any) -> None:
        batch = replicate(self.engine, source, source, {"Records": list(records)}, patience(self.engine))
        assert batch.failed is None

    def backfill(self, source: str) -> None:
        assert backfill(self.engine, Segment(source, 0, 1), 9e9, patience(self.engine)).done

    def replay(self) -> None:
        replay(self.engine, quarantined(self.engine, patience(self.engine)), patience(self.engine))

    def repair_all(self) -> None:
        reconcile(self.engine, "full", True, 0, patience(self.engine, 60))

    def data(self) -> dict[tuple[str, str], str]:
        """The value of each measure-data row, by its link and its id."""
        found = self.store.tables["measure_data"].items.values()
        return {(row["measure_link_id"]["S"], row["id"]["S"]): row["post_value"]["N"] for row in found}

    def person(self, name: str = "link") -> str:
        """Whom the new measure-link names."""
        return str(self.store.tables["measure_links"].items[guid(name),]["person_id"]["S"])

    def kill(self) -> None:
        raise Killed


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    assert not made.waiting, "every step that a test waits for has come"


@pytest.fixture
def linked(stage: Stage) -> Stage:
    stage.deliver("links", stage.change("links", None, link()))
    return stage


FIRST = (guid("link"), guid("actual"))


def copy_of(row: str, its_link: str) -> tuple[str, str]:
    from measures.join import other_id

    return guid(its_link), other_id(guid(row), guid(its_link))


def test_a_delete_passes_a_backfill_page(linked: Stage) -> None:
    """Scanned, then removed and the removal replicated, then the page is ingested."""
    linked.store.tables["actuals"].items[guid("actual"),] = actual()
    linked.at("guard", "index", lambda: linked.deliver("actuals", linked.change("actuals", actual(), None)))

    linked.backfill("actuals")

    assert linked.data() == {}


def test_a_delete_passes_a_backfill_page_between_its_ingest_and_its_write(linked: Stage) -> None:
    linked.store.tables["actuals"].items[guid("actual"),] = actual()
    linked.at("write", "measure_data", lambda: linked.deliver("actuals", linked.change("actuals", actual(), None)))

    linked.backfill("actuals")

    assert linked.data() == {}


def test_a_link_arrives_between_a_rows_read_and_its_write(linked: Stage) -> None:
    linked.at("write", "measure_data", lambda: linked.deliver("links", linked.change("links", None, LATER)))

    linked.deliver("actuals", linked.change("actuals", None, actual()))

    assert linked.data() == {FIRST: "7", copy_of("actual", "later"): "7"}


def test_a_row_arrives_between_a_links_read_and_its_write(linked: Stage) -> None:
    linked.deliver("actuals", linked.change("actuals", None, actual("before")))
    linked.at("write", "measure_data", lambda: linked.deliver("actuals", linked.change("actuals", None, actual())))

    linked.deliver("links", linked.change("links", None, LATER))

    assert {FIRST, copy_of("actual", "later"), copy_of("before", "later")} <= linked.data().keys()
    assert len(linked.data()) == 4


def test_the_first_link_is_removed_during_a_backfill(linked: Stage) -> None:
    """The old id passes to the next link while a page that knew the first one is being written."""
    linked.deliver("links", linked.change("links", None, LATER))
    linked.store.tables["actuals"].items[guid("actual"),] = actual()
    linked.at("write", "measure_data", lambda: linked.deliver("links", linked.change("links", link(), None)))

    linked.backfill("actuals")

    assert linked.data() == {(guid("later"), guid("actual")): "7"}


def test_two_changes_within_a_second(linked: Stage) -> None:
    """Told apart by sequence number; in one batch, or in two."""
    first = linked.change("actuals", None, actual())
    second = linked.change("actuals", actual(), actual(actual_value=number(8)))
    linked.deliver("actuals", first, second)
    assert linked.data() == {FIRST: "8"}

    third = linked.change("actuals", actual(actual_value=number(8)), actual(actual_value=number(9)))
    fourth = linked.change("actuals", actual(actual_value=number(9)), None)
    linked.deliver("actuals", third)
    linked.deliver("actuals", fourth)
    assert linked.data() == {}


def test_a_stale_redelivery_after_a_newer_change(linked: Stage) -> None:
    first = linked.change("actuals", None, actual())
    second = linked.change("actuals", actual(), actual(actual_value=number(8)))
    linked.deliver("actuals", first)
    linked.deliver("actuals", second)
    linked.deliver("actuals", first)

    assert linked.data() == {FIRST: "8"}


def test_a_stale_redelivery_after_a_removal(linked: Stage) -> None:
    first = linked.change("actuals", None, actual())
    linked.deliver("actuals", first)
    linked.deliver("actuals", linked.change("actuals", actual(), None))
    linked.deliver("actuals", first)

    assert linked.data() == {}


def test_a_row_moves_while_both_measures_are_being_settled(linked: Stage) -> None:
    """A link of the measure that it leaves is settled meanwhile, and removes what had the row's id."""
    there = link("there", measure_id=text(OTHER_MEASURE))
    moved = actual(measure_id=text(OTHER_MEASURE))
    linked.deliver("links", linked.change("links", None, there))
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    record = linked.change("actuals", actual(), moved)
    linked.at("write", "measure_data", lambda: linked.deliver("links", linked.change("links", None, LATER)))

    linked.deliver("actuals", record)

    assert linked.data() == {(guid("there"), guid("actual")): "7"}


def test_the_measure_that_a_row_left_is_settled_late(linked: Stage) -> None:
    """Somebody settles the tombstone after the row was written under its new measure, and takes its id away."""
    there = link("there", measure_id=text(OTHER_MEASURE))
    linked.deliver("links", linked.change("links", None, there))
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    linked.deliver("actuals", linked.change("actuals", actual(), actual(measure_id=text(OTHER_MEASURE))))

    linked.deliver("links", linked.change("links", None, LATER))

    assert linked.data() == {(guid("there"), guid("actual")): "7"}


def test_a_kill_between_ingest_and_settle(linked: Stage) -> None:
    """Delivered again, the change is stale in the index, and settled all the same."""
    record = linked.change("actuals", None, actual())
    linked.at("write", "measure_data", linked.kill)
    with pytest.raises(Killed):
        linked.deliver("actuals", record)

    linked.deliver("actuals", record)

    assert linked.data() == {FIRST: "7"}


def test_a_kill_between_a_links_entry_and_its_seat(stage: Stage) -> None:
    stage.deliver("actuals", stage.change("actuals", None, actual()))
    record = stage.change("links", None, link())
    stage.at("get", "index", stage.kill)
    with pytest.raises(Killed):
        stage.deliver("links", record)

    stage.deliver("links", record)

    assert stage.data() == {FIRST: "7"}


def test_a_backfill_is_killed_and_the_row_goes_before_it_goes_on(linked: Stage) -> None:
    """The page is scanned again and the row is no longer on it; the note of the killed page is."""
    linked.store.tables["actuals"].items[guid("actual"),] = actual()
    remove = linked.change
    linked.at("write", "measure_data", lambda: linked.deliver("actuals", remove("actuals", actual(), None)))
    linked.at("get", "actuals", lambda: linked.at("get", "index", lambda: linked.at("get", "index", linked.kill)))
    with pytest.raises(Killed):
        linked.backfill("actuals")
    assert linked.data() == {FIRST: "7"}, "the killed call has written after the stream had passed"

    linked.backfill("actuals")

    assert linked.data() == {}


def test_a_repair_meets_a_newer_change(linked: Stage) -> None:
    """The repair has read the old row; the row changes and is replicated; the repair writes under the version that it read."""
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    linked.store.tables["actuals"].items[guid("actual"),] = actual(actual_value=number(50))
    newer = actual(actual_value=number(60))
    linked.at(
        "guard",
        "index",
        lambda: linked.deliver("actuals", linked.change("actuals", actual(actual_value=number(50)), newer)),
    )

    sync(linked.engine, "actuals", guid("actual"), (), patience(linked.engine))

    assert linked.data() == {FIRST: "60"}


def test_a_row_is_refused_while_a_measure_that_it_left_is_settled(linked: Stage) -> None:
    """Its good version is held under another measure; whoever takes its id away there cannot tell from the old table."""
    there = link("there", measure_id=text(OTHER_MEASURE))
    moved = actual(measure_id=text(OTHER_MEASURE))
    linked.deliver("links", linked.change("links", None, there))
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    linked.deliver("actuals", linked.change("actuals", actual(), moved))
    linked.deliver("actuals", linked.change("actuals", moved, {**moved, "recorded_by": text(" ")}))

    linked.deliver("links", linked.change("links", None, LATER))

    assert linked.data() == {(guid("there"), guid("actual")): "7"}
    assert NewKey("measure_data", guid("actual")).id in {key for (key,) in linked.store.tables["measure_data"].items}


def test_a_replay_passes_a_page_of_a_row_that_was_refused_and_has_gone(linked: Stage) -> None:
    """The replay forgets the refusal, which alone knew of the measure into which the late page is about to write."""
    linked.store.tables["actuals"].items[guid("actual"),] = actual()
    refused = actual(measure_id=text(OTHER_MEASURE), recorded_by=text(" "))

    def refused_gone_and_replayed() -> None:
        linked.deliver("actuals", linked.change("actuals", actual(), refused))
        record = linked.change("actuals", refused, None)
        linked.replay()
        linked.deliver("actuals", record)

    linked.at("guard", "index", refused_gone_and_replayed)
    linked.backfill("actuals")

    assert linked.data() == {}


def refused_once_more_after_it_was_mended(linked: Stage) -> None:
    """A repair runs ahead of the stream; then the refusal comes a second time, after the change that mended the row."""
    there, refused = (
        actual(measure_id=text(OTHER_MEASURE)),
        actual(measure_id=text(OTHER_MEASURE), recorded_by=text(" ")),
    )
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    refusal = linked.change("actuals", actual(), refused)
    linked.deliver("actuals", refusal)
    mended, back = linked.change("actuals", refused, there), linked.change("actuals", there, actual())
    linked.replay()
    linked.deliver("actuals", mended)

    linked.deliver("actuals", refusal)
    linked.deliver("actuals", back)


def test_a_refusal_that_comes_a_second_time_does_not_stay(linked: Stage) -> None:
    refused_once_more_after_it_was_mended(linked)

    assert linked.data() == {FIRST: "7"}
    assert linked.store.tables["quarantine"].items == {}


def test_without_a_look_at_where_the_row_lives_it_would_stay(linked: Stage) -> None:
    with without("no look whether a repair has put the row where it lives"):
        refused_once_more_after_it_was_mended(linked)

    assert linked.store.tables["quarantine"].items


def reconciled_before_a_links_refusal_has_come(linked: Stage) -> None:
    """A link is killed before its own new row, and refused when it has moved to another measure; what it was still stands.

    Its records come when a repair has looked, just before it writes; afterwards where it writes nothing.
    """
    inserted = linked.change("links", None, LATER)
    linked.at("write", "measure_links", linked.kill)
    with pytest.raises(Killed):
        linked.deliver("links", inserted)
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    refused = linked.change("links", LATER, link("later", measure_id=text(OTHER_MEASURE), created_at=text("bad")))
    linked.at("guard", "index", lambda: linked.deliver("links", inserted, refused))

    linked.repair_all()
    while linked.waiting:
        linked.waiting.pop()[2]()


def test_a_repair_runs_ahead_of_a_links_refusal(linked: Stage) -> None:
    reconciled_before_a_links_refusal_has_come(linked)

    assert linked.data() == {FIRST: "7", copy_of("actual", "later"): "7"}


def test_without_a_second_look_at_the_burial_its_rows_would_be_gone(linked: Stage) -> None:
    with without("no second look at a burial"):
        reconciled_before_a_links_refusal_has_come(linked)

    assert linked.data() == {FIRST: "7"}


def link_comes_back_before_its_row_is_buried(linked: Stage) -> None:
    """The link has moved, unknown to the index, so its row is an orphan; when that is about to go, the link moves back."""
    away = link("later", linked_at=LATER["linked_at"], goal_id=LATER["goal_id"], measure_id=text(OTHER_MEASURE))
    linked.deliver("links", linked.change("links", None, LATER))
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    went = linked.change("links", LATER, away)

    linked.at("guard", "index", lambda: linked.deliver("links", went, linked.change("links", away, LATER)))
    linked.repair_all()


def test_a_link_comes_back_before_its_row_is_buried(linked: Stage) -> None:
    link_comes_back_before_its_row_is_buried(linked)

    assert linked.data() == {FIRST: "7", copy_of("actual", "later"): "7"}


def test_without_a_second_look_at_the_burial_its_row_would_be_gone(linked: Stage) -> None:
    with without("no second look at a burial"):
        link_comes_back_before_its_row_is_buried(linked)

    assert linked.data() == {FIRST: "7"}


def burial_killed_before_it_is_closed(linked: Stage) -> None:
    """What might have been a milestone's is in fact the row of an actual. The burial has put it back, then it is killed."""
    linked.deliver("actuals", linked.change("actuals", None, actual()))

    def kill_when_it_is_closed() -> None:
        linked.at("guard", "index", linked.kill)

    linked.at("write", "measure_data", kill_when_it_is_closed)
    with pytest.raises(Killed):
        sync(linked.engine, "milestones", guid("actual"), {guid("actual")}, patience(linked.engine), bury=True)
    assert linked.data() == {FIRST: "7"}

    linked.replay()


def test_a_killed_burial_is_replayed(linked: Stage) -> None:
    burial_killed_before_it_is_closed(linked)

    assert linked.data() == {FIRST: "7"}


def test_replayed_without_a_look_at_its_kin_it_would_bury_a_row_that_is_wanted(linked: Stage) -> None:
    with without("a burial is replayed without a look at its kin"):
        burial_killed_before_it_is_closed(linked)

    assert linked.data() == {}


def replay_killed_while_its_row_goes(linked: Stage) -> None:
    """The row is mended and removed between the replay's reads and its write; the replay is killed before it looks again."""
    refused, mended = actual(recorded_by=text(" ")), actual()
    linked.deliver("actuals", linked.change("actuals", None, refused))
    record = linked.change("actuals", refused, mended)

    def go() -> None:
        linked.deliver("actuals", record, linked.change("actuals", mended, None))
        linked.at("get", "index", linked.kill)

    linked.at("write", "measure_data", go)
    with pytest.raises(Killed):
        linked.replay()
    assert linked.data() == {FIRST: "7"}, "the killed call has written after the stream had passed"
    linked.replay()


def test_a_replay_is_killed_and_its_row_goes(linked: Stage) -> None:
    """Nothing is in quarantine any more; the note of the repair is."""
    replay_killed_while_its_row_goes(linked)

    assert linked.data() == {}
    assert not quarantined(linked.engine, patience(linked.engine)).keys() - {("actuals", guid("actual"))}


def test_without_what_was_left_open_the_row_would_stay(linked: Stage) -> None:
    with without("replay forgets what was left open"):
        replay_killed_while_its_row_goes(linked)

    assert linked.data() == {FIRST: "7"}


def test_a_repair_that_came_to_its_end_is_not_taken_up_again(linked: Stage) -> None:
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    sync(linked.engine, "actuals", guid("actual"), (), patience(linked.engine))

    assert quarantined(linked.engine, patience(linked.engine)) == {}


def stray_row_buried_under_anothers_id(linked: Stage) -> None:
    """A repair took a new row for one that nobody wants, while its old row was on its way: it buries all that might be it."""
    linked.deliver("actuals", linked.change("actuals", None, actual()))
    sync(linked.engine, "milestones", guid("actual"), {guid("actual")}, patience(linked.engine), bury=True)


def test_a_repair_buries_a_row_under_the_id_of_another(linked: Stage) -> None:
    stray_row_buried_under_anothers_id(linked)

    assert linked.data() == {FIRST: "7"}


def test_without_a_look_at_its_kin_the_other_row_would_be_gone(linked: Stage) -> None:
    with without("bury without a look at its kin"):
        stray_row_buried_under_anothers_id(linked)

    assert linked.data() == {}


def mended_move_taken_in_part(linked: Stage) -> None:
    """Insert, refused elsewhere, mended there: killed after the new group has it and before the old one has lost it."""
    linked.deliver("links", linked.change("links", None, link("there", measure_id=text(OTHER_MEASURE))))
    mended = actual(measure_id=text(OTHER_MEASURE), actual_value=number(32))
    refused = {**mended, "recorded_by": text(" ")}
    records = [
        linked.change("actuals", None, actual()),
        linked.change("actuals", actual(), refused),
        linked.change("actuals", refused, mended),
    ]
    linked.at(
        "guard",
        "index",
        lambda: linked.at("guard", "index", lambda: linked.at("guard", "index", linked.kill)),
    )
    with pytest.raises(Killed):
        linked.deliver("actuals", *records)
    for record in records:
        linked.deliver("actuals", record)


def test_a_mended_move_is_killed_between_its_two_groups(linked: Stage) -> None:
    mended_move_taken_in_part(linked)

    assert linked.data() == {(guid("there"), guid("actual")): "32"}


def test_a_refusal_discarded_too_soon_would_leave_the_old_group_behind(linked: Stage) -> None:
    with without("quarantine discards what was taken in part"):
        mended_move_taken_in_part(linked)
        linked.deliver("links", linked.change("links", None, LATER))

    assert linked.data() != {(guid("there"), guid("actual")): "32"}


def row_comes_back_and_is_refused(linked: Stage) -> None:
    """A group meets the tombstone of a row that comes back to it, good, and is then refused elsewhere, all meanwhile."""
    there = actual(measure_id=text(OTHER_MEASURE))
    linked.deliver("links", linked.change("links", None, link("there", measure_id=text(OTHER_MEASURE))))
    linked.deliver("actuals", linked.change("actuals", None, there))
    linked.deliver("actuals", linked.change("actuals", there, actual()))

    def back_and_refused() -> None:
        linked.deliver("actuals", linked.change("actuals", actual(), {**there, "actual_value": number(93)}))
        refused = actual(recorded_by=text(" "))
        linked.deliver("actuals", linked.change("actuals", {**there, "actual_value": number(93)}, refused))

    linked.at("get", "actuals", back_and_refused)
    linked.deliver("links", linked.change("links", None, {**LATER, "measure_id": text(OTHER_MEASURE)}))


def test_a_row_comes_back_to_a_group_that_met_its_tombstone(linked: Stage) -> None:
    row_comes_back_and_is_refused(linked)

    assert linked.data() == {(guid("there"), guid("actual")): "93", copy_of("actual", "later"): "93"}


def test_a_tombstone_met_once_and_never_again_would_cost_the_row(linked: Stage) -> None:
    with without("a tombstone met once is never tried again"):
        row_comes_back_and_is_refused(linked)

    assert (guid("there"), guid("actual")) not in linked.data()


def lost_change_repaired_during_a_backfill(linked: Stage) -> None:
    """A stream has lost a change; the repair corrects the entry under its version while a page is about to write."""
    linked.store.tables["actuals"].items[guid("actual"),] = actual()

    def repair() -> None:
        linked.change("actuals", actual(), actual(actual_value=number(8)))
        sync(linked.engine, "actuals", guid("actual"), (), patience(linked.engine))

    linked.at("write", "measure_data", repair)
    linked.backfill("actuals")


def test_a_repair_corrects_a_row_that_a_page_is_about_to_write(linked: Stage) -> None:
    lost_change_repaired_during_a_backfill(linked)

    assert linked.data() == {FIRST: "8"}


def test_versions_alone_would_not_tell_that_it_was_corrected(linked: Stage) -> None:
    """The guard, taken away: the page's old value stays."""
    with without("versions alone tell that an entry moved"):
        lost_change_repaired_during_a_backfill(linked)

    assert linked.data() == {FIRST: "7"}


def measure(owner: str) -> Any:
    return {"id": text(MEASURE), "owner_id": text(owner)}


def person(user: str) -> Any:
    return {"id": text("anna"), "linked_user_id": text(user)}


def owner_changes_before_the_write(linked: Stage) -> None:
    linked.at(
        "write", "measure_links", lambda: linked.deliver("measures", linked.change("measures", None, measure("b")))
    )
    linked.deliver("links", linked.change("links", None, LATER))


def test_an_owner_changes_between_a_links_read_and_its_write(linked: Stage) -> None:
    owner_changes_before_the_write(linked)

    assert (linked.person(), linked.person("later")) == ("b", "b")


def test_without_a_second_look_the_link_would_name_the_owner_of_before(linked: Stage) -> None:
    with without("no second look at lookups"):
        owner_changes_before_the_write(linked)

    assert linked.person("later") == "user"


def test_a_person_is_linked_while_its_users_links_are_backfilled(stage: Stage) -> None:
    stage.store.tables["links"].items[guid("link"),] = link()
    stage.at("write", "measure_links", lambda: stage.deliver("people", stage.change("people", None, person("user"))))

    stage.backfill("links")

    assert stage.person() == "anna"


def test_a_person_is_linked_between_a_links_registration_and_its_read(stage: Stage) -> None:
    """The registration is there already, so the person's change finds the link; and the link sees the person."""
    come = stage.change
    stage.at("find", "people", lambda: stage.deliver("people", come("people", None, person("user"))))

    stage.deliver("links", stage.change("links", None, link()))

    assert stage.person() == "anna"


def test_a_person_moves_from_one_user_to_another(linked: Stage) -> None:
    """While a link of the one is being written, a link of the other is there already."""
    linked.deliver("links", linked.change("links", None, link("other", created_by=text("b"), goal_id=text("g"))))
    linked.deliver("people", linked.change("people", None, person("user")))
    moved = linked.change
    linked.at("write", "measure_links", lambda: linked.deliver("people", moved("people", person("user"), person("b"))))

    linked.deliver("links", linked.change("links", None, LATER))

    assert (linked.person(), linked.person("later"), linked.person("other")) == ("user", "user", "anna")


def test_a_persons_removal_passes_a_backfill_page(linked: Stage) -> None:
    linked.store.tables["people"].items["anna",] = person("user")
    gone = linked.change
    linked.at("guard", "index", lambda: linked.deliver("people", gone("people", person("user"), None)))

    linked.backfill("people")

    assert linked.person() == "user"


def fan_out_killed_while_the_link_goes(linked: Stage) -> None:
    """What it wrote of the link stays unless the removed link, too, is settled on the second delivery."""
    record = linked.change("measures", None, measure("b"))

    def removed() -> None:
        linked.deliver("links", linked.change("links", link(), None))
        linked.at("get", "index", linked.kill)

    linked.at("write", "measure_links", removed)
    with pytest.raises(Killed):
        linked.deliver("measures", record)
    assert (guid("link"),) in linked.store.tables["measure_links"].items

    linked.deliver("measures", record)


def test_an_owners_fan_out_is_killed_and_the_link_goes_before_it_comes_again(linked: Stage) -> None:
    fan_out_killed_while_the_link_goes(linked)

    assert (guid("link"),) not in linked.store.tables["measure_links"].items


def test_were_every_time_the_first_the_link_would_stay(linked: Stage) -> None:
    with without("every time is the first for a lookup"):
        fan_out_killed_while_the_link_goes(linked)

    assert (guid("link"),) in linked.store.tables["measure_links"].items
