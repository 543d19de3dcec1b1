"""What the application does to its old tables: it inserts, changes, moves and removes rows, rejectable ones among them.

Each writer has its own rows, so no writer needs to know what another one does.
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


CALM = 1.0
"""Seconds between two changes of a writer that is not brisk."""


@dataclass
class Writer:
    """One thread of changes. `mine`: the rows that it may change, by old table and id.

    pause: seconds between two changes until there were `brisk` of them, and while rows are corrected; otherwise CALM.
    correcting: makes no row any more that the new model rejects, and corrects those that there are.
    kept: the attribute whose bad values are not corrected.
    last: when its last write was acknowledged.
    """

    dynamodb: DynamoDBClient
    tables: dict[str, str]
    rows: Rows
    mine: dict[str, dict[str, Item]]
    pause: float
    brisk: int = 0
    correcting: bool = False
    kept: str = ""
    last: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)
    done: Counter[str] = field(default_factory=Counter)
    problem: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._change()
                self.stopping.wait(self.pause if self._is_brisk() else CALM)
        except Exception as problem:
            self.problem = problem

    def _is_brisk(self) -> bool:
        return self.done.total() < self.brisk or (self.correcting and bool(self.to_correct()))

    def _change(self) -> None:
        r = self.rows.random
        if self.correcting and (left := self.to_correct()):
            source, id = left[0]
            self._put(source, self._new(source, id), "correction")
            return
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
                self._correct,
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
        """A person is created, linked, linked to another user, unlinked, or goes; now and then two have one user."""
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
        if (row := self._some(source)) and not self.correcting:
            self._put(source, self.rows.poison(self._new(source, row["id"]["S"])), "bad value")

    def _correct(self, source: str) -> None:
        if poisoned := [row for row in self.mine[source].values() if "poisoned" in row]:
            self._put(source, self._new(source, self.rows.random.choice(poisoned)["id"]["S"]), "correction")

    def to_correct(self) -> list[tuple[str, str]]:
        """Table and id of the rows that the new model rejects, but for the `kept` ones."""
        return [
            (source, id)
            for source in ("links", *DATA)
            for id, row in self.mine[source].copy().items()
            if "poisoned" in row and row["poisoned"]["S"] != self.kept
        ]

    def _new(self, source: str, id: str, measure: str = "") -> Item:
        measure = measure or self.rows.random.choice(self.rows.measures)
        return self.rows.link(id, measure) if source == "links" else self.rows.data(source, id, measure)

    def _some(self, source: str) -> Item | None:
        rows = self.mine[source]
        ids = [id for id in rows if not (self.correcting and "poisoned" in rows[id])]
        return rows[self.rows.random.choice(sorted(ids))] if ids else None

    def _put(self, source: str, row: Item, kind: str) -> None:
        self.dynamodb.put_item(TableName=self.tables[source], Item=row)
        self.last = time.time()
        self.mine[source][row["id"]["S"]] = row
        self.done[kind] += 1

    def _delete(self, source: str, id: str) -> None:
        self.dynamodb.delete_item(TableName=self.tables[source], Key={"id": text(id)})
        self.last = time.time()
        del self.mine[source][id]
        self.done["remove"] += 1
