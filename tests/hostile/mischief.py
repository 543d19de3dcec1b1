"""Who lives in a world, and who does harm in it: neighbours whose rows are right, and hostile rows in their groups."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import uuid5

from demo import oracle
from remodel.items import Item, Wire
from tests import oracle_shop, rows
from tests.hostile.values import Values
from tests.rows import text

WRONG_DATES = ("0001-01-01T00:00:00.0000001Z", "9999-12-31T23:59:59.9999999", "2025-02-30", "2025-03-31T10:00:00+14:01")


class Mischief(Protocol):
    """`groups`: names of what neighbours share, each of which a hostile row may take."""

    model: str
    sources: tuple[str, ...]
    groups: list[str]

    def start(self) -> list[tuple[str, Item]]:
        """Rows that are there before any harm is done."""

    def neighbour(self, source: str, group: str) -> Item: ...

    def hostile(self, source: str, group: str) -> Item: ...

    def expected(self, old: Any) -> Any:
        """What an oracle says."""


def names(values: Values, count: int) -> list[str]:
    """Texts that DynamoDB and the models accept as part of a key, however odd; some differ in letter case alone."""
    found: list[str] = []
    while len(found) < count:
        name = values.guid() if values.chance(0.3) else values.text()
        if name.strip() and len(name.encode()) <= 900:
            found += [name, name.swapcase()] if values.chance(0.2) else [name]
    return list(dict.fromkeys(found))[:count]


class Measures:
    model = "measures"
    sources = ("links", "milestones", "actuals", "readings", "measures", "people")

    def __init__(self, values: Values, groups: int = 5) -> None:
        self.values, self.groups, self._count = values, names(values, groups), 0
        self._users = names(values, 3)
        self._ids: list[str] = []

    def expected(self, old: Any) -> Any:
        return oracle.expected(old)

    def start(self) -> list[tuple[str, Item]]:
        found = []
        for group in self.groups:
            found += [(source, self.neighbour(source, group)) for source in ("links", "measures", "people", "actuals")]
        return found

    def neighbour(self, source: str, group: str) -> Item:
        self._count += 1
        name = f"neighbour {self._count}"
        self._ids.append(rows.guid(name))
        user = text(self.values.random.choice(self._users))
        if source == "measures":
            return rows.measure(id=text(group), owner_id=user)
        if source == "people":
            return rows.person(name, user["S"])
        row = self._row(source, name, text(group))
        return {**row, "tenant_id": text("t")} | ({"created_by": user} if source == "links" else {})

    def _row(self, source: str, name: str, measure: Wire) -> Item:
        made = {"links": rows.link, "milestones": rows.milestone, "actuals": rows.actual, "readings": rows.reading}
        return made[source](name, measure_id=measure)

    def hostile(self, source: str, group: str) -> Item:
        r = self.values.random
        if source in ("measures", "people"):
            row = self._looked_up(source, group)
        else:
            row = {**self._row(source, f"hostile {r.randrange(40)}", text(group)), "tenant_id": text(r.choice("tttu"))}
        for _ in range(r.randint(1, 3)):
            row = self._spoiled(source, row)
        return row

    def _looked_up(self, source: str, group: str) -> Item:
        v = self.values
        user = text(v.random.choice((*self._users, v.text())))
        tenant = text(v.random.choice("tu"))
        if source == "measures":
            return {"id": text(v.random.choice((group, f"{group}\n", v.text()))), "tenant_id": tenant, "owner_id": user}
        return {"id": text(v.random.choice(("0-evil", v.id()))), "tenant_id": tenant, "linked_user_id": user}

    def _spoiled(self, source: str, row: Item) -> Item:
        v, r = self.values, self.values.random
        kind = r.randrange(8)
        if kind == 0:
            return {**row, "id": text(self._id())}
        if kind == 1:
            return {name: value for name, value in row.items() if name in ("id", r.choice(list(row))) or v.chance(0.7)}
        if kind == 2:
            return {**row, v.text(): v.value(), "kpi_id": v.value()}
        if kind == 3:
            return {**row, r.choice(("linked_at", "created_at", "recorded_at", "period")): text(r.choice(WRONG_DATES))}
        if kind == 4:
            return {**row, r.choice(("measure_id", "tenant_id", "created_by", "goal_id")): text(v.text())}
        if kind == 5 and source not in ("measures", "people"):
            return {
                **row,
                r.choice(("override_comment", "rationale", "reason", "link_type")): text(
                    "y" * r.choice((200_000, 399_000))
                ),
            }
        return {**row, r.choice([name for name in (*row, "data_source", "weight") if name != "id"]): v.value()}

    def _id(self) -> str:
        """Also a neighbour's, or one that a neighbour's row could have, or either in another letter case."""
        v, r = self.values, self.values.random
        if v.chance(0.5) or not self._ids:
            return v.id()
        one, other = r.choice(self._ids), r.choice(self._ids)
        return r.choice(
            (
                one,
                one.upper(),
                str(uuid5(oracle.NAMESPACE, f"{one}:{other}")),
                str(uuid5(oracle.NAMESPACE, f"{one}:{other}")).upper(),
            )
        )


class Shop:
    model = "shop"
    sources = ("shop",)

    def __init__(self, values: Values, groups: int = 5) -> None:
        self.values, self._count = values, 0
        self.groups = [name for name in names(values, groups) if "#" not in name]

    def expected(self, old: Any) -> Any:
        return oracle_shop.expected(old)

    def start(self) -> list[tuple[str, Item]]:
        return [("shop", rows.customer(group)) for group in self.groups]

    def neighbour(self, source: str, group: str) -> Item:
        self._count += 1
        if self.values.chance(0.5):
            return rows.item(self._count, f"neighbour {group}")
        return rows.order(f"neighbour {self._count}", group)

    def hostile(self, source: str, group: str) -> Item:
        v, r = self.values, self.values.random
        row = r.choice(
            (
                rows.order(v.text(), group),
                rows.order(str(r.randrange(9)), v.text()),
                rows.item(r.randrange(9), v.text()),
                {**rows.item(0, group), "SK": text(f"ITEM#{r.choice(('01', '-0', '1e3', '٣', '9' * 200, v.text()))}")},
                rows.customer(v.text()),
                {"PK": text(v.text()), "SK": text(r.choice((v.text(), "CART", "PROFILE")))},
            )
        )
        for _ in range(r.randint(0, 2)):
            name = r.choice([*(each for each in row if each not in ("PK", "SK")), "email", "tier", "total", v.text()])
            row = {**row, name: v.value()}
        return row
