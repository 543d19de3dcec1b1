"""Materialize: the only way to write a new row.

Join the row's groups; read the row and everything that it is joined with; compute what the new tables should contain; write the
differences; and, if anything was written, read again. If that has changed, repeat with the new reading. A hint cannot be late,
repeated, or out of order: whatever it says, the old tables decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from remodel import claims, index, mapping, newkeys
from remodel.call import Call, when
from remodel.hints import Hint
from remodel.index import NO_GROUP, Size
from remodel.items import Item, same, size
from remodel.joins import Group
from remodel.keys import Key
from remodel.mapping import SINCE, Snapshot
from remodel.notes import Note
from remodel.reading import LIGHT, Reader
from remodel.store import QUARANTINE

PAIRS = 5_000
"""New keys that are looked at in one step: what bounds the memory of a call."""

Through = Mapping[Key, frozenset[Key]]
"""For rows that a fan-out reaches: the members that changed."""


@dataclass
class Done:
    """`rows`: materialized. `writes`: puts and deletes of new rows, by old row. `rejected`: reasons by old row. `groups`: in
    which each row was seen, by its hint or while it was read. `largest`: group that any row was joined with."""

    rows: int = 0
    writes: Counter[Key] = field(default_factory=Counter)
    rejected: dict[Key, str] = field(default_factory=dict)
    groups: dict[Key, frozenset[Group]] = field(default_factory=dict)
    largest: Size = NO_GROUP

    @property
    def written(self) -> int:
        return self.writes.total()

    def plus(self, other: Done) -> Done:
        writes = Counter(self.writes)
        writes.update(other.writes)  # a sum of counters would go through all of both
        return Done(
            self.rows + other.rows,
            writes,
            self.rejected | other.rejected,
            self.groups | other.groups,
            max(self.largest, other.largest),
        )


def materialize(call: Call, note: Note, hints: Mapping[Key, Hint], through: Through | None = None) -> Done:
    """Raises Unavailable and Fenced; then some of the rows are not done."""
    done, queue, narrow = Done(), dict(hints), through or {}
    while queue:
        batch = _Batch(call, note, queue, narrow)
        done = done.plus(batch.run())
        # Others that may claim a deleted key are read again after the delete. One that is absent claims nothing.
        queue, narrow = {key: Hint(key, spreads=False) for key in call.read_as(lambda *_: None, batch.others)}, {}
    return done


class _Target(NamedTuple):
    """The keys of one old row that are looked at, what should be there, how often each counts, and the shared keys of a narrow
    look."""

    row: Key
    want: Mapping[Key, Item]
    keys: Sequence[Key]
    weight: int
    shared: Iterable[Key] = ()

    def roles_changed(self, found: Mapping[Key, Item]) -> bool:
        """Whether another member leads than the new rows say: then others of them are wrong, too."""
        return any(not _agree(self.want.get(key), found.get(key)) for key in self.shared)

    def differences(self, found: Mapping[Key, Item]) -> dict[Key, Item | None]:
        pairs = [(key, self.want.get(key), found.get(key)) for key in self.keys]
        return {key: want for key, want, its in pairs if want is not its and not _agree(want, its)}


def _agree(want: Item | None, found: Item | None) -> bool:
    if want is None or found is None:
        return want is found
    return same(want, {name: value for name, value in found.items() if name != SINCE} if SINCE in found else found)


class _Batch:
    """The five steps for a batch of hints. `others`: old rows that may claim a new key which was deleted, or that expect one
    under which another row has left something else."""

    def __init__(self, call: Call, note: Note, hints: Mapping[Key, Hint], through: Through) -> None:
        self._call, self._note, self._hints, self._through = call, note, hints, through
        self._groups: dict[Key, frozenset[Group]] = {key: hint.groups for key, hint in hints.items()}
        self._complete = {key for key in hints if key not in through}
        self._rejected: dict[Key, str] = {}
        self._doubtful: set[Key] = set()
        self._writes: Counter[Key] = Counter()
        self.others: set[Key] = set()

    def run(self) -> Done:
        new = frozenset(key for key, hint in self._hints.items() if hint.is_new)
        index.join(self._call, {key: hint.now for key, hint in self._hints.items()}, new)
        reader = Reader(self._call, {key: hint.image for key, hint in self._hints.items() if hint.image is not None})
        pending = reader.read(self._groups)
        largest = max((size for each in pending.values() for size in _sizes(each)), default=NO_GROUP)
        while pending:
            self._groups |= {key: self._groups[key] | each.groups for key, each in pending.items()}
            wrote = self._write_differences(pending)
            again = reader.read({key: self._groups[key] for key in wrote}) if wrote else {}
            pending = {key: each for key, each in again.items() if each != pending[key]}
        return Done(len(self._hints), self._writes, self._rejected, self._groups, largest)

    def _write_differences(self, snapshots: Mapping[Key, Snapshot]) -> list[Key]:
        """Steps 3 and 4. Answers the rows for which something was written."""
        wrote: dict[Key, None] = {}
        for targets in _steps(target for key, each in snapshots.items() for target in self._targets(key, each)):
            self._call.check_time()
            found = self._call.read(new for target in targets for new in target.keys)
            step = self._with_quarantine(targets, found, snapshots)
            found |= self._call.read(
                mapping.quarantine_key(target.row) for target in step if target.row in self._doubtful
            )
            changed = {target.row for target in step if target.roles_changed(found)}
            wrote |= dict.fromkeys(
                self._write([target for target in step if target.row not in changed], found, snapshots)
            )
            if changed:
                self._complete |= changed
                wrote |= dict.fromkeys(self._write_differences({key: snapshots[key] for key in changed}))
        return list(wrote)

    def _with_quarantine(
        self, step: list[_Target], found: Mapping[Key, Item], snapshots: Mapping[Key, Snapshot]
    ) -> list[_Target]:
        """A row of which no new row is there may be in quarantine for what it is joined with, which no image of it shows."""
        for target in step:
            kind = snapshots[target.row].parsed.kind
            may_be = kind is not None and self._call.model.is_migrated(kind) and not self._hints[target.row].is_new
            if may_be and found.keys().isdisjoint(target.keys):
                self._doubtful.add(target.row)
        return [
            target._replace(keys=[*target.keys, mapping.quarantine_key(target.row)])
            if target.row in self._doubtful
            else target
            for target in step
        ]

    def _targets(self, key: Key, snapshot: Snapshot) -> Iterator[_Target]:
        model, weight = self._call.model, weight_of(snapshot.item)
        if key not in self._complete:
            if narrow := newkeys.narrow_keys(model, key, snapshot, self._through[key]):
                want, shared = mapping.expected(model, key, snapshot, self._through[key]), narrow[1]
                shared.add(mapping.quarantine_key(key))
                yield _Target(key, want.rows, sorted(narrow[0] | shared), weight, shared)
                return
            self._complete.add(key)
        want = mapping.expected(model, key, snapshot)
        keys = newkeys.possible_keys(model, key, snapshot, self._groups[key]) | want.rows.keys()
        if want.reason is not None and want.rows:
            self._rejected[key] = want.reason
        if self._may_be_held(key):
            # A row that became acceptable has a record whose old image was rejected: that hint looks into quarantine.
            keys.add(mapping.quarantine_key(key))
        ordered, at_once = sorted(keys), max(1, PAIRS // weight)
        for n in range(0, len(ordered), at_once):
            yield _Target(key, want.rows, ordered[n : n + at_once], weight)

    def _write(self, targets: list[_Target], found: Mapping[Key, Item], snapshots: Mapping[Key, Snapshot]) -> list[Key]:
        by_row = {target.row: changes for target in targets if (changes := target.differences(found))}
        others = self._leave_claimed(by_row, found)
        rows = {new: row for row, each in by_row.items() for new in each}
        changes = {new: by_row[row][new] for new, row in rows.items()}
        if not changes:
            return []
        self._call.check_fence()  # before the note: a call that writes nothing leaves none
        self._note.cover([*self._to_note(by_row, snapshots), *(Hint(other, spreads=False) for other in sorted(others))])
        self.others |= others
        contested = self._contested(by_row, found)
        dated = {new: self._dated(item, found.get(new)) for new, item in changes.items()}
        refused = dict(self._call.write_rows(dated, frozenset(new for new in contested if new not in found)))
        self._writes.update(row for new, row in rows.items() if new not in refused)
        if refused:
            self._quarantine({row: refused[new] for row, each in by_row.items() for new in each if new in refused})
        return list(by_row)

    def _to_note(self, rows: Iterable[Key], snapshots: Mapping[Key, Snapshot]) -> Iterator[Hint]:
        """What the sweeper would have to look at. A narrow look at a row that is in its group follows from the fan-out."""
        for key in rows:
            kind = snapshots[key].parsed.kind
            names = self._call.model.plans[kind].key_groups if kind else frozenset()
            groups = frozenset(group for group in self._groups[key] if group.name in names)
            if key in self._complete or not groups <= self._hints[key].groups:
                yield Hint(key, groups, spreads=False, rejected=self._may_be_held(key))

    def _may_be_held(self, key: Key) -> bool:
        return self._hints[key].rejected or key in self._rejected or key in self._doubtful

    def _leave_claimed(self, by_row: dict[Key, dict[Key, Item | None]], found: Mapping[Key, Item]) -> set[Key]:
        """Takes out the deletes of keys that another old row expects: that row is to write its own there. Answers who else
        may claim the other deleted keys."""
        deleted = [(row, new) for row, changes in by_row.items() for new, item in changes.items() if item is None]
        deleted = [(row, new) for row, new in deleted if new.table != QUARANTINE]
        if not deleted:
            return set()
        others = claims.other_origins(self._call, [(row, new, found[new]) for row, new in deleted])
        claimed = claims.expected_by(self._call, others)
        for row, new in deleted:
            claiming = claimed.get(new)
            if claiming is None:
                continue
            del by_row[row][new]
            if not any(_agree(item, found[new]) for item in claiming.values()):
                self.others |= claiming.keys()
        for row in [row for row, changes in by_row.items() if not changes]:
            del by_row[row]
        return {other for new, each in others.items() if new not in claimed for other in each}

    def _contested(self, by_row: Mapping[Key, Mapping[Key, Item | None]], found: Mapping[Key, Item]) -> set[Key]:
        """The keys that this batch puts a row under although another row may have its own there. All who are seen to claim one
        are remembered; and what is not seen is not overwritten."""
        puts: dict[Key, set[Key]] = {}
        for row, changes in by_row.items():
            for new in (new for new, item in changes.items() if item is not None):
                puts.setdefault(new, set()).add(row)
        model = self._call.model
        contested = {new for new, rows in puts.items() if any(newkeys.is_contested(model, row, new) for row in rows)}
        claimants = {
            new: puts[new] | (claims.every_origin(self._call, new, found[new]) if new in found else set())
            for new in contested
        }
        claims.remember(self._call, {new: rows for new, rows in claimants.items() if len(rows) > 1})
        return contested

    def _dated(self, item: Item | None, found: Item | None) -> Item | None:
        """A row of quarantine keeps the time of the first rejection."""
        if item is None or "reason" not in item or "row_id" not in item:
            return item
        return {**item, SINCE: (found or {}).get(SINCE) or {"S": when(self._call.now())}}

    def _quarantine(self, reasons: Mapping[Key, str]) -> None:
        """What the model accepts and DynamoDB refuses all the same: the shard goes on, and a person learns why."""
        self._rejected |= reasons
        rows = {mapping.quarantine_key(row): mapping.quarantine_row(row, why) for row, why in reasons.items()}
        self._call.write_rows({key: self._dated(item, None) for key, item in rows.items()})


def _sizes(snapshot: Snapshot) -> Iterator[Size]:
    for join, candidates in snapshot.joined.items():
        if join in snapshot.members and candidates.group is not None:
            yield Size(len(snapshot.members[join]), candidates.group.key)


def weight_of(item: Item | None) -> int:
    """How often each new key of an old row counts: once more for each time that the row is too heavy."""
    return 1 if item is None else 1 + size(item) // LIGHT


def _steps(targets: Iterable[_Target]) -> Iterator[list[_Target]]:
    """Targets whose keys together count up to PAIRS."""
    step: list[_Target] = []
    room = PAIRS
    for target in targets:
        weight = len(target.keys) * target.weight
        if step and weight > room:
            yield step
            step, room = [], PAIRS
        step.append(target)
        room -= weight
    if step:
        yield step
