"""New keys that several old rows claim, among all rows that were read. They are kept in a temporary file, because the keys of
a large table do not fit into memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from remodel.keys import Key


@dataclass(frozen=True, slots=True)
class Claim:
    """`rows`: those old rows that expect a new row under this key, in order."""

    new: Key
    rows: list[Key]


class Claimed:
    def __init__(self) -> None:
        self._file = sqlite3.connect("")  # a file without a name, which goes with the connection
        self._file.execute("CREATE TABLE expected (new TEXT, old TEXT)")

    def add(self, old: Key, expected: Iterable[Key]) -> None:
        """The new keys that an old row expects."""
        pairs = [(json.dumps(new), json.dumps(old)) for new in expected]
        self._file.executemany("INSERT INTO expected VALUES (?, ?)", pairs)

    def several(self) -> list[Claim]:
        """Those with more than one row."""
        twice = "SELECT new FROM expected GROUP BY new HAVING count(*) > 1"
        pairs = self._file.execute(f"SELECT new, old FROM expected WHERE new IN ({twice}) ORDER BY new, old")  # noqa: S608
        return [
            Claim(Key(*json.loads(new)), [Key(*json.loads(old)) for _, old in same])
            for new, same in groupby(pairs, lambda pair: pair[0])
        ]
