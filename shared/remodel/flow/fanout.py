"""A group too large to be settled while a shard waits: settled by a worker of its own, page by page, by the same settle.

A link's change hands its group over once the index has it. The worker reads what the index says by then, looks again after
each page, and begins anew where the roster moved meanwhile; so it may come late, twice, or be killed, as any redelivery may.
"""

from __future__ import annotations

from remodel.core.entry import entry_from, key_of
from remodel.core.errors import Unavailable
from remodel.core.roster import Roster
from remodel.flow import index, settle
from remodel.flow.engine import Engine, Patience
from remodel.flow.refuse import refuse
from remodel.flow.replicate import rejections
from remodel.ports import Fanout


def work(engine: Engine, fanout: Fanout, stop_at: float, patience: Patience) -> Fanout | None:
    """Settles the group until it is done (None), or the clock passes `stop_at`: then what is left. Raises Unavailable."""
    roster = _roster(engine, fanout.group, patience)
    cursor = fanout.cursor if roster.epoch == fanout.epoch else None
    while True:
        page = index.page(engine, fanout.group, cursor, patience)
        entries = {key: entry_from(item) for item in page.items if (key := key_of(item)) is not None}
        settled, moved = settle.Settled(), list[settle.Task]()
        roster_now = settle.settle_page(engine, fanout.group, roster, entries, settled, moved, patience)
        _finish_page(engine, settled, moved, patience)
        if settle.roster_moved(roster, roster_now):
            roster, cursor = roster_now, None
        elif page.next is None:
            return None
        else:
            cursor = page.next
        if engine.clock.now() >= stop_at:
            return Fanout(fanout.group, cursor, roster.epoch)


def _finish_page(engine: Engine, settled: settle.Settled, moved: list[settle.Task], patience: Patience) -> None:
    """Rows that live elsewhere now, and those that DynamoDB does not take."""
    below = settle.settle(engine, moved, patience)
    unfinished = settled.unfinished | below.unfinished
    rejected = rejections({**settled.rejected, **below.rejected}, {})
    if unfinished or refuse(engine, rejected.values(), patience):
        raise Unavailable(
            f"expected to settle a page of a large group, but {len(unfinished)} rows were left: call again"
        )


def _roster(engine: Engine, group: str, patience: Patience) -> Roster:
    return index.look(engine, [group], (), patience)[0][group]
