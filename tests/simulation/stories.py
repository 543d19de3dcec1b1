"""The races that matter, each forced: at a named step of one call, others do all of their work, and the call goes on or dies.

A story ends right where its stage has nothing wrong and no note open. `still_wrong` says that the race has been met on its way:
what is then put right is what the story is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from measures.ids import derived_id
from measures.model import MODEL as MEASURES
from remodel import index
from remodel.converge import converge
from remodel.errors import Fenced
from remodel.hints import Hint
from remodel.items import Item
from remodel.keys import Key
from remodel.model import Model
from remodel_testing.memory import Fault
from remodel_testing.simulation.cutover import played
from remodel_testing.simulation.world import small
from shop.model import MODEL as SHOP
from tests.simulation.library import MODEL as LIBRARY
from tests.simulation.stage import Stage, actual, guid, link, reading, refused, text

Tell = Callable[[Stage], None]


@dataclass(frozen=True)
class Story:
    """`small`: constants of the engine that are small in it."""

    tell: Tell
    small: Mapping[str, int] = field(default_factory=dict)
    queue: bool = False
    model: Model = MEASURES
    live: frozenset[str] | None = None

    def ends(self) -> list[str]:
        """What is wrong at its end."""
        with small(self.small), played():
            stage = Stage(self.model, self.queue, self.live)
            self.tell(stage)
            return stage.wrong() + ["a note stays open"] * stage.open_notes


STORIES: dict[str, Story] = {}


def story(**how: Any) -> Callable[[Tell], Tell]:
    def told(tell: Tell) -> Tell:
        STORIES[tell.__name__.replace("_", " ")] = Story(tell, **how)
        return tell

    return told


def still_wrong(stage: Stage) -> None:
    assert stage.wrong(), "expected the race to leave something wrong, found nothing: the story misses it"


def own(row: int, its_link: int) -> str:
    return derived_id(guid(row), guid(its_link))


def with_links(stage: Stage, *links: dict[str, object]) -> None:
    for each in links:
        stage.deliver(stage.put("links", each))


# Notes


@story()
def a_note_grows_with_the_groups_that_a_later_look_finds(stage: Stage) -> None:
    with_links(stage, link(1, "X"), link(2, "Y"), link(3, "Y"))
    first = stage.receiving(stage.put("readings", reading(9, "X"))).past("write", "measure_data")
    moved = stage.put("readings", reading(9, "Y"))
    first.until("write", "measure_data", own(9, 3))  # it has looked again, and is about to write for Y
    stage.deliver(moved)
    stage.deliver(stage.delete("readings", guid(9)))
    first.past("write", "measure_data", own(9, 3)).kill()
    still_wrong(stage)

    stage.sweep()


@story()
def a_note_grows_with_the_groups_in_which_a_link_is_seen(stage: Stage) -> None:
    """The fan-out goes to every group in which the link was read, also to those that its record does not name."""
    with_links(stage, link(1, "Y"))
    stage.deliver(stage.put("readings", reading(9, "Y")))
    made = stage.put("links", link(2, "X"))
    moved = stage.put("links", link(2, "Y"))
    first = stage.receiving(made).until("write", "measure_data", own(9, 2))
    stage.deliver(moved)
    stage.deliver(stage.put("links", link(2, "X")))
    first.past("write", "measure_data", own(9, 2)).kill()

    stage.sweep()


@story()
def a_sweeper_has_a_note_of_its_own(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.receiving(stage.put("readings", reading(9))).until("write", "measure_data").kill()
    one = stage.sweeping().until("write", "measure_data")
    stage.sweep()  # another one does it all, and takes the note away
    stage.deliver(stage.delete("readings", guid(9)))
    one.past("write", "measure_data").kill()
    still_wrong(stage)

    stage.sweep()


@story()
def two_deliveries_of_one_batch_have_two_notes(stage: Stage) -> None:
    with_links(stage, link(1))
    record = stage.put("readings", reading(9))
    one = stage.receiving(record).until("write", "measure_data")
    stage.deliver(record)
    stage.deliver(stage.delete("readings", guid(9)))
    one.past("write", "measure_data").kill()
    still_wrong(stage)

    stage.sweep()


@story()
def a_row_of_quarantine_that_a_dead_call_wrote_late_is_removed(stage: Stage) -> None:
    """The record of the correction has passed before; only the note knows that the row may be in quarantine."""
    with_links(stage, link(1))
    one = stage.receiving(stage.put("readings", refused(reading(9)))).until("write", "quarantine")
    stage.deliver(stage.put("readings", reading(9)))
    one.past("write", "quarantine").kill()
    still_wrong(stage)

    stage.sweep()


@story()
def a_row_that_is_found_refused_is_noted_as_such(stage: Stage) -> None:
    """Its record says nothing of it: the row was refused after that."""
    with_links(stage, link(1))
    made = stage.put("readings", reading(9))
    records = [stage.put("readings", refused(reading(9)))]
    one = stage.receiving(made).until("write", "quarantine")
    stage.deliver(*records, stage.put("readings", reading(9)))
    one.past("write", "quarantine").kill()
    still_wrong(stage)

    stage.sweep()


@story()
def a_note_stays_open_while_a_request_may_land(stage: Stage) -> None:
    """The first request gets no answer, its repetition succeeds, and long after that the first one is carried out."""
    with_links(stage, link(1))
    stage.unanswered = {"measure_data"}
    stage.deliver(stage.put("readings", reading(9)))
    stage.deliver(stage.delete("readings", guid(9)))
    stage.astray.pop()()
    still_wrong(stage)

    stage.sweep()


@story()
def the_note_of_a_call_that_lives_is_left_alone(stage: Stage) -> None:
    with_links(stage, link(1))
    one = stage.receiving(stage.put("readings", reading(9))).until("write", "measure_data")
    stage.sweep()
    stage.deliver(stage.delete("readings", guid(9)))
    one.past("write", "measure_data").kill()
    still_wrong(stage)

    stage.sweep()


# Hints


@story()
def a_row_that_moves_leaves_nothing_in_its_former_group(stage: Stage) -> None:
    with_links(stage, link(1, "X"), link(2, "X"))
    stage.deliver(stage.put("readings", reading(9, "X")))
    stage.deliver(stage.put("readings", reading(9, "Y")))


@story()
def of_merged_records_one_that_others_see_is_enough(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.deliver(stage.put("readings", reading(9)))
    seen = stage.put("links", link(1, "Y"))
    stage.deliver(seen, stage.put("links", {**link(1, "Y"), "is_primary": {"BOOL": True}}))


@story(live=frozenset(MEASURES.old_tables) - {"people", "measures"})
def a_lookup_without_a_stream_goes_through_the_index_of_its_table(stage: Stage) -> None:
    stage.put("people", {"id": text("p1"), "linked_user_id": text("u")})
    with_links(stage, link(1))


@story()
def what_is_not_processed_is_asked_for_again(stage: Stage) -> None:
    stage.faults["write", "measure_links"] = [Fault.UNPROCESSED]
    with_links(stage, link(1))
    stage.faults["get", "links"] = [Fault.UNPROCESSED]
    stage.faults["write", "measure_data"] = [Fault.UNPROCESSED]
    stage.deliver(stage.put("readings", reading(9)))


# Fan-outs


@story(queue=True, small={"fan-out page": 1})
def a_worker_has_a_note_of_its_own(queued: Stage) -> None:
    """A queue message does not replace it: a second delivery of the message may end it."""
    queued.deliver(queued.put("readings", reading(9)))
    queued.deliver(queued.put("readings", reading(8)))
    queued.deliver(queued.put("links", link(1)))
    one = queued.working().until("write", "measure_data", guid(9))
    queued.working().finish()
    queued.queue.waiting.clear()
    queued.deliver(queued.delete("readings", guid(9)))
    one.past("write", "measure_data", guid(9)).kill()
    still_wrong(queued)

    queued.sweep()


@story(queue=True, small={"fan-out page": 1})
def requests_for_one_fan_out_coalesce_without_loss(queued: Stage) -> None:
    """A request that arrives while the worker is on its last page makes it start again from the first."""
    for n in (7, 8, 9):
        queued.deliver(queued.put("readings", reading(n)))
    queued.deliver(queued.put("links", link(1)))
    one = queued.working().until("write", "measure_data", guid(9))
    queued.deliver(queued.delete("links", guid(1)))
    one.finish()


@story(queue=True, small={"fan-out page": 1})
def a_cursor_counts_for_its_own_request_alone(queued: Stage) -> None:
    """A worker that died on its way leaves a cursor; a later request does not go on from there."""
    for n in (7, 8, 9):
        queued.deliver(queued.put("readings", reading(n)))
    queued.deliver(queued.put("links", link(1)))
    assert queued.working(stop_at=0.0).finish() is False
    queued.deliver(queued.delete("links", guid(1)))
    queued.working().finish()


@story()
def two_links_that_lead_at_the_same_time_both_correct_the_former_leader(stage: Stage) -> None:
    """Each fan-out finds the shared key wrong, and looks at the row completely."""
    with_links(stage, link(5))
    stage.deliver(stage.put("readings", reading(9)))
    one = stage.receiving(stage.put("links", link(3))).until("write", "measure_data")
    stage.deliver(stage.put("links", link(2)))
    one.finish()


@story()
def a_complete_look_of_a_narrow_fan_out_is_in_the_note(stage: Stage) -> None:
    with_links(stage, link(5), link(6))
    stage.deliver(stage.put("readings", reading(9)))
    one = stage.receiving(stage.put("links", link(3))).past("write", "measure_data", guid(9))
    one.kill()  # link 3 leads; link 5 has no row of its own yet
    stage.deliver(stage.put("links", {**link(3), "is_primary": {"BOOL": True}}))
    still_wrong(stage)

    stage.sweep()


# Joins


@story()
def what_was_read_of_a_batch_before_a_join_is_not_used(stage: Stage) -> None:
    """A link, of which others need not hear, and a row are taken up together; the row joins after the link was read."""
    stage.put("readings", reading(9))
    stage.put("links", {**link(1), "measure_id": text("Y")})
    hints = [Hint(Key("links", guid(1)), spreads=False), Hint(Key("readings", guid(9)))]
    one = stage.start(lambda call: converge(call, hints))
    one.until("write", "index", f"X{index.ROW}")  # the link was read in Y
    stage.deliver(stage.put("links", link(1)))
    one.finish()


@story(small={"set bytes": 1})
def a_set_goes_on_in_a_further_item_that_a_reader_does_not_overlook(stage: Stage) -> None:
    with_links(stage, link(1))
    one = stage.receiving(stage.put("links", link(2))).past("update", "index", "set/links.Link/0")
    two = stage.receiving(stage.put("readings", reading(9)))
    two.until("write", "measure_data")
    stage.deliver(stage.put("links", link(3)))
    one.finish()
    two.finish()


# Claims


@story()
def a_refused_row_leaves_what_its_twin_in_another_table_has(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.deliver(stage.put("actuals", actual(9)))
    one = stage.receiving(stage.put("readings", refused(reading(9))))
    one.finish()
    stage.expect(guid(9) in stage.store.tables["measure_data"].items, "the row to be there")


@story()
def a_row_that_goes_gives_its_key_to_the_other_claimant(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.deliver(stage.put("actuals", actual(9)))
    stage.deliver(stage.put("readings", reading(9)))
    stage.deliver(stage.delete("readings", guid(9)))


@story()
def a_claimant_that_comes_between_a_look_and_a_delete_is_looked_at_after_it(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.deliver(stage.put("readings", reading(9)))
    one = stage.receiving(stage.delete("readings", guid(9))).until("write", "measure_data")
    stage.deliver(stage.put("actuals", actual(9)))
    one.finish()


@story()
def other_claimants_are_in_the_note(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.deliver(stage.put("readings", reading(9)))
    one = stage.receiving(stage.delete("readings", guid(9))).until("write", "measure_data")
    stage.deliver(stage.put("actuals", actual(9)))
    one.past("write", "measure_data").kill()
    still_wrong(stage)

    stage.sweep()


@story(small={"pairs": 1})
def claimants_and_rows_that_claim_nothing_come_to_an_end_in_steps_of_a_key(stage: Stage) -> None:
    """None of them deletes what another one expects, so none brings another one back for ever."""
    with_links(stage, link(1), link(2))
    records = [stage.put("actuals", actual(9)), stage.put("readings", refused(reading(9)))]
    stage.put("milestones", refused(actual(9)))
    for record in records:
        stage.deliver(record)
    stage.backfill("milestones", "readings", "actuals")


def forged(stage: Stage) -> dict[str, Any]:
    """A row of another measure whose GUID is the id that row 9 has for link 2."""
    with_links(stage, link(1), link(2), link(3, "Y"))
    return {**reading(8, "Y"), "id": text(own(9, 2))}


@story()
def a_forged_guid_gives_back_the_key_that_it_took(stage: Stage) -> None:
    row = forged(stage)
    stage.deliver(stage.put("readings", reading(9)))
    stage.deliver(stage.put("readings", row))
    stage.deliver(stage.delete("readings", own(9, 2)))


@story()
def two_rows_of_a_batch_claim_one_key(stage: Stage) -> None:
    row = forged(stage)
    stage.deliver(stage.put("readings", reading(9)), stage.put("readings", row))
    stage.deliver(stage.delete("readings", own(9, 2)))


@story()
def a_forged_guid_overwrites_no_row_that_it_has_not_seen(stage: Stage) -> None:
    row = forged(stage)
    record = stage.put("readings", row)
    one = stage.receiving(record).past("get", "measure_data", own(9, 2))
    stage.deliver(stage.put("readings", reading(9)))
    stage.deliver_until_done([record], one.finish())
    stage.deliver(stage.delete("readings", own(9, 2)))
    stage.sweep()


# The fence


@story()
def a_call_that_had_read_the_fence_may_write_for_as_long_as_the_bound_says(stage: Stage) -> None:
    with_links(stage, link(1))
    record = stage.put("readings", reading(9))
    one = stage.receiving(record).until("write", "measure_data")
    stage.set_fence()
    one.finish()
    stage.expect(guid(9) in stage.store.tables["measure_data"].items, "the row to be there")


@story(small={"pairs": 1})
def a_call_reads_the_fence_again_after_five_seconds(stage: Stage) -> None:
    with_links(stage, link(1), link(2))
    one = stage.receiving(stage.put("readings", reading(9))).past("write", "measure_data")
    stage.set_fence()
    stage.clock.time += 5.0
    one.finish()
    stage.expect(isinstance(one.error, Fenced), "the call to end at the fence")
    stage.expect(len(stage.store.tables["measure_data"].items) == 1, "nothing to be written any more")

    stage.lift_fence()
    stage.sweep()


@story()
def behind_the_fence_rows_join_and_nothing_is_written(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.set_fence()
    record = stage.put("readings", reading(9))
    one = stage.receiving(record)
    one.finish()
    stage.expect(isinstance(one.error, Fenced), "the call to end at the fence")
    stage.expect(not stage.store.tables["measure_data"].items, "nothing to be written")
    joined = any(f"{index.ROW}readings.Reading/{guid(9)}" in each for each in stage.store.tables["index"].items)
    stage.expect(joined, "the row to have joined")

    stage.lift_fence()
    stage.backfill("readings")  # a rollback is followed by a resync: behind the fence nothing leaves a note


# The cutover


def settled(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.deliver(stage.put("readings", reading(9)))


def cut_over(stage: Stage) -> None:
    stage.cutting_over().finish()
    stage.expect(stage.flipped and stage.is_fenced, "the flag at new, behind a fence")


def is_refused(stage: Stage) -> bool:
    stage.cutting_over().finish()
    refused = not stage.flipped and not stage.is_fenced
    stage.expect(refused, "the cutover to be refused, and the fence to be lifted")
    return refused


def written_by_the_application(stage: Stage) -> Item:
    """A new row that nothing in the old tables explains."""
    row = {**stage.store.tables["measure_data"].items[guid(9)], "label": text("by the application")}
    stage.store.tables["measure_data"].put(row)
    return row


@story()
def a_cutover_waits_until_the_last_changes_have_arrived(stage: Stage) -> None:
    """The application pauses when it is asked to, and what it wrote last is delivered after that."""
    settled(stage)
    stage.befalls["pause"] = lambda: stage.due.append(stage.put("readings", reading(8)))
    cut_over(stage)


@story()
def a_change_from_before_the_tips_that_no_function_has_seen_ends_a_cutover(stage: Stage) -> None:
    settled(stage)
    stage.due.append(stage.put("readings", reading(8)))
    if is_refused(stage):
        stage.lambda_goes_on()
        cut_over(stage)


@story()
def a_change_that_no_function_has_seen_ends_a_cutover(stage: Stage) -> None:
    settled(stage)
    late: list[Any] = []
    stage.befalls["pause"] = lambda: late.append(stage.put("readings", reading(8)))
    if is_refused(stage):
        stage.deliver(*late)
        cut_over(stage)


@story()
def a_change_in_the_pause_ends_a_cutover(stage: Stage) -> None:
    settled(stage)
    late: list[Any] = []
    stage.befalls["comparing what was touched meanwhile"] = lambda: late.append(stage.put("readings", reading(8)))
    if is_refused(stage):
        stage.deliver(*late)
        cut_over(stage)


@story()
def a_cutover_waits_for_calls_that_have_read_the_fence(stage: Stage) -> None:
    """One is about to write what was right when it read."""
    with_links(stage, link(1))
    one = stage.receiving(stage.put("readings", reading(9))).until("get", "measure_data", guid(9))
    stage.deliver(stage.delete("readings", guid(9)))
    operator = stage.cutting_over().until("write", "index", "fence")
    one.until("write", "index", "notes")
    operator.finish()
    one.finish()
    stage.expect(stage.flipped, "the flag at new")


@story()
def a_late_request_lifts_the_fence_of_no_later_cutover(stage: Stage) -> None:
    """It was made by a cutover before, got no answer, and was made again."""
    settled(stage)
    late: list[Any] = []
    stage.befalls["comparing what was touched meanwhile"] = lambda: late.append(stage.put("readings", reading(8)))
    stage.befalls["lifting the fence"] = lambda: stage.unanswered.add("index")
    is_refused(stage)
    stage.deliver(*late)
    operator = stage.cutting_over().until("write", "index", "fence").past("write", "index", "fence")
    stage.astray.pop()()
    operator.finish()
    stage.expect(stage.flipped, "the flag at new")


@story()
def no_note_stays_open_behind_the_fence(stage: Stage) -> None:
    """A call dies when all that it had to write is there: nothing could close its note as long as the fence stands."""
    with_links(stage, link(1))
    one = stage.receiving(stage.put("readings", reading(9))).until("get", "measure_data", guid(9))
    operator = stage.cutting_over().until("write", "index", "fence")
    one.past("write", "measure_data")
    one.kill()
    operator.finish()
    stage.expect(not stage.flipped, "the cutover to be refused")

    stage.sweep()
    cut_over(stage)


@story()
def what_was_touched_is_compared_before_the_flip(stage: Stage) -> None:
    """Another program has removed a new row."""
    settled(stage)
    stage.store.tables["measure_data"].delete(guid(9))
    if is_refused(stage):
        stage.repair("readings")
        cut_over(stage)


@story()
def a_call_that_runs_during_the_rehearsal_is_compared_again(stage: Stage) -> None:
    settled(stage)
    one = stage.receiving(stage.put("readings", reading(8))).past("write", "measure_data")

    def meddle() -> None:
        one.finish()
        stage.store.tables["measure_data"].delete(guid(8))

    stage.befalls["pause"] = meddle
    if is_refused(stage):
        stage.repair("readings")
        cut_over(stage)


@story()
def an_operator_who_was_taken_over_changes_nothing_more(stage: Stage) -> None:
    """The machine slept behind the fence; meanwhile another one has cut over, and gone back again."""
    settled(stage)
    sleeper = stage.cutting_over().until("write", "index", "fence").past("write", "index", "fence")
    assert sleeper.operator is not None
    sleeper.operator.lost = True
    stage.lift_fence()
    cut_over(stage)
    stage.rolling_back().finish()
    sleeper.finish()
    stage.expect(not stage.flipped, "the flag to stay where the other one has left it")


@story()
def an_operator_who_was_taken_over_does_not_lift_the_fence_of_another(stage: Stage) -> None:
    settled(stage)
    sleeper = stage.cutting_over().until("write", "index", "fence")
    assert sleeper.operator is not None
    sleeper.operator.lost = True
    cut_over(stage)
    stage.put("readings", reading(8))  # by a program that was not told; the sleeper takes it for a reason to give up
    sleeper.finish()
    stage.expect(stage.flipped and stage.is_fenced, "the application to keep the new tables")

    stage.rolling_back().finish()
    stage.backfill("readings")


@story()
def a_cutover_that_was_killed_behind_its_fence_begins_again(stage: Stage) -> None:
    settled(stage)
    stage.cutting_over().until("write", "index", "fence").past("write", "index", "fence").kill()
    stage.expect(stage.is_fenced and not stage.flipped, "the fence alone")
    cut_over(stage)


@story()
def a_second_operator_is_refused_while_the_first_one_works(stage: Stage) -> None:
    settled(stage)
    first = stage.cutting_over().until("write", "index", "fence").past("write", "index", "fence")
    stage.cutting_over().finish()
    stage.expect(stage.is_fenced, "the fence of the first one to stand")
    first.finish()
    stage.expect(stage.flipped, "the first one to come to its end")


def held_and_overwritten(stage: Stage) -> None:
    """A change of an old table is held behind the fence, and the application has written the row."""
    settled(stage)
    cut_over(stage)
    record = stage.put("readings", reading(9, value=2))
    one = stage.receiving(record)
    one.finish()
    stage.expect(isinstance(one.error, Fenced), "the record to be held")
    stage.due = [record]


@story()
def a_rollback_keeps_what_the_application_has_written(stage: Stage) -> None:
    """What was held is not delivered until a person has brought over what is needed."""
    held_and_overwritten(stage)
    row = written_by_the_application(stage)
    stage.rolling_back().finish()
    stage.lambda_goes_on()
    stage.expect(stage.store.tables["measure_data"].items[guid(9)] == row, "the application's row to be kept")

    stage.desk.on = True
    stage.lambda_goes_on()
    stage.backfill("links", "readings")
    cut_over(stage)


@story()
def a_cutover_does_not_lift_the_fence_of_a_rollback_that_was_killed(stage: Stage) -> None:
    held_and_overwritten(stage)
    row = written_by_the_application(stage)
    stage.rolling_back().until("write", "index", "fence").kill()
    stage.cutting_over().finish()
    stage.expect(stage.is_fenced and not stage.flipped, "the fence to stand, and the flag at old")
    stage.lambda_goes_on()
    stage.expect(stage.store.tables["measure_data"].items[guid(9)] == row, "the application's row to be kept")

    stage.rolling_back().finish()
    stage.desk.on = True
    stage.lambda_goes_on()
    cut_over(stage)


# Batches, gaps


@story(small={"slice": 1})
def a_batch_is_answered_from_the_first_record_that_is_not_done(stage: Stage) -> None:
    with_links(stage, link(1))
    records = [stage.put("readings", reading(n)) for n in (7, 8, 9)]
    stage.faults["write", "measure_data"] = [Fault.UNPROCESSED]  # tried again within the call
    one = stage.receiving(*records).past("write", "measure_data", guid(7)).until("get", "readings", guid(8))
    stage.clock.time = 9e15
    answer = one.finish()

    stage.clock.time = stage.clock.START
    stage.deliver_until_done(records, answer)
    stage.sweep()


@story(model=LIBRARY)
def resync_finds_the_former_key_of_a_row_that_moved_in_a_gap(stage: Stage) -> None:
    book = {"id": text("b"), "shelf": text("s1"), "title": text("One")}
    stage.deliver(stage.put("books", book))
    stage.put("books", {**book, "shelf": text("s2")})
    stage.backfill("books")
    still_wrong(stage)

    stage.walk("index", "quarantine")


@story()
def resync_finds_a_link_that_was_deleted_in_a_gap(stage: Stage) -> None:
    with_links(stage, link(1, "X"), link(2, "X"))
    stage.deliver(stage.put("readings", reading(9, "X")))
    stage.delete("links", guid(2))
    stage.backfill("links", "readings")
    still_wrong(stage)

    stage.walk("index", "quarantine")


@story()
def resync_finds_a_row_that_was_deleted_in_a_gap(stage: Stage) -> None:
    with_links(stage, link(1))
    stage.deliver(stage.put("readings", reading(9)))
    stage.deliver(stage.put("readings", refused(reading(8))))
    stage.delete("readings", guid(8))
    stage.delete("readings", guid(9))
    stage.backfill("links", "readings")
    stage.walk("index", "quarantine")


@story(model=SHOP)
def resync_finds_a_row_that_no_group_knows(stage: Stage) -> None:
    item = {"PK": text("ORDER#1"), "SK": text("ITEM#1"), "sku": text("s"), "quantity": {"N": "1"}}
    stage.deliver(stage.put("shop", item))
    stage.delete("shop", stage.store.schema("shop").encode(item))
    stage.backfill("shop")
    stage.walk("index", "quarantine")
    still_wrong(stage)

    stage.repair(*SHOP.new_tables)
