"""The steps of a run for another model than the one of `template.yaml`: fewer, and the verdict is of the model's own oracle."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from types import ModuleType

from demo.verdict import Verdict, scan
from remodel.items import Item
from tests.e2e import shop
from tests.e2e.migration import SEGMENTS, Migration
from tests.e2e.place import Place, StepFailed

KNOWN: dict[str, ModuleType] = {"shop.model:MODEL": shop}
"""Models with rows and an oracle."""


class AnyModel(Migration):
    def __init__(self, place: Place, seed: int) -> None:
        super().__init__(place, seed)
        if place.named not in KNOWN:
            raise StepFailed(f"expected one of {', '.join(KNOWN)}, found {place.named}: write its rows and its oracle")
        self._known = KNOWN[place.named]
        self._old: dict[str, list[Item]] = self._known.rows(random.Random(seed))

    def steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "the build", self.place.build
        yield "the deployment", self.place.deploy
        yield "old rows", self.seed
        yield "the state machine", self.backfill_all
        yield "backup and prepare", self.prepare
        yield "backfill while the old tables are written to", self.backfill
        yield "status, quarantine, comparison", self.look
        yield "schedules", self.schedules
        yield "rollback, dry", self.rollback
        yield "cutover", self.cutover
        yield "the verdict", lambda: print(self.converged("at the end", within=60))

    def seed(self) -> None:
        self._switch(False)
        for name, items in self._old.items():
            self._put(name, items[len(items) // 3 :])
        print("  " + ", ".join(f"{len(items)} of {name}, a third of them later" for name, items in self._old.items()))

    def backfill(self) -> None:
        """Rows come, change places with others, and go, before and after the backfill has met them."""
        for name, items in self._old.items():
            third = len(items) // 3
            self._put(name, items[: third // 2])
            self.place.remodel("backfill", "--segments", str(SEGMENTS), "--execute", status=(0, 1))
            self._put(name, items[third // 2 : third])
            names = self.place.model.old_tables[name].schema.names
            for row in items[third : third + 20]:
                key = {each: row[each] for each in names}
                self._dynamodb().delete_item(TableName=self.place.tables[name], Key=key)
        print(f"  {self.converged('once the streams are read')}")

    def cutover(self) -> None:
        """Through the gate and back, without an application."""
        self.place.remodel("cutover", *self._open_gate(), "--execute")
        if (flag := self._flag()) != "new":
            raise StepFailed(f"expected the cutover to set the read flag to 'new', found {flag!r}")
        self.place.remodel("rollback", "--execute")
        self.place.remodel("prepare", "--execute")
        self.place.remodel("resync", "--execute")

    def _verdict(self) -> Verdict:
        old = {name: scan(self._dynamodb(), self.place.tables[name]) for name in self.place.model.old_tables}
        new = {
            name: {self._known.key_text(name, row): row for row in scan(self._dynamodb(), self.place.tables[name])}
            for name in self.place.model.new_tables
        }
        want = self._known.expected(old)
        kept = {
            (row["source"]["S"], row["row"]["S"]) for row in scan(self._dynamodb(), self.place.tables["quarantine"])
        }
        every = {(name, key): choice for name, keys in want.rows.items() for key, choice in keys.items()}
        there = {(name, key): row for name, keys in new.items() for key, row in keys.items()}
        return Verdict(
            missing=sorted(every.keys() - there.keys()),
            different={id: there[id] for id in every.keys() & there.keys() if there[id] not in every[id]},
            orphaned=sorted(there.keys() - every.keys()),
            misfiled=sorted(want.quarantine ^ kept),
            counts=want.counts,
            old={name: len(rows) for name, rows in old.items()},
            new={name: len(rows) for name, rows in new.items()},
        )
