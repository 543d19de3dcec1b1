"""The steps of a run for another model than the one of `template.yaml`: fewer, with rows that are generated from its kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.e2e.migration import ROWS, Migration


class AnyModel(Migration):
    def steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """The large fan-out and the failed batch are made of measures."""
        return ((name, step) for name, step in super().steps() if step not in (self.fanout, self.failure))

    def seed(self) -> None:
        self._switch(False)
        for name, items in self._cast.seeded(ROWS).items():
            self._put(name, items)
            schema = self.place.model.old_tables[name].schema
            self._seeded[name] = {schema.encode(row): row for row in items}
        print("  " + ", ".join(f"{len(rows)} of {name}" for name, rows in self._seeded.items()))
