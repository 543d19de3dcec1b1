"""The steps of a run for another model than the one of `template.yaml`: fewer, with rows that are generated from its kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.e2e.migration import ROWS, Migration


class AnyModel(Migration):
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
        for name, items in self._cast.seeded(ROWS).items():
            self._put(name, items)
            schema = self.place.model.old_tables[name].schema
            self._seeded[name] = {schema.encode(row): row for row in items}
        print("  " + ", ".join(f"{len(rows)} of {name}" for name, rows in self._seeded.items()))
