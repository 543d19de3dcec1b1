"""Notes: work that was begun is finished, even where the call that began it dies.

Before its first write a call stores what it is about to write for, under a name of its own, and a marker beside it. After the
last look it removes the marker. A marker older than any call can live has no owner: the sweeper takes its hints up. The note
stays without its marker as a record of what was touched, until it expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from remodel.call import Call, index_key
from remodel.hints import Hint, pack, unpack
from remodel.items import Item
from remodel.keys import Key
from remodel.store import INDEX_KEY, NAME, Change

OPEN = "notes"
"""The partition of the markers."""

PACKED = 300_000
"""Bytes of hints in one item of a note."""

KEPT = 30 * 86_400
"""Seconds for which a note is kept as a record of what was touched."""

HOUR = 3_600


def partition(at: float) -> str:
    """Notes of one hour share a partition, so that those since a time can be listed."""
    return f"notes/{int(at) // HOUR}"


def _entry(group: str, name: str, attributes: Item) -> Change:
    key = index_key(group, name)
    return Change(key, INDEX_KEY.decode(key.text) | attributes)


class Note:
    """Of one call. `about`: the hints of the call, which are stored with the first part."""

    def __init__(self, call: Call, about: Iterable[Hint]) -> None:
        self._call = call
        self._about = list(about)
        self._covered: dict[Key, Hint] = {}
        self._parts = 0
        clock = call.place.clock
        self._at = clock.now()
        self.name = f"{int(self._at * 1000):015d}-{int(clock.jitter() * 2**52):013x}{int(clock.jitter() * 2**52):013x}"

    @property
    def is_open(self) -> bool:
        return self._parts > 0

    def widen(self, hints: Iterable[Hint]) -> None:
        """The call turns out to be about more: groups in which a row was seen only while it was read. Raises Unavailable."""
        if self.is_open:
            self.cover(hints)
        else:
            self._about += hints

    def cover(self, hints: Iterable[Hint]) -> None:
        """Stores what is not stored yet, before anything is written for it. Raises Unavailable."""
        wanted = [*hints] if self.is_open else [*self._about, *hints]
        new: dict[Key, Hint] = {}
        for hint in wanted:
            known = new.get(hint.key) or self._covered.get(hint.key)
            if known is None or not known.covers(hint):
                new[hint.key] = known.merged(hint) if known else hint
        if not new and self.is_open:
            return
        marker = () if self.is_open else (_entry(OPEN, self.name, {"at": {"N": str(int(self._at))}}),)
        self._call.write_index([*marker, *self._items(list(new.values()))])
        self._covered |= new

    def done(self, beside: Iterable[Change] = ()) -> None:
        """Everything that the note covers was written and looked at again. `beside`: what else the index is to say then.
        Raises Unavailable.

        Where a request of the call may still land, the note stays open: the sweeper looks once more when none can.
        """
        ends = self.is_open and not self._call.may_land
        self._call.write_index([*([Change(index_key(OPEN, self.name), None)] if ends else ()), *beside])
        self._parts = 0 if ends else self._parts

    def _items(self, hints: list[Hint]) -> Iterator[Change]:
        for packed in _packed(hints):
            content: Item = {"hints": {"B": packed}, "expires": {"N": str(int(self._at) + KEPT)}}
            yield _entry(partition(self._at), f"{self.name}/{self._parts:06d}", content)
            self._parts += 1


def _packed(hints: list[Hint]) -> Iterator[bytes]:
    """Pieces that fit into an item. One hint with very many groups becomes several."""
    packed = pack(hints)
    if len(packed) <= PACKED:
        yield packed
    elif len(hints) > 1:
        yield from _packed(hints[: len(hints) // 2])
        yield from _packed(hints[len(hints) // 2 :])
    else:
        hint, groups = hints[0], sorted(hints[0].groups)
        for half in (groups[: len(groups) // 2], groups[len(groups) // 2 :]):
            yield from _packed([Hint(hint.key, frozenset(half), hint.spreads, hint.rejected)])


@dataclass(frozen=True, slots=True)
class OpenNote:
    """`at`: when it was stored, in seconds since the epoch."""

    name: str
    at: float


def open_notes(call: Call) -> list[OpenNote]:
    """Of calls that run, and of calls that died."""
    return [OpenNote(item[NAME]["S"], float(item["at"]["N"])) for item in call.items(OPEN)]


def hints_of(call: Call, note: OpenNote) -> list[Hint]:
    return [hint for item in call.items(partition(note.at), f"{note.name}/") for hint in unpack(item["hints"]["B"])]


def close(call: Call, note: OpenNote) -> None:
    call.write_index([Change(index_key(OPEN, note.name), None)])


def touched(call: Call, since: float) -> dict[str, list[Hint]]:
    """The hints of every note stored since a time, open or not, by the name of its part; a row may come in several."""
    hours = range(int(since) // HOUR, int(call.now()) // HOUR + 1)
    parts = {item[NAME]["S"]: item for hour in hours for item in call.items(partition(hour * HOUR))}
    named = {name: item for name, item in parts.items() if int(name.partition("-")[0]) >= int(since * 1000)}
    return {name: unpack(item["hints"]["B"]) for name, item in named.items()}


def ended(call: Call, parts: Iterable[str]) -> set[str]:
    """Those of these parts whose calls have ended."""
    running = {note.name for note in open_notes(call)}
    return {part for part in parts if part.rpartition("/")[0] not in running}
