"""The cast of the measure model: rows with every oddity of its page, and its own oracle."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from demo.oracle import Expected, expected
from demo.rows import DATA, Rows, text
from measures.model import MODEL
from remodel.items import Item
from remodel.model import Model

REJECTED = 0.02
"""The share of rows that the new model rejects."""

USERS = 40

A_MEASURE = 20
"""Rows for each measure, which has 0 to 5 links."""


class Measures:
    model: Model = MODEL
    size = 2_000
    terms: Mapping[str, str] = {
        "unlinked": "old rows without a link: they have no new row yet",
        "tenant_violations": "pairs of a row and a link of two tenants: left out",
        "uniqueness_violations": "links that repeat a measure and goal: carried over",
        "claims": "old rows that claim the new key of another one",
        "ambiguous": "links with several persons: the smallest id counts",
        "quarantined": "old rows that the new model rejects",
    }

    def __init__(self, seed: object) -> None:
        self.rows = Rows(random.Random(seed), [], [])  # type: ignore[arg-type]

    @property
    def random(self) -> random.Random:
        return self.rows.random

    def seeded(self, count: int) -> dict[str, list[Item]]:
        """Rows with every oddity."""
        rows, r = self.rows, self.random
        rows.users = [rows.guid() for _ in range(USERS)]
        rows.measures = [rows.guid() for _ in range(count // A_MEASURE)]
        tables: dict[str, list[Item]] = {name: [] for name in ("links", *DATA)}
        for measure in rows.measures:
            tables["links"] += [rows.link(rows.guid(), measure) for _ in range(r.choice([0, 1, 1, 2, 3, 5]))]
        for n in range(count - len(tables["links"])):
            source = DATA[n % len(DATA)]
            tables[source].append(rows.data(source, rows.guid(), r.choice(rows.measures)))
        for items in tables.values():
            items[:] = [rows.poison(row) if r.random() < REJECTED else row for row in items]
        tables["measures"] = [rows.measure(measure) for measure in rows.measures if r.random() < 0.95]
        tables["people"] = [rows.person(user) for user in rows.users if r.random() < 0.8]
        return tables

    def resume(self, tables: Mapping[str, Sequence[Item]]) -> None:
        measured = {row["measure_id"]["S"] for row in tables["links"] if "measure_id" in row}
        self.rows.measures = sorted({row["id"]["S"] for row in tables["measures"]} | measured)
        self.rows.users = sorted({row["linked_user_id"]["S"] for row in tables["people"] if "linked_user_id" in row})

    def insert(self, table: str) -> Item:
        return self._row(table, self.rows.guid(), self.random.choice(self.rows.measures))

    def change(self, table: str, row: Item, moves: bool = False) -> Item:
        measure = row.get("measure_id", row.get("kpi_id", {})).get("S", "")
        if moves or not measure:
            measure = self.random.choice(self.rows.measures)
        return self._row(table, row["id"]["S"], measure)

    def reject(self, table: str, row: Item) -> Item | None:
        return self.rows.poison(row) if table in ("links", *DATA) else None

    def is_rejected(self, table: str, row: Item) -> bool:
        return "poisoned" in row

    def expected(self, old: Mapping[str, Sequence[Item]]) -> Expected:
        return expected(old)

    def _row(self, table: str, id: str, measure: str) -> Item:
        """A measure gains, changes or loses its owner; a person is linked, to another user, or not; two may have one user."""
        if table == "measures":
            return self.rows.measure(id if id in self.rows.measures else measure)
        if table == "people":
            person = {**self.rows.person(self.random.choice(self.rows.users)), "id": text(id)}
            return person if self.random.random() < 0.8 else {k: v for k, v in person.items() if k != "linked_user_id"}
        return self.rows.link(id, measure) if table == "links" else self.rows.data(table, id, measure)
