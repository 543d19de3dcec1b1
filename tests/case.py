"""The folders of tests/cases, loaded; their README says what is in them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remodel.items import Item, same
from remodel.model import Model
from remodel.store import QUARANTINE

ROOT = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    name: str
    why: str
    model: str
    states: Sequence[Mapping[str, Sequence[Item]]]
    new: Mapping[str, Any]

    def rows(self, table: str) -> list[list[Item]]:
        """The rows of a new table: for each key, those that are right there."""
        return [[row] for row in self.new[table]] + list(self.new.get("one_of", {}).get(table, []))

    @property
    def quarantine(self) -> dict[tuple[str, str], str]:
        """By old table and key text, a part of the reason."""
        rows = self.new["quarantine"]
        return {(table, key): reason for table in rows for key, reason in rows[table].items()}

    def check(self, model: Model, held: Callable[[str], Mapping[str, Item]]) -> None:
        """Fails where the new tables or quarantine hold anything else. `held`: the rows of a table by key text."""
        for name, table in model.new_tables.items():
            told, found = {table.schema.encode(rows[0]): rows for rows in self.rows(name)}, held(name)
            assert sorted(told) == sorted(found), name
            wrong = {key: found[key] for key, rows in told.items() if not any(same(row, found[key]) for row in rows)}
            assert not wrong, name
        refused: Iterable[Any] = held(QUARANTINE).values()
        reasons = {(row["source"]["S"], row["row_id"]["S"]): row["reason"]["S"] for row in refused}
        assert sorted(self.quarantine) == sorted(reasons)
        assert all(part in reasons[key] for key, part in self.quarantine.items()), reasons


def load(path: Path) -> Case:
    old, new = (json.loads((path / name).read_text()) for name in ("old.json", "new.json"))
    return Case(path.name, old["why"], old.get("model", "measures"), as_stored(old["states"]), as_stored(new))


def as_stored(value: Any) -> Any:
    """Binary is base64 in JSON, and bytes in the API."""
    if isinstance(value, dict):
        return {k: base64.b64decode(v) if k == "B" and isinstance(v, str) else as_stored(v) for k, v in value.items()}
    return [as_stored(each) for each in value] if isinstance(value, list) else value


CASES = [load(path) for path in sorted(ROOT.iterdir()) if path.is_dir()]
