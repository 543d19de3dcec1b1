"""What a comparison finds, counts, and names. What it answers is bounded: keys and values are shortened, and few are shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from remodel.items import Item, differences, to_event
from remodel.keys import Key
from remodel.mapping import SINCE

EXAMPLES, FIELDS, LONGEST = 20, 50, 500
"""What a report shows: so many findings, fields of one, and characters of a key or value. Lambda answers with 6 MB at most."""

DRIFT = ("missing", "different", "orphaned", "unindexed")
"""What must be zero."""


class Finding(NamedTuple):
    """`what`: one of DRIFT, or `claims`, or `tenant_violations`. `origin`: the old row; of an orphan None. `others`: the other
    rows that claim the key; several old rows cannot be served by one new row, and each beyond the first counts. Or the rows
    that `only_if` keeps apart from an old row; then `new` is that row, too."""

    what: str
    new: Key
    origin: Key | None
    want: Item | None = None
    found: Item | None = None
    others: tuple[Key, ...] = ()


@dataclass
class Report:
    """`counts`: by name, DRIFT among them. `rows`: compared, by table. `examples`: differences field by field.
    `apart`: pairs of rows that the model keeps apart, as findings. `differing`: the old rows of what differs, where only some
    rows are looked at."""

    done: bool = False
    cursor: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)
    apart: list[Finding] = field(default_factory=list)
    differing: set[Key] = field(default_factory=set)

    @property
    def drift(self) -> int:
        return sum(self.counts[name] for name in DRIFT)

    def add(self, other: Report) -> None:
        self.counts += other.counts
        self.rows += other.rows
        self.differing |= other.differing
        self.examples = first(self.examples + other.examples)

    def name(self, findings: Iterable[Finding]) -> None:
        self.examples = first([example(each) for each in (*islice(findings, EXAMPLES), *self.apart)])


def fields(want: Item, found: Item) -> dict[str, Any]:
    return differences(want, {name: value for name, value in found.items() if name != SINCE or name in want})


def first(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of these as many as are shown, drift before all else."""
    return sorted(examples, key=lambda each: each["what"] not in DRIFT)[:EXAMPLES]


def example(finding: Finding) -> dict[str, Any]:
    """What a person sees of a difference."""
    differing = fields(finding.want, finding.found) if finding.want and finding.found else {}
    return {
        "what": finding.what,
        "table": finding.new.table,
        "key": _short(finding.new.text),
        "origin": _named(finding.origin) if finding.origin else None,
        "others": [_named(other) for other in finding.others[:EXAMPLES]],
        "fields": {
            _short(name): {"expected": _shown(one), "found": _shown(other)}
            for name, (one, other) in islice(differing.items(), FIELDS)
        },
    }


def _named(row: Key) -> list[str]:
    return [row.table, _short(row.text)]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _shown(value: Any) -> Any:
    """A value in Lambda's format; of a long one, the text of its beginning."""
    event = to_event(value)
    text = json.dumps(event)
    return event if len(text) <= LONGEST else {"S": f"{text[:LONGEST]}…"}
