"""Everything that follows from a batch of hints: the rows' own new rows, and then those of the rows that see them.

Stream, backfill, replay, repair, resync and sweep call this, and nothing else. When it returns, nothing is left to do for these
hints; when it raises, its note is still open and the same hints are taken up again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from remodel import claims, fanout, newkeys, notes
from remodel.call import Call
from remodel.hints import Hint, merge
from remodel.items import Item
from remodel.keys import Key
from remodel.materialize import Done, materialize
from remodel.notes import Note
from remodel.store import Change

OLDER_THAN = 960.0
"""Seconds after which a note has no owner: Lambda ends a call after 900, and its requests within a minute."""

STALLED = 120.0
"""Seconds without progress after which a pending fan-out is taken up by the sweeper."""

SLICE = 250
"""Hints of a note that are taken up together: their rows may have 400 KB each."""


def converge(call: Call, hints: Iterable[Hint], beside: Iterable[Change] = ()) -> Done:
    """`beside`: what the index is to say when all is done. Raises Unavailable and Fenced."""
    merged = merge(hints)
    note = Note(call, merged.values())
    done = materialize(call, note, merged)
    spreading = {key: done.groups[key] for key, hint in merged.items() if hint.spreads}
    note.widen(
        Hint(each.provider, frozenset({each.group}))
        for each in fanout.spreads(call, spreading)
        if each.group not in merged[each.provider].groups
    )
    done = done.plus(fanout.fan_out(call, note, spreading))
    note.done(beside)
    return done


def remove_orphan(call: Call, new: Key, found: Item) -> None:
    """Deletes a new row that no old row explains, and then looks once more at every old row that could. Raises Unavailable and
    Fenced."""
    members = [member for _, member in newkeys.member_origins(call.model, new, found)]
    note = Note(call, [Hint(key) for key in (*newkeys.origins(call.model, new, found), *members)])
    note.cover([])
    call.write_rows({new: None})
    origins = claims.every_origin(call, new, found)
    materialize(call, note, {key: Hint(key, spreads=False) for key in origins})
    note.done()


@dataclass(frozen=True, slots=True)
class Swept:
    """`swept`: notes of dead calls whose work was finished. `left`: notes that are still open, of running calls too.
    `oldest`: age of the oldest of these in seconds."""

    swept: int
    left: int
    oldest: float


def sweep(call: Call, older_than: float = OLDER_THAN) -> Swept:
    """Finishes what dead calls began. One that cannot be finished ends the sweep, and therefore each sweep begins at another
    note. Raises Unavailable and Fenced."""
    every = [note for note in notes.open_notes(call) if call.now() - note.at >= older_than]
    first = int(call.place.clock.jitter() * len(every))
    for note in (*every[first:], *every[:first]):
        hints = notes.hints_of(call, note)
        for n in range(0, len(hints), SLICE):
            # A call of its own, with its own note: another sweeper may hold the same note.
            converge(Call(call.place, call.deadline), hints[n : n + SLICE])
        notes.close(call, note)
    left = notes.open_notes(call)
    return Swept(len(every), len(left), max((call.now() - note.at for note in left), default=0.0))


def serve_stalled(call: Call, stop_at: float) -> int:
    """Pending fan-outs that nothing advances: without a queue they are served here. Answers how many are left."""
    stalled = [each for each in fanout.pending(call) if call.now() - each.at >= STALLED or call.place.queue is None]
    left = 0
    for each in stalled:
        if call.place.queue is not None:
            call.place.queue.send(each.name)
        elif not fanout.work(call, each.name, stop_at):
            left += 1
    return left
