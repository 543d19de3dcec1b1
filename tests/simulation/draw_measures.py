"""Rows of the measure model, as few as can meet in every way: two measures, two tenants, two users, up to four links, and
rows of three tables whose ids are equal or differ in letter case.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from remodel.items import Item
from remodel_testing.simulation.draw import Cast

ALL = frozenset({"links", "milestones", "actuals", "readings", "measures", "people"})
MEASURES = ("measure-a", "3F0C1E5A-0000-4000-8000-00000000000A")
LINKS = (
    "aaaaaaaa-0000-4000-8000-000000000001",
    "AAAAAAAA-0000-4000-8000-000000000001",
    "aaaaaaaa-0000-4000-8000-000000000002",
    "aaaaaaaa-0000-4000-8000-000000000003",
)
ROWS = ("dddddddd-0000-4000-8000-000000000001", "DDDDDDDD-0000-4000-8000-000000000001")
USERS = ("u1", "u2")


def text(value: str) -> Any:
    return {"S": value}


class Maker:
    def __init__(self, r: random.Random) -> None:
        self.random = r
        self.hot = r.random() < 0.5
        self.tenants = r.random() < 0.3
        self.refused = r.choice((0.0, 0.15, 0.3))
        self.days = {link: day for day, link in enumerate(r.sample(LINKS, len(LINKS)), 1)}
        self.same_day = r.random() < 0.2

    def names(self) -> Sequence[tuple[str, str]]:
        r = self.random
        links = LINKS[: r.randint(2, 4)] if self.hot else r.sample(LINKS, r.randint(1, 3))
        ids = [ROWS[0]]
        if not self.hot and r.random() < 0.5:
            ids.append(r.choice((ROWS[1], "an odd id")))
        tables = r.choice((["readings"], ["actuals"], ["actuals", "readings"], ["milestones", "actuals", "readings"]))
        rows = [(table, id) for table in tables for id in ids if r.random() < 0.8] or [(tables[0], ids[0])]
        names = [("links", id) for id in links] + rows
        if not self.hot and r.random() < 0.6:
            names += [("measures", id) for id in MEASURES]
            names += [("people", f"p{n}") for n in range(1, r.randint(1, 3))]
        return names

    def row(self, table: str, id: str, was: Item | None) -> Item:
        made: Callable[[str, Item | None], Item] = getattr(self, table)
        return made(id, was)

    def links(self, id: str, was: Item | None) -> Item:
        r = self.random
        day = 1 if self.same_day else r.randint(1, 9) if r.random() < 0.1 else self.days[id]
        row = {
            "id": text(id),
            "measure_id": self._measure(was),
            "tenant_id": self._tenant(0.3),
            "goal_id": text(r.choice(("g1", "g2"))),
            "linked_at": text(f"2025-01-{day:02}"),
            "created_by": text(r.choice(USERS)),
            "created_at": text("2025-01-01"),
        }
        return row | {"linked_at": text("soon")} if r.random() < self.refused / 2 else row

    def _data(self, id: str, was: Item | None, columns: Item) -> Item:
        r = self.random
        row = {"id": text(id), "measure_id": self._measure(was), **columns}
        if self.tenants and r.random() < 0.6:
            row["tenant_id"] = self._tenant(0.3)
        if r.random() < self.refused:
            row[r.choice(("created_at", "recorded_at", "measure_id"))] = {"BOOL": True}
        return row

    def readings(self, id: str, was: Item | None) -> Item:
        columns = {"period": text("2025-03"), "value": self._value(), "created_at": text("2025-01-01")}
        return self._data(id, was, columns)

    def actuals(self, id: str, was: Item | None) -> Item:
        columns = {"measurement_date": text("2025-03-31"), "actual_value": self._value(), "recorded_by": text("x")}
        return self._data(id, was, {**columns, "recorded_at": text("2025-01-01")})

    def milestones(self, id: str, was: Item | None) -> Item:
        columns = {"milestone_date": text("2025-03-31"), "target_value": self._value(), "created_by": text("x")}
        return self._data(id, was, {**columns, "created_at": text("2025-01-01")})

    def measures(self, id: str, was: Item | None) -> Item:
        return self._looked_up(id, "owner_id")

    def people(self, id: str, was: Item | None) -> Item:
        return self._looked_up(id, "linked_user_id")

    def _looked_up(self, id: str, attribute: str) -> Item:
        r = self.random
        row = {"id": text(id), "name": text(str(r.randint(1, 2)))}
        if r.random() < 0.8:
            row[attribute] = text(r.choice(USERS))
        if self.tenants and r.random() < 0.5:
            row["tenant_id"] = self._tenant(0.3)
        return row

    def _measure(self, was: Item | None) -> Any:
        if was is not None and "measure_id" in was and self.random.random() < 0.3:
            return was["measure_id"]
        return text(MEASURES[self.random.random() < (0.3 if self.hot else 0.5)])

    def _tenant(self, other: float) -> Any:
        return text("t2" if self.tenants and self.random.random() < other else "t1")

    def _value(self) -> Any:
        return {"N": str(self.random.randint(1, 9))}


def cast(r: random.Random) -> Cast:
    maker = Maker(r)
    names = maker.names()
    still: frozenset[str] = frozenset()
    if any(table == "people" for table, _ in names) and r.random() < 0.15:
        still = frozenset({"measures", "people"})
    weights = [3.0 if maker.hot and table != "links" else 1.0 for table, _ in names]
    return Cast(names, maker.row, ALL - still, still, weights, frozenset({"people", "measures"}))
