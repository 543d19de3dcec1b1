"""A row is refused: it goes to quarantine, and what an earlier, good version of it produced is settled once more.

Once more, because a row that moved shares its id with the group that it left: somebody who settled that group while the
good version lay elsewhere found the old row refused, could not tell where its good version is held, and left it to this.
"""

from __future__ import annotations

from collections.abc import Collection

from remodel.core.change import Key, Refusal
from remodel.flow import quarantine
from remodel.flow.engine import Engine, Patience
from remodel.flow.settle import Task, settle


def refuse(engine: Engine, refusals: Collection[Refusal], patience: Patience) -> set[str]:
    """Refusals of different rows; the ids that were not done in time come back."""
    if not refusals:
        return set()
    left = quarantine.hold(engine, refusals, patience)
    held = [Task(Key(group, each.source, each.id)) for each in refusals for group in sorted(each.groups)]
    return left | {key.id for key in settle(engine, held, patience).unfinished}
