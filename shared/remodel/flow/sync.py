"""Sync: the one way to mend anything. It reads the old row as it is now and makes the index, then the new tables, agree.

A repair keeps the version that it found and writes on condition that it is still there, so it never overrules a stream.
It never writes an image from the past. Replay of quarantined rows and of failed batches, repair after reconciliation and
recovery after an outage are all this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from remodel.core.change import Change, Key, Refusal
from remodel.core.entry import Entry
from remodel.core.errors import Unavailable
from remodel.core.record import KEY, Bad, Good, side
from remodel.core.version import BACKFILL
from remodel.flow import deliver, index, inflight, ingest, quarantine
from remodel.flow.engine import Engine, Patience
from remodel.flow.inflight import Repair
from remodel.flow.quarantine import Held
from remodel.flow.refuse import refuse
from remodel.flow.settle import Settled, Task, settle
from remodel.ports import Condition, Outcome


@dataclass(frozen=True, slots=True)
class Synced:
    """`refused`: the model's reason, where the row stays in quarantine. `corrected`: the index had to be changed."""

    refused: str | None
    corrected: bool
    written: int


def sync(engine: Engine, source: str, id: str, groups: Iterable[str], patience: Patience, bury: bool = False) -> Synced:
    """Mends one old row. `groups`: where else, beside its own and those that quarantine remembers, it may be held.

    `bury` leaves a tombstone in these groups even where the index knows nothing of the row, so that settling removes
    new rows that nothing explains. Raises Unavailable when time is up, and RosterFull.
    """
    mending = Mending(engine, source, id, frozenset(groups), bury, patience, engine.clock.now())
    for _ in patience.tries():
        synced = mending.attempt()
        if synced is not None:
            return synced
    raise Unavailable(f"expected to mend {source} {id!r}, but it kept changing until time was up: try again")


@dataclass(frozen=True, slots=True)
class Sight:
    """The row as it is now, what quarantine and the index have of it, and what other repairs have noted."""

    now: Good | Bad | None
    held: Held | None
    noted: Repair
    keys: list[Key]
    entries: Mapping[Key, Entry]


@dataclass(slots=True)
class Mending:
    """One call. `mine`: the note that it left last; `others`: until when somebody else's repair may still be writing."""

    engine: Engine
    source: str
    id: str
    groups: frozenset[str]
    bury: bool
    patience: Patience
    began: float
    corrected: bool = False
    mine: Repair = field(default_factory=Repair)
    others: float = 0.0

    def attempt(self) -> Synced | None:
        """None where somebody else has changed something meanwhile."""
        sight = self._look()
        if sight is None:
            return None
        if isinstance(sight.now, Bad):
            return self._refuse(sight.now, sight)
        if not self._note(sight) or not self._correct(sight.now, sight):
            return None
        written = _settle(self.engine, sight.keys, self.patience).written
        if self._clears(sight):
            relatives = kin(self.engine, self.source, self.id, self.patience)
            written += _settle(self.engine, relatives, self.patience).written
        if sight.held:
            quarantine.discard(self.engine, [sight.held], self.patience)
        if self.others < self.began:
            self._write_note(self.mine, replace(self.mine, until=0.0))
        return Synced(None, self.corrected, written)

    def _clears(self, sight: Sight) -> bool:
        """A tombstone clears the ids that its row might have lent, whoever has lent them by now; a replayed burial too."""
        return self.bury or sight.now is None

    def _look(self) -> Sight | None:
        held = quarantine.find(self.engine, self.source, [self.id], self.patience).get(self.id)
        now = _old_row(self.engine, self.source, self.id, self.patience)
        noted = inflight.noted_repair(self.engine, self.source, self.id, self.patience)
        around = self.groups | noted.groups | (held.groups if held else frozenset())
        around |= {now.group} if now and now.group else set()
        keys = [Key(group, self.source, self.id) for group in sorted(around)]
        _none, entries = index.look(self.engine, (), keys, self.patience)
        if now != _old_row(self.engine, self.source, self.id, self.patience):
            return None
        return Sight(now, held, noted, keys, entries)

    def _refuse(self, now: Bad, sight: Sight) -> Synced:
        version = max((entry.version for entry in sight.entries.values()), default=BACKFILL)
        around = frozenset(key.group for key in sight.keys)
        if refuse(self.engine, [Refusal(self.source, self.id, version, now.reason, now.image, around)], self.patience):
            raise Unavailable(f"expected to keep {self.source} {self.id!r} in quarantine, but time ran out: try again")
        return Synced(now.reason, self.corrected, 0)

    def _note(self, sight: Sight) -> bool:
        """Before anything is written: where it will be."""
        self.others = max(self.others, sight.noted.until) if sight.noted != self.mine else self.others
        until = float(int(self.patience.until + inflight.SURELY_DEAD))
        self.mine = Repair(sight.noted.revision + 1, frozenset(key.group for key in sight.keys), until)
        return self._write_note(sight.noted, self.mine)

    def _write_note(self, known: Repair, note: Repair) -> bool:
        return inflight.note_repair(self.engine, self.source, self.id, known, note, self.patience)

    def _correct(self, now: Good | None, sight: Sight) -> bool:
        """Makes the index say what the old table says.

        What quarantine remembers of the row is about to be forgotten, so its groups are buried in any case: a late page
        could still bring it back there, and nothing else would ever name them again.
        """
        buried = sight.held.groups if sight.held else frozenset()
        changes = [_truth(key, now, sight.entries.get(key), self.bury or key.group in buried) for key in sight.keys]
        wrong = [each for each in changes if each and _differs(each, sight.entries.get(each.key))]
        self.corrected = self.corrected or bool(wrong)
        return all(_replace(self.engine, each, sight.entries.get(each.key), self.patience) for each in wrong)


def _old_row(engine: Engine, source: str, id: str, patience: Patience) -> Good | Bad | None:
    items = deliver.read(engine, source, [{KEY: {"S": id}}], patience)
    return side(items[0], id, engine.model.every[source]) if items else None


def _truth(key: Key, now: Good | None, entry: Entry | None, bury: bool) -> Change | None:
    """What the index should say of the row in this group, under the version that it has; None where nothing need be."""
    version = entry.version if entry else BACKFILL
    if now is not None and now.group == key.group:
        return Change(key, version, now.row, now.item)
    return Change(key, version) if entry or bury else None


def _differs(change: Change, entry: Entry | None) -> bool:
    return entry is None or entry.kept != change.item


def _replace(engine: Engine, change: Change, entry: Entry | None, patience: Patience) -> bool:
    """False where somebody else has written meanwhile."""
    guard = Condition("version", "=", {"S": entry.version}) if entry else None
    write = ingest.guarded_entry(change, guard, engine.clock.now())
    return deliver.guard(engine, [write], patience) == [Outcome.DONE]


def kin(engine: Engine, source: str, id: str, patience: Patience) -> list[Key]:
    """Rows of other tables under the same id, which may have new rows under the ids that burying this one cleared."""
    ids = engine.model.every[source].possible(id, ())
    names = [name for name, other in engine.model.sources.items() if name != source and ids & other.possible(id, ())]
    keys = []
    for name in names:
        row = _old_row(engine, name, id, patience)
        held = quarantine.find(engine, name, [id], patience) if isinstance(row, Bad) else {}
        groups = {row.group} if row and row.group else set()
        keys += [Key(group, name, id) for group in sorted(groups.union(*(each.groups for each in held.values())))]
    return keys


def _settle(engine: Engine, keys: list[Key], patience: Patience) -> Settled:
    settled = settle(engine, [Task(key) for key in keys], patience)
    if settled.unfinished:
        raise Unavailable(f"expected to settle {sorted(settled.unfinished)}, but time ran out: try again")
    return settled
