"""What it means to take a guard away: for each step of the protocol, the names that are replaced, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from remodel import claims, converge, fanout, fence, hints, index, materialize, newkeys, notes, reading, resync
from remodel import replicate as batches
from remodel.call import Call
from remodel.hints import Hint
from remodel.items import Item
from remodel.keys import Key
from remodel.mapping import Snapshot
from remodel.materialize import Done
from remodel.store import INDEX, INDEX_KEY
from remodel_testing.memory import MemoryStore
from remodel_testing.simulation.cutover import Desk, Operator
from remodel_testing.simulation.parts import WatchedStore
from remodel_testing.simulation.run import Run
from runner import cutover, handover, returned, rollback
from tests.simulation.stage import Stage

Patches = list[tuple[Any, str, Any]]

GUARDS: dict[str, Callable[[], Patches]] = {}


def guard(name: str) -> Callable[[Callable[[], Patches]], Callable[[], Patches]]:
    def named(made: Callable[[], Patches]) -> Callable[[], Patches]:
        GUARDS[name] = made
        return made

    return named


def nothing(*_: Any, **__: Any) -> None:
    """In place of a step that is left out."""


# 1 and 2: join, read


@guard("join: before the other side is read")
def joins_late() -> Patches:
    """All groups are joined only after the reading of a batch."""
    real, snapshots = index.join, reading._Reading.snapshots

    def later(call: Any, wanted: Mapping[Key, Iterable[Any]], *_: Any) -> frozenset[Any]:
        call.__dict__.setdefault("deferred", []).append({key: list(groups) for key, groups in wanted.items()})
        return frozenset()

    def then(self: Any, *args: Any) -> Any:
        made = snapshots(self, *args)
        for wanted in self._call.__dict__.pop("deferred", []):
            real(self._call, wanted)
        return made

    return [(index, "join", later), (reading._Reading, "snapshots", then)]


@guard("join: nothing read before it is used")
def nothing_is_forgotten() -> Patches:
    return [(reading._Reading, "_forget", nothing)]


@guard("join: a set is read to its last item")
def first_items_alone() -> Patches:
    real = index.read_sets
    return [(index, "read_sets", lambda call, wanted, read=None: _first(real(call, wanted, read)))]


def _first(sets: Mapping[Any, Any]) -> dict[Any, Any]:
    return {each: replace(found, parts=found.parts[:1]) for each, found in sets.items()}


@guard("read: strongly consistent")
def stale_reads() -> Patches:
    real = Call.read
    return [(Call, "read", lambda self, keys, consistent=True: real(self, keys, False))]


@guard("read: lookups without a stream through the old table's own index")
def the_index_is_complete() -> Patches:
    return [(reading, "is_complete", lambda call, table: True)]


# 3: compute


@guard("compute: keys under members that are gone")
def live_members_alone() -> Patches:
    real = newkeys.possible_keys

    def possible(model: Any, key: Key, snapshot: Any, groups: Any) -> Any:
        live = {join: frozenset(member for member, _ in each.rows) for join, each in snapshot.joined.items()}
        members = {join: keys & live.get(join, frozenset()) for join, keys in snapshot.members.items()}
        return real(model, key, snapshot._replace(members=members), groups)

    return [(newkeys, "possible_keys", possible)]


def _newest_groups(providers: bool) -> Patches:
    """Hints of records forget the groups before the change: of rows that others see, or of the others."""
    real = hints._of_images

    def of_images(model: Any, key: Key, old: Item | None, new: Item | None, is_whole: bool) -> Hint:
        made = real(model, key, old, new, is_whole)
        try:
            kind = model.kind_of(key)
        except Exception:
            return made
        if kind is None or bool(model.plans[kind].provides) is not providers:
            return made
        return replace(made, groups=real(model, key, None, new, is_whole).groups)

    return [(hints, "_of_images", of_images)]


@guard("hint: the group before the change, of a row")
def newest_groups_of_rows() -> Patches:
    return _newest_groups(False)


@guard("hint: the group before the change, of a row that others see")
def newest_groups_of_providers() -> Patches:
    return _newest_groups(True)


@guard("hint: merged records agree before a fan-out is left out")
def the_last_record_says_whether_it_spreads() -> Patches:
    real = Hint.merged
    return [(Hint, "merged", lambda self, later: replace(real(self, later), spreads=later.spreads))]


@guard("hint: a row that was rejected before may be in quarantine")
def quarantine_is_not_looked_at() -> Patches:
    real = hints._of_images

    def of_images(*args: Any) -> Hint:
        return replace(real(*args), rejected=False)

    return [(hints, "_of_images", of_images)]


# 4: write


@guard("write: unprocessed items are written again")
def unprocessed_writes_are_dropped() -> Patches:
    real = MemoryStore.write
    return [(MemoryStore, "write", lambda self, changes: real(self, changes) and [])]


@guard("read: unprocessed keys are read again")
def unprocessed_reads_are_dropped() -> Patches:
    def answered(real: Any) -> Any:
        return lambda self, keys, consistent=True: (real(self, keys, consistent)[0], [])

    return [(each, "get", answered(each.get)) for each in (WatchedStore, MemoryStore)]


# 5: revalidate


def _second_look(seen: Callable[[Snapshot, Snapshot], Snapshot]) -> Patches:
    """`seen`: what a second reading answers, of the first snapshot and its own."""
    real = reading.Reader.read

    def read(self: Any, wanted: Any) -> Any:
        known = self._last.found if self._last is not None else None
        made = real(self, wanted)
        if known is None:
            return made
        return {key: seen(known[key], each) for key, each in made.items()}

    return [(reading.Reader, "read", read)]


@guard("revalidate: at all")
def no_second_look() -> Patches:
    return _second_look(lambda first, second: first)


@guard("revalidate: the row itself")
def no_second_look_at_the_row() -> Patches:
    return _second_look(lambda first, second: second if first.item == second.item else first)


@guard("revalidate: the rows that it is joined with")
def no_second_look_at_the_others() -> Patches:
    return _second_look(
        lambda first, second: second._replace(joined=first.joined) if first.item == second.item else second
    )


# Fan-out


@guard("fan-out: of a change that others see")
def no_fan_out() -> Patches:
    return [(fanout, "fan_out", lambda call, note, groups: Done())]


@guard("fan-out: narrow only where the shared key is right")
def roles_never_change() -> Patches:
    return [(materialize._Target, "roles_changed", lambda self, found: False)]


@guard("fan-out: a complete pass is in the note")
def complete_passes_are_not_noted() -> Patches:
    real = materialize._Batch._to_note

    def to_note(self: Any, rows: Iterable[Key], snapshots: Any) -> Iterable[Hint]:
        return [hint for hint in real(self, rows, snapshots) if hint.key not in self._through]

    return [(materialize._Batch, "_to_note", to_note)]


@guard("pending fan-out: served is the counter that was read before the first member")
def served_is_the_counter_at_the_end() -> Patches:
    real = fanout._serve

    def serve(call: Call, found: Any, stop_at: float) -> bool:
        done = real(call, found, stop_at)
        key = fanout.index_key(fanout.PENDING, found.name)
        if done and (item := call.read([key]).get(key)):
            call.update(
                fanout.Update(key, put={"served": item["requested"]}, below=("served", int(item["requested"]["N"])))
            )
        return done

    return [(fanout, "_serve", serve)]


@guard("pending fan-out: a cursor counts for its own request alone")
def cursors_count_for_every_request() -> Patches:
    real = fanout._pending

    def pending(item: Item) -> Any:
        return replace(real(item), cursor=item["cursor"]["S"] if "cursor" in item else None)

    return [(fanout, "_pending", pending)]


@guard("pending fan-out: without a message the sweep finds it")
def nobody_finds_stalled_ones() -> Patches:
    return [(converge, "serve_stalled", lambda call, stop_at: 0)]


# Notes


class Silent(notes.Note):
    """A note that is never stored."""

    def cover(self, hints: Iterable[Hint]) -> None: ...


@guard("notes: of calls")
def no_notes() -> Patches:
    return [(converge, "Note", Silent)]


@guard("notes: of workers")
def no_notes_of_workers() -> Patches:
    return [(fanout, "Note", Silent)]


@guard("notes: the sweeper's own")
def the_sweeper_has_none() -> Patches:
    def sweep(call: Call, older_than: float = 0.0) -> None:
        for note in notes.open_notes(call):
            if call.now() - note.at >= older_than:
                merged, silent = hints.merge(notes.hints_of(call, note)), Silent(call, [])
                done = materialize.materialize(call, silent, merged)
                spreading = {key: done.groups[key] for key, hint in merged.items() if hint.spreads}
                fanout.fan_out(call, silent, spreading)
                notes.close(call, note)

    return [(converge, "sweep", sweep)]


@guard("notes: unique names")
def notes_of_one_batch_share_a_name() -> Patches:
    class Named(notes.Note):
        def __init__(self, call: Call, about: Iterable[Hint]) -> None:
            super().__init__(call, about)
            self._at = 0.0
            self.name = f"{0:015d}-{hash(tuple(sorted(hint.key for hint in self._about)))}"

    return [(converge, "Note", Named), (fanout, "Note", Named)]


@guard("notes: extended with new groups")
def notes_do_not_grow() -> Patches:
    real = notes.Note.cover

    def cover(self: Any, added: Iterable[Hint]) -> None:
        if not self.is_open:
            real(self, added)

    return [(notes.Note, "cover", cover)]


@guard("notes: extended with the groups in which a row is seen that others see")
def notes_do_not_widen() -> Patches:
    return [(notes.Note, "widen", nothing)]


@guard("notes: open until no request can land")
def notes_end_before_requests() -> Patches:
    return [(Call, "may_land", property(lambda self: False, lambda self, value: None))]


@guard("notes: a row that may be in quarantine is noted as such")
def noted_rows_are_accepted() -> Patches:
    real = materialize._Batch._to_note

    def to_note(self: Any, rows: Iterable[Key], snapshots: Any) -> Iterable[Hint]:
        return [replace(hint, rejected=self._hints[hint.key].rejected) for hint in real(self, rows, snapshots)]

    return [(materialize._Batch, "_to_note", to_note)]


@guard("sweep: of what is older than a call can live")
def living_notes_are_swept() -> Patches:
    real = Run.has_dead_notes
    return [
        (Run, "hides", lambda self, note: False),
        (Run, "has_dead_notes", lambda self: real(self) or bool(self.owners)),
        (Stage, "living", lambda self: set()),
    ]


@guard("sweep: at all")
def nobody_sweeps() -> Patches:
    return [
        (converge, "sweep", lambda call, older_than=0.0: [notes.close(call, each) for each in notes.open_notes(call)])
    ]


# Claims


@guard("claims: other claimants are looked at after a delete")
def other_claimants_are_not_looked_at() -> Patches:
    return [(materialize._Batch, "others", property(lambda self: set(), nothing))]


@guard("claims: other claimants are in the note")
def other_claimants_are_not_noted() -> Patches:
    real = materialize._Batch._leave_claimed

    def leave(self: Any, by_row: Any, found: Any) -> set[Key]:
        self.others |= real(self, by_row, found)
        return set()

    return [(materialize._Batch, "_leave_claimed", leave)]


@guard("claims: who claims a contested key is remembered")
def nobody_remembers() -> Patches:
    return [(claims, "remember", nothing)]


@guard("claims: a contested key is not overwritten unseen")
def contested_keys_are_overwritten() -> Patches:
    real = Call.write_rows
    return [(Call, "write_rows", lambda self, changes, unless_there=(): real(self, changes))]


@guard("claims: what another row expects is not deleted")
def claimed_keys_are_deleted() -> Patches:
    real, expected_by = materialize._Batch._leave_claimed, claims.expected_by

    def leave(self: Any, by_row: Any, found: Any) -> set[Key]:
        claims.expected_by = lambda call, origins: {}  # type: ignore[assignment]
        try:
            return real(self, by_row, found)
        finally:
            claims.expected_by = expected_by

    return [(materialize._Batch, "_leave_claimed", leave)]


# Batches, resync


@guard("batch: the answer is the first record that is not done")
def batches_answer_their_last_record() -> Patches:
    real = batches.replicate

    def replicate(call: Call, source: str, table: str, event: Any) -> Any:
        batch = real(call, source, table, event)
        batch.failed = batch.failed and event["Records"][-1]["dynamodb"]["SequenceNumber"]
        return batch

    return [(batches, "replicate", replicate)]


@guard("resync: members that moved")
def resync_of_deleted_members_alone() -> Patches:
    return [(resync, "_is_in", lambda call, hint, item: item is not None)]


@guard("resync: members that are gone")
def resync_by_backfill_alone() -> Patches:
    return [(resync, "_gone", lambda call, items: [])]


@guard("resync: rows in quarantine")
def resync_without_quarantine() -> Patches:
    return [(resync, "_quarantined", lambda items: [])]


# The fence


@guard("fence: at the port")
def no_fence() -> Patches:
    return [(Call, "check_fence", nothing)]


@guard("fence: read again after five seconds")
def the_fence_is_read_once() -> Patches:
    return [(fence, "CHECK", 1e9)]


@guard("cutover: all from before the tips were opened has been read")
def no_look_at_what_was_before() -> Patches:
    return [(handover, "_cover_what_was_before", nothing)]


@guard("cutover: quiet before anything else")
def no_proof_of_quiet() -> Patches:
    return [(handover, "_quiet", lambda world, tips: (world.clock.now(), []))]


@guard("cutover: drained before the fence")
def no_drain() -> Patches:
    return [(handover, "_drain", nothing)]


@guard("cutover: the fence before the flag")
def no_fence_at_the_flip() -> Patches:
    return [(Call, "set_fence", nothing)]


@guard("fence: each cutover sets its own")
def one_fence_for_all() -> Patches:
    return [(fence, "fence", lambda since: Key(INDEX, INDEX_KEY.of_texts(fence.FENCES, "0")))]


@guard("cutover: the bound is waited for")
def no_wait() -> Patches:
    return [(fence, "BOUND", 0.0)]


@guard("cutover: nothing under way behind the fence")
def no_verification() -> Patches:
    return [(handover, "unfinished", lambda call: "")]


@guard("cutover: what was touched is compared")
def no_comparison() -> Patches:
    return [(handover, "_compare", lambda *_: 0)]


@guard("cutover: what runs during the rehearsal is compared again")
def all_was_rehearsed() -> Patches:
    return [(handover, "ended", lambda call, parts: set(parts))]


@guard("cutover: what differs in the rehearsal is compared again")
def all_was_right_in_the_rehearsal() -> Patches:
    touched = handover._touched
    return [(handover, "_touched", lambda *asked: replace(touched(*asked), differing=set()))]


@guard("cutover: still quiet at the end")
def no_last_look() -> Patches:
    return [(handover, "_still_quiet", nothing)]


@guard("cutover: a failure lifts the fence")
def no_lift() -> Patches:
    def hand_over(world: Any, tips: Any, tell: Any) -> Any:
        return handover.hand_over(world, tips, cutover._since(world), tell)

    return [(cutover, "_hand_over", hand_over)]


@guard("cutover: the lease is held before the flag and before the fence is lifted")
def leases_are_not_checked() -> Patches:
    return [(Operator, "check", nothing)]


@guard("cutover: a fence is lifted by a cutover that was killed alone")
def every_fence_is_lifted() -> Patches:
    return [(cutover, "_check", nothing)]


@guard("rollback: event sources are off before the fence is lifted")
def streams_go_on() -> Patches:
    return [(rollback.event_sources, "stop", nothing)]


@guard("rollback: the fence stays until its end")
def the_fence_is_lifted_first() -> Patches:
    return [(returned, "begin", lambda world: world.call().lift_fence("9"))]


@guard("rollback: resync")
def no_resync_after_a_rollback() -> Patches:
    return [(Desk, "must_resync", False)]
