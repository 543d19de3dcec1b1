"""Old rows as the application writes them, with every oddity that the model's page lists, from one seeded source."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from remodel.items import Item, Wire

DATA = ("milestones", "actuals", "readings")


def text(value: str) -> Wire:
    return {"S": value}


def number(value: str | int) -> Wire:
    return {"N": str(value)}


@dataclass
class Rows:
    """Makes rows; equal seeds make equal rows. `poisoned`: how often each attribute has got a bad value."""

    random: random.Random
    measures: list[str]
    users: list[str]
    poisoned: Counter[str] = field(default_factory=Counter)

    def guid(self) -> str:
        made = str(UUID(int=self.random.getrandbits(128), version=4))
        return made.upper() if self.random.random() < 0.05 else made

    def tenant(self, measure: str) -> str:
        """A measure belongs to one of two tenants."""
        return f"tenant-{int(measure[-1], 16) % 2}"

    def measure(self, id: str) -> Item:
        row = {"id": text(id), "tenant_id": text(self.tenant(id))}
        if self.random.random() < 0.8:
            row["owner_id"] = text(self.random.choice(self.users))
        return row

    def person(self, user: str) -> Item:
        return {"id": text(self.guid()), "tenant_id": text("tenant-0"), "linked_user_id": text(user)}

    def link(self, id: str, measure: str) -> Item:
        stranger = self.random.random() < 0.03
        row: Item = {
            "id": text(id),
            "tenant_id": text("tenant-of-others" if stranger else self.tenant(measure)),
            "goal_id": text(self.guid()),
            "measure_id": text(measure),
            "created_by": text(self.random.choice(self.users)),
            "created_at": text(self.timestamp()),
        }
        self._maybe(row, 0.9, linked_at=text(self.timestamp()))
        self._maybe(row, 0.5, threshold_pct=number(self.random.randint(0, 100)), link_type=text("direct"))
        self._maybe(row, 0.5, weight=number(f"0.{self.random.randint(0, 99):02}"), display_order=number(3))
        self._maybe(row, 0.4, is_primary=self.flag(), updated_at=text(self.timestamp()))
        return self._odd(row)

    def data(self, source: str, id: str, measure: str) -> Item:
        row: Item = {"id": text(id), "measure_id": text(measure), "created_at": text(self.timestamp())}
        self._maybe(row, 0.6, tenant_id=text(self.tenant(measure)))
        getattr(self, f"_{source}")(row)
        if self.random.random() < 0.04:
            row["kpi_id"] = row.pop("measure_id")
        return self._odd(row)

    def poison(self, row: Item) -> Item:
        """The same row with a value that the new model rejects; "poisoned" names its attribute."""
        ways = [
            ("period", text("2025-Q1")),
            ("data_source", text("telepathy")),
            ("recorded_by", text("  ")),
            ("confidence_level", number(6)),
            ("threshold_pct", number("100.5")),
            ("weight", number("-0.1")),
            ("target_value", text("much")),
            ("recorded_at", text("")),
            ("created_by", {"NULL": True}),
        ]
        fitting = [
            (name, value) for name, value in ways if name in row and not ("period" in row and name == "created_by")
        ]
        name, value = min(fitting or [("created_at", text("yesterday"))], key=lambda way: self.poisoned[way[0]])
        self.poisoned[name] += 1
        return {**row, name: value, "poisoned": text(name)}

    def timestamp(self) -> str:
        r = self.random
        day = f"{r.randint(2023, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"
        zone = r.choice(["Z", "Z", "Z", "+02:00", ""])
        fraction = r.choice([".1234567", "", ".5"])
        return f"{day}T{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}{fraction}{zone}"

    def value(self) -> Wire:
        digits = self.random.choice([3, 5, 38])
        whole = str(self.random.randint(10 ** (digits - 1), 10**digits - 1)).rstrip("0") or "1"
        point = self.random.choice([0, 2])
        sign = self.random.choice(["", "", "-"])
        return number(f"{sign}{whole[:-point]}.{whole[-point:]}" if point and len(whole) > point else f"{sign}{whole}")

    def flag(self) -> Wire:
        return self.random.choice([{"BOOL": True}, {"BOOL": False}, number(0), number(1)])

    def _milestones(self, row: Item) -> None:
        row |= {
            "milestone_date": text(self.timestamp()),
            "target_value": self.value(),
            "created_by": text(self.random.choice(self.users)),
        }
        self._maybe(row, 0.5, label=text("Quartalsziel ✓"), confidence_level=number(self.random.randint(1, 5)))
        self._maybe(row, 0.3, rationale=text("as agreed"), updated_by=text("u-1"), updated_at=text(self.timestamp()))

    def _actuals(self, row: Item) -> None:
        row |= {
            "measurement_date": text(self.timestamp()),
            "actual_value": self.value(),
            "recorded_by": text(self.random.choice(self.users)),
            "recorded_at": text(self.timestamp()),
            "variance": number("0.25"),
        }
        self._maybe(
            row, 0.3, original_value=self.value(), is_manual_override=self.flag(), override_comment=text("typo")
        )
        self._maybe(row, 0.5, data_source=text(self.random.choice(["manual", "API", "Import", "Integration"])))
        self._maybe(row, 0.3, triggers_replan=self.flag(), auto_adjustment_applied=self.flag())

    def _readings(self, row: Item) -> None:
        r = self.random
        month = f"{r.randint(2023, 2026)}-{r.randint(1, 12):02}"
        row |= {"period": text(r.choice([month, f"{month}-15"])), "value": self.value()}
        self._maybe(row, 0.3, adjusted_value=self.value(), reason=text("recounted"))
        self._maybe(row, 0.5, created_by=text(r.choice([r.choice(self.users), "", " "])), integration_id=text("int-7"))
        self._maybe(row, 0.3, data_source=text(r.choice(["AUTOMATED", "manual"])), execution_id=text("run-1"))

    def _odd(self, row: Item) -> Item:
        """What the model ignores: NULL, the empty string, and unknown attributes."""
        self._maybe(row, 0.05, updated_at={"NULL": True})
        self._maybe(row, 0.05, label=text(""))
        self._maybe(row, 0.05, legacy={"M": {"blob": {"B": b"\x00\x01"}, "tags": {"SS": ["a", "b"]}}})
        self._maybe(row, 0.05, ttl=number(1_900_000_000))
        return row

    def _maybe(self, row: Item, chance: float, **values: Wire) -> None:
        if self.random.random() < chance:
            row |= values
