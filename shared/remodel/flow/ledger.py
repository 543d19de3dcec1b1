"""The ledger of a whole comparison, in memory: for tables that are small, or that are memory themselves.

`adapters.disk` has the same on disk, for tables of any size; `ports.Ledger` says what both promise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remodel.core.change import Key
from remodel.core.model import NewKey
from remodel.ports import Posting


class MemoryLedger:
    def __init__(self) -> None:
        self._expected: dict[NewKey, tuple[bytes, Key]] = {}
        self._found: dict[NewKey, bytes] = {}

    def expect(self, rows: Iterable[tuple[NewKey, bytes, Key]]) -> None:
        self._expected.update((new, (digest, old)) for new, digest, old in rows)

    def find(self, rows: Iterable[tuple[NewKey, bytes]]) -> None:
        self._found.update(rows)

    def postings(self) -> Iterator[Posting]:
        for new in sorted(self._expected.keys() | self._found.keys()):
            digest, old = self._expected.get(new, (None, None))
            yield Posting(new, old, digest, self._found.get(new))

    def close(self) -> None:
        self._expected, self._found = {}, {}
