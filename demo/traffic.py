"""The application, as far as the old tables feel it: rows come, change, move, go bad, are mended and go; so do links.

Each writer has its own rows, so that nobody needs to know what another one does; the old tables' last word counts.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from demo.rows import DATA, Rows, text
from remodel.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


CALM = 0.5
"""Seconds between two changes when there is no haste: an application never stops, but it need not always run."""


@dataclass
class Writer:
    """One thread of changes. `mine`: the rows that it may change, by old table and id.

    pause: seconds between two changes until there were `brisk` of them; from then on it is calmer.
    """

    dynamodb: DynamoDBClient
    tables: dict[str, str]
    rows: Rows
    mine: dict[str, dict[str, Item]]
    pause: float
    brisk: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    done: Counter[str] = field(default_factory=Counter)
    problem: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._change()
                time.sleep(self.pause if self.done.total() < self.brisk else CALM)
        except BaseException as problem:
            self.problem = problem
            raise

    def _change(self) -> None:
        r = self.rows.random
        if r.random() < 0.12:
            r.choice([self._owner, self._person])()
            return
        source = r.choices(["links", *DATA], [2, 2, 2, 2])[0]
        change: Callable[[str], None] = r.choices(
            [
                self._insert,
                self._modify,
                self._remove,
                self._move,
                self._burst,
                self._poison,
                self._mend,
                self._come_back,
            ],
            [25, 25, 15, 10, 10, 5, 5, 5],
        )[0]
        change(source)

    def _owner(self) -> None:
        """A measure gains, changes or loses its owner, or goes, or comes back."""
        measure = self.rows.random.choice(sorted(self.mine["measures"]) or self.rows.measures)
        if measure in self.mine["measures"] and self.rows.random.random() < 0.1:
            self._delete("measures", measure)
        else:
            self._put("measures", self.rows.measure(measure), "owner")

    def _person(self) -> None:
        """A person is created, linked, linked to somebody else, unlinked, or goes; now and then two have one user."""
        r = self.rows.random
        known = sorted(self.mine["people"])
        if known and r.random() < 0.2:
            self._delete("people", r.choice(known))
            return
        id = r.choice(known) if known and r.random() < 0.6 else self.rows.guid()
        person = {**self.rows.person(r.choice(self.rows.users)), "id": text(id)}
        if r.random() < 0.2:
            del person["linked_user_id"]
        self._put("people", person, "person")

    def _insert(self, source: str) -> None:
        self._put(source, self._new(source, self.rows.guid()), "insert")

    def _modify(self, source: str) -> None:
        if row := self._some(source):
            id, measure = row["id"]["S"], row.get("measure_id", row.get("kpi_id", {})).get("S", "")
            self._put(source, self._new(source, id, measure), "modify")

    def _move(self, source: str) -> None:
        if row := self._some(source):
            self._put(source, self._new(source, row["id"]["S"]), "move")

    def _burst(self, source: str) -> None:
        """Several changes of one item within one second."""
        if row := self._some(source):
            for _ in range(4):
                self._put(source, self._new(source, row["id"]["S"]), "burst")

    def _remove(self, source: str) -> None:
        if row := self._some(source):
            self._delete(source, row["id"]["S"])

    def _come_back(self, source: str) -> None:
        """Removed and inserted again, at once."""
        if row := self._some(source):
            self._delete(source, row["id"]["S"])
            self._put(source, self._new(source, row["id"]["S"]), "insert")

    def _poison(self, source: str) -> None:
        if row := self._some(source):
            self._put(source, self.rows.poison(self._new(source, row["id"]["S"])), "poison")

    def _mend(self, source: str) -> None:
        poisoned = [row for row in self.mine[source].values() if "poisoned" in row]
        if poisoned:
            self._put(source, self._new(source, self.rows.random.choice(poisoned)["id"]["S"]), "mend")

    def _new(self, source: str, id: str, measure: str = "") -> Item:
        measure = measure or self.rows.random.choice(self.rows.measures)
        return self.rows.link(id, measure) if source == "links" else self.rows.data(source, id, measure)

    def _some(self, source: str) -> Item | None:
        rows = self.mine[source]
        return rows[self.rows.random.choice(sorted(rows))] if rows else None

    def _put(self, source: str, row: Item, kind: str) -> None:
        self.dynamodb.put_item(TableName=self.tables[source], Item=row)
        self.mine[source][row["id"]["S"]] = row
        self.done[kind] += 1

    def _delete(self, source: str, id: str) -> None:
        self.dynamodb.delete_item(TableName=self.tables[source], Key={"id": text(id)})
        del self.mine[source][id]
        self.done["remove"] += 1
