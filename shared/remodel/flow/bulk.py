"""What many old rows make expect, for as few requests as they need: the first look, of which `flow.recheck` is the second.

The same rule holds: the old tables alone decide, the index and what is known aside from it only say which links to ask for.
Memory is bounded whatever the rows are: by the rosters of GROUPS groups, and by PAIRS new rows, or those of one old row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from remodel.core.model import Context, Facts, NewKey, Source
from remodel.core.record import KEY, Good
from remodel.core.wire import Item
from remodel.flow import deliver, index, lookup
from remodel.flow.engine import Engine, Patience
from remodel.flow.recheck import GROUPS, Aside, current, link_ids

PAIRS = 5_000
"""Pairs of an old row with a link, looked at together."""

LINKS = 500
"""Old link rows in memory at a time; of each only what the join needs is kept."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One old row and what follows from it. `rival`: a link of a smaller id has what should be unique."""

    row: Good
    wanted: Mapping[NewKey, Item]
    strangers: int
    rival: bool


@dataclass(frozen=True, slots=True)
class Link:
    source: str
    facts: Facts
    unique: str | None


Links = Mapping[str, Mapping[str, Link]]
"""The live links of each group, by id."""


def expectations(
    engine: Engine, source: Source, rows: Iterable[Good], aside: Aside, patience: Patience
) -> Iterator[list[Expected]]:
    """Slice by slice. Raises Unavailable when time is up."""
    of_group: dict[str, list[Good]] = defaultdict(list)
    for row in rows:
        of_group[row.group].append(row)
    for groups in deliver.chunks(of_group, GROUPS):
        links = _links(engine, groups, aside, patience)
        for some in _slices([row for group in groups for row in of_group[group]], links):
            yield _expected(engine, source, some, links, patience)


def _expected(engine: Engine, source: Source, rows: list[Good], links: Links, patience: Patience) -> list[Expected]:
    lookups = {n: found for n, row in enumerate(rows) if (found := source.lookups(row.row)) is not None}
    contexts = lookup.resolve(engine, lookups, patience)
    return [_one(source, row, links[row.group], contexts.get(n)) for n, row in enumerate(rows)]


def _one(source: Source, row: Good, links: Mapping[str, Link], context: Context) -> Expected:
    facts = {id: link.facts for id, link in links.items()}
    wanted = source.wanted(row.row, facts, context)
    return Expected(row, wanted, source.strangers(row.row, facts), _has_rival(source, row, links))


def _has_rival(source: Source, row: Good, links: Mapping[str, Link]) -> bool:
    """So that of all that share one value each but the first is counted, wherever it is met."""
    unique, id = source.unique(row.row), row.item[KEY]["S"]
    return unique is not None and any(
        (link.source, link.unique) == (source.name, unique) and other < id for other, link in links.items()
    )


def _slices(rows: Iterable[Good], links: Links) -> Iterator[list[Good]]:
    some: list[Good] = []
    pairs = 0
    for row in rows:
        more = 1 + len(links[row.group])
        if some and pairs + more > PAIRS:
            yield some
            some, pairs = [], 0
        some.append(row)
        pairs += more
    if some:
        yield some


def _links(engine: Engine, groups: list[str], aside: Aside, patience: Patience) -> Links:
    rosters, _none = index.look(engine, groups, (), patience)
    ids = {id for group, roster in rosters.items() for id in link_ids(engine, group, roster, aside)}
    links: dict[str, dict[str, Link]] = {group: {} for group in groups}
    for source in engine.model.sources.values():
        if source.is_link:
            for some in deliver.chunks(sorted(ids), LINKS):
                for id, row in current(engine, source, some, patience).items():
                    if row.group in links:
                        links[row.group][id] = Link(source.name, source.facts(row.row), source.unique(row.row))
    return links
