"""What the replicator has written of an old table: found through the index, and cleared.

The index knows every old row that was ever taken up, removed ones too, and every link that its group has had; the model
says which new rows could have followed from these. So nothing is found that the replicator did not write, and nothing that
it wrote is missed, unless its tombstone has expired, whose new rows were deleted long before. Nobody else may be writing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from remodel.core.entry import GROUP
from remodel.core.errors import Unavailable
from remodel.core.model import NewKey
from remodel.core.wire import Item
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.flow.recheck import new_rows
from remodel.ports import INDEX, Page, Write


def replicated(engine: Engine, sources: Collection[str], patience: Patience) -> Iterator[list[NewKey]]:
    """The new rows of these old tables that are there, some at a time. Raises Unavailable."""
    last = None
    for group in _groups(engine, patience):
        if group != last:
            yield from _of_group(engine, group, sources, patience)
        last = group


def clear(engine: Engine, keys: list[NewKey], patience: Patience) -> None:
    """Raises Unavailable."""
    left = deliver.write(engine, [Write(key, None) for key in keys], patience)
    if left.unfinished or left.rejected:
        raise Unavailable(f"expected to delete {len(keys)} rows, but {len(left.unfinished)} were left: try again")


def _of_group(engine: Engine, group: str, sources: Collection[str], patience: Patience) -> Iterator[list[NewKey]]:
    rosters, _none = index.look(engine, [group], (), patience)
    links = list(rosters[group].seats)
    for entries in index.pages(engine, group, patience):
        mine = [key for key in entries if key.source in sources]
        possible = {each for key in mine for each in engine.model.every[key.source].possible(key.id, links)}
        if found := sorted(new_rows(engine, possible, patience)):
            yield found


def _groups(engine: Engine, patience: Patience) -> Iterator[str]:
    """In the order of the table, where the items of a group stand side by side."""
    start: Item | None = None
    while True:
        page = _page(engine, start, patience)
        for item in page.items:
            yield item[GROUP]["S"]
        start = page.next
        if start is None:
            return


def _page(engine: Engine, start: Item | None, patience: Patience) -> Page:
    for _ in patience.tries():
        try:
            return engine.store.scan(INDEX, 0, 1, start)
        except Unavailable:
            continue
    raise Unavailable("expected a page of the index, but it was not answered in time: try again")
