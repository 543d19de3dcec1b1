"""The ledger of a whole comparison on disk, so that memory does not grow with the tables.

A temporary database of SQLite, which keeps 2 MB of it in memory and sorts the rest in files of the system's temporary
folder; they are gone with the connection, or with the process. Some 500 bytes a new row, both sides and the sorting.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from remodel.core.change import Key
from remodel.core.errors import LedgerFull
from remodel.core.model import NewKey
from remodel.ports import Posting

_TABLES = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE side (new_table TEXT, id TEXT, digest BLOB, group_key TEXT, source TEXT, old_id TEXT);
"""
_SORTED = "SELECT new_table, id, digest, group_key, source, old_id FROM side ORDER BY new_table, id, rowid"


class DiskLedger:
    """Every method raises LedgerFull where the disk does not suffice."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.executescript(_TABLES)

    def expect(self, rows: Iterable[tuple[NewKey, bytes, Key]]) -> None:
        self._add((new.table, new.id, digest, old.group, old.source, old.id) for new, digest, old in rows)

    def find(self, rows: Iterable[tuple[NewKey, bytes]]) -> None:
        self._add((new.table, new.id, digest, None, None, None) for new, digest in rows)

    def postings(self) -> Iterator[Posting]:
        try:
            for (table, id), rows in groupby(self._database.execute(_SORTED), itemgetter(0, 1)):
                yield _posting(NewKey(table, id), rows)
        except sqlite3.Error as problem:
            raise _full(problem) from problem

    def close(self) -> None:
        self._database.close()

    def _add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        try:
            self._database.executemany("INSERT INTO side VALUES (?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as problem:
            raise _full(problem) from problem


def _posting(new: NewKey, rows: Iterable[tuple[Any, ...]]) -> Posting:
    old, expected, found = None, None, None
    for _table, _id, digest, group, source, old_id in rows:
        if source is None:
            found = digest
        else:
            old, expected = Key(group, source, old_id), digest
    return Posting(new, old, expected, found)


def _full(problem: sqlite3.Error) -> LedgerFull:
    return LedgerFull(
        f"expected room for both sides of the comparison on the function's disk, but: {problem}: give it more "
        "(EphemeralStorage), or compare in parts: remodel validate --full"
    )
