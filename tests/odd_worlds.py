"""Old tables at random, from a seed: few measures, links, tenants and users, so that rows meet; and many odd values.

Most rows are right. An odd one has a value that .NET, another SDK version, or a mistake has left behind.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from remodel.items import Item, Wire

World = dict[str, list[Item]]

NOBODY = "00000000-0000-0000-0000-000000000000"
MEASURES = ["3f0c1e5a-0000-4000-8000-00000000000a", "3F0C1E5A-0000-4000-8000-00000000000A", "measure b"]
TENANTS = ["t1", "t1", "t1", "t2"]
USERS = ["u1", "u2", NOBODY]
IDS = ["dddddddd-0000-4000-8000-00000000000{}", "DDDDDDDD-0000-4000-8000-00000000000{}"]
DATES = [
    "2025-03-31",
    "2025-03-31T10:00:00.1234567Z",
    "2025-03-31T12:00:00.1234567+02:00",
    "2025-03-31T10:00",
    "2025-03-31T10:00:00-14:00",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00.0000000Z",
    "9999-12-31T23:59:59.9999999",
]
NO_DATES = [
    "2025-02-30",
    "2025-03-31T24:00:00Z",
    "2025-03-31T23:59:60Z",
    "2025-03-31T10:00:00+14:01",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59.9999999-00:01",
    "2025-03-31 10:00:00",
    "0000-01-01",
    "٢٠٢٥-٠١-٠١",
    "soon",
]
PERIODS = ["2025-03", "2024-02", "2025-03-31", "2025-03-31T00:00:00.000Z", "2025-03-31T00:00:00"]
NO_PERIODS = ["2025", "2025-13", "2025-W12", "2025-03-31T10:00:00Z", "2025-02-30T00:00:00Z"]
NUMBERS = ["0", "1", "0.5", "1E+2", "5", "100", "99999999999999999999999999999999999999", "1E-130", "-1", "0.10"]
FLAGS: list[Wire] = [{"BOOL": True}, {"BOOL": False}, {"N": "0"}, {"N": "1"}, {"S": "True"}, {"S": "false"}]
ODD: list[Wire] = [
    {"NULL": True},
    {"S": ""},
    {"S": " "},
    {"S": "x"},
    {"N": "2"},
    {"BOOL": True},
    {"SS": ["a"]},
    {"L": []},
    {"M": {}},
    {"B": b"\x00"},
    {"S": "é" * 450},
    {"S": "é" * 451},
    *({"S": each} for each in NO_DATES + NO_PERIODS),
]


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def world(self) -> World:
        r = self.random
        rows = {
            "links": [self.link(n) for n in range(r.randint(0, 4))],
            "milestones": [self.row(n, self.milestone()) for n in range(r.randint(0, 2))],
            "actuals": [self.row(n, self.actual()) for n in range(r.randint(0, 3))],
            "readings": [self.row(n, self.reading()) for n in range(r.randint(0, 3))],
            "measures": [
                self.some({"id": text(id), "tenant_id": self.tenant(), "owner_id": text(r.choice(USERS))})
                for id in MEASURES
                if r.random() < 0.6
            ],
            "people": [
                self.some({"id": text(f"p{n}"), "tenant_id": self.tenant(), "linked_user_id": text(r.choice(USERS))})
                for n in range(r.randint(0, 3))
            ],
        }
        return {table: unique(items) for table, items in rows.items()}

    def link(self, n: int) -> Item:
        return self.some(
            {
                "id": text(self.random.choice(IDS).format(n)),
                "tenant_id": self.tenant(),
                "measure_id": self.measure(),
                "goal_id": text(self.random.choice("gh")),
                "created_by": text(self.random.choice(USERS)),
                "created_at": self.date(),
            },
            {
                "linked_at": self.date(),
                "threshold_pct": self.number(),
                "weight": self.number(),
                "link_type": self.random.choice([text("kind"), self.number()]),
                "display_order": self.number(),
                "is_primary": self.flag(),
                "updated_at": self.date(),
                "kpi_id": self.measure(),
            },
        )

    def row(self, n: int, columns: tuple[Item, Item]) -> Item:
        needed, optional = columns
        id = self.random.choice([*IDS, "eeeeeeee-0000-4000-8000-00000000000{}"]).format(n)
        return self.some(
            {"id": text(id), "measure_id": self.measure(), **needed},
            {"tenant_id": self.tenant(), "kpi_id": self.measure(), **optional},
        )

    def milestone(self) -> tuple[Item, Item]:
        needed = {
            "milestone_date": self.date(),
            "target_value": self.number(),
            "created_by": text("u2"),
            "created_at": self.date(),
        }
        optional = {
            "label": text("label"),
            "confidence_level": self.number(),
            "rationale": text("because"),
            "updated_by": text("u2"),
            "updated_at": self.date(),
        }
        return needed, optional

    def actual(self) -> tuple[Item, Item]:
        needed = {
            "measurement_date": self.date(),
            "actual_value": self.number(),
            "recorded_by": text("u3"),
            "recorded_at": self.date(),
        }
        flags = ("is_manual_override", "triggers_replan", "replan_threshold_exceeded", "auto_adjustment_applied")
        optional = {name: self.flag() for name in flags} | {
            "original_value": self.number(),
            "override_comment": text("typo"),
            "data_source": self.data_source(),
            "source_reference_id": text("ref"),
            "expected_value": text("not read"),
            "created_at": text("not read"),
        }
        return needed, optional

    def reading(self) -> tuple[Item, Item]:
        needed = {"period": text(self.random.choice(PERIODS)), "value": self.number(), "created_at": self.date()}
        optional = {
            "adjusted_value": self.number(),
            "reason": text("wrong"),
            "data_source": self.data_source(),
            "integration_id": text("i"),
            "execution_id": text("e"),
            "created_by": text("u4"),
            "updated_at": self.date(),
        }
        return needed, optional

    def some(self, needed: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Item:
        """A row with some of its optional attributes; one row in three has one attribute that is odd or missing."""
        r = self.random
        row = {**needed, **{name: value for name, value in (optional or {}).items() if r.random() < 0.4}}
        if r.random() < 0.33:
            name = r.choice([each for each in {**needed, **(optional or {})} if each != "id"])
            row[name] = r.choice(ODD)
            if r.random() < 0.1:
                del row[name]
        return row

    def measure(self) -> Wire:
        return text(self.random.choice([MEASURES[0], *MEASURES]))

    def tenant(self) -> Wire:
        return text(self.random.choice(TENANTS))

    def date(self) -> Wire:
        return text(self.random.choice(DATES))

    def number(self) -> Wire:
        return {"N": self.random.choice(NUMBERS)}

    def flag(self) -> Wire:
        return self.random.choice(FLAGS)

    def data_source(self) -> Wire:
        return text(self.random.choice(["MANUAL", "Integration", "api", "import", "automated"]))


def shop_world(seed: int) -> World:
    r = random.Random(seed)
    items = []
    for _ in range(r.randint(1, 12)):
        one, other = r.choice(["1", "1", "12", "a#b", "ORDER#1"]), r.choice(["1", "9", "01", "-3", "x", "1#2"])
        key, columns = r.choice(
            [
                ((f"CUST#{one}", "PROFILE"), {"name": text("Ann"), "tier": text("gold"), "email": text("a@b")}),
                (
                    (f"CUST#{one}", f"ORDER#{other}"),
                    {"placed_at": text(r.choice(DATES)), "total": {"N": r.choice(NUMBERS)}},
                ),
                ((f"ORDER#{one}", f"ITEM#{other}"), {"sku": text("s"), "quantity": {"N": r.choice(NUMBERS)}}),
                ((f"CUST#{one}", "CART"), {}),
                ((r.choice(["CUST#", "CUST#1", "x"]), r.choice(["PROFILE", "ORDER#", "y"])), {}),
            ]
        )
        row = {name: value for name, value in columns.items() if r.random() < 0.9}
        if row and r.random() < 0.3:
            row[r.choice(list(row))] = r.choice(ODD)
        items.append({"PK": text(key[0]), "SK": text(key[1]), **row})
    return {"shop": unique(items, "PK", "SK")}


def text(value: str) -> Wire:
    return {"S": value}


def unique(items: Sequence[Item], *key: str) -> list[Item]:
    names = key or ("id",)
    return list({tuple(item[name]["S"] for name in names): item for item in items}.values())
