"""The application in its old version: its rows from before the migration, and the writers that change them all the while."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.rows import DATA, Rows
from demo.traffic import Writer
from demo.verdict import OLD, scan
from remodel.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITERS = 2

REJECTED = 0.02
"""The share of rows that the new model rejects."""

BATCH = 25
"""Rows of one request."""

Tables = dict[str, dict[str, Item]]
"""Rows by the logical name of their table, and by id."""


@dataclass(frozen=True, slots=True)
class Size:
    """Rows in the four tables that are migrated; measures, with 0 to 5 links each; and the seed of everything random."""

    measures: int
    rows: int
    seed: int


class Application:
    def __init__(self, dynamodb: DynamoDBClient, tables: dict[str, str], size: Size) -> None:
        self._dynamodb, self._tables, self._size = dynamodb, tables, size
        self.rows = Rows(random.Random(size.seed), [], [])
        self.writers: list[Writer] = []
        self._threads: list[threading.Thread] = []

    def seed(self) -> Tables:
        """Writes what was there before the migration."""
        made = seeded(self.rows, self._size)
        for table, chunk in _chunks(made):
            puts: Any = [{"PutRequest": {"Item": item}} for item in chunk]
            self._dynamodb.batch_write_item(RequestItems={self._tables[table]: puts})
        return made

    def load(self) -> Tables:
        """What is there already; empty where nothing is."""
        found = {name: scan(self._dynamodb, self._tables[name]) for name in OLD}
        measured = {row["measure_id"]["S"] for row in found["links"] if "measure_id" in row}
        self.rows.measures = sorted({row["id"]["S"] for row in found["measures"]} | measured)
        self.rows.users = sorted({row["linked_user_id"]["S"] for row in found["people"] if "linked_user_id" in row})
        return {name: {row["id"]["S"]: row for row in rows} for name, rows in found.items()}

    def start(self, rows: Tables, pause: float, brisk: int = 0) -> None:
        """`brisk`: changes before the writers slow down."""
        for n in range(WRITERS):
            mine = {name: dict(list(items.items())[n::WRITERS]) for name, items in rows.items()}
            own = Rows(random.Random(f"{self._size.seed} {n}"), self.rows.measures, self.rows.users)
            writer = Writer(self._dynamodb, self._tables, own, mine, pause, brisk // WRITERS)
            self.writers.append(writer)
            self._threads.append(threading.Thread(target=writer.run, daemon=True))
            self._threads[-1].start()

    def pause(self) -> float:
        """When the last write was acknowledged. Raises what has gone wrong."""
        for writer in self.writers:
            writer.stopping.set()
        for thread in self._threads:
            thread.join()
        self.check()
        return max(writer.last for writer in self.writers)

    def correct(self, kept: str = "") -> None:
        """Corrects the rows that the new model rejects, but for bad values of the `kept` attribute, and makes no new ones."""
        for writer in self.writers:
            writer.correcting, writer.kept = True, kept

    @property
    def to_correct(self) -> int:
        return sum(len(writer.to_correct()) for writer in self.writers)

    @property
    def rejected(self) -> int:
        """Rows that the new model rejects."""
        return sum(
            "poisoned" in row for writer in self.writers for rows in writer.mine.values() for row in list(rows.values())
        )

    @property
    def changes(self) -> Counter[str]:
        """By kind."""
        return sum((writer.done for writer in self.writers), start=Counter[str]())

    def check(self) -> None:
        """Raises what has gone wrong."""
        for writer in self.writers:
            if writer.problem is not None:
                raise writer.problem


def seeded(rows: Rows, size: Size) -> Tables:
    """Rows with every oddity; `rows` then knows the measures and users that they have."""
    r = rows.random
    rows.users = [rows.guid() for _ in range(40)]
    rows.measures = [rows.guid() for _ in range(size.measures)]
    tables: dict[str, list[Item]] = {name: [] for name in ("links", *DATA)}
    for measure in rows.measures:
        tables["links"] += [rows.link(rows.guid(), measure) for _ in range(r.choice([0, 1, 1, 2, 3, 5]))]
    for n in range(size.rows - len(tables["links"])):
        source = DATA[n % len(DATA)]
        tables[source].append(rows.data(source, rows.guid(), r.choice(rows.measures)))
    for items in tables.values():
        items[:] = [rows.poison(row) if r.random() < REJECTED else row for row in items]
    tables["measures"] = [rows.measure(measure) for measure in rows.measures if r.random() < 0.95]
    tables["people"] = [rows.person(user) for user in rows.users if r.random() < 0.8]
    return {name: {item["id"]["S"]: item for item in items} for name, items in tables.items()}


def _chunks(tables: Tables) -> Iterator[tuple[str, list[Item]]]:
    for table, items in tables.items():
        rows = list(items.values())
        for n in range(0, len(rows), BATCH):
            yield table, rows[n : n + BATCH]
