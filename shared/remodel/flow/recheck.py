"""The second look: what one old row makes expect, and what is there, both read consistently and now.

The old tables alone decide what is expected. The index is asked only where to look (which links a group has had, which
rows a link may have) and for the last good version of rows that are refused at present. So that nothing hides behind
what the index has lost, whoever knows of old rows by other ways says so (`Aside`): where to look, too, and no more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from remodel.core.change import Key
from remodel.core.compare import FieldDifference, differing
from remodel.core.model import Facts, NewKey, Source
from remodel.core.record import KEY, Bad, Good, side
from remodel.core.roster import Roster
from remodel.core.wire import Item
from remodel.flow import deliver, index, lookup, quarantine
from remodel.flow.engine import Engine, Patience

GROUPS = 50
"""Groups whose rosters, of up to 400 KB each, are in memory at a time."""

Aside = Mapping[str, Collection[Key]]
"""Old rows known of beside the index, by group."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One new row that is not as the old tables say. `fields`: expected and found, where both are there.

    link: the link that an orphan names which nothing explains.
    """

    kind: str
    key: NewKey
    source: str | None
    id: str | None
    groups: frozenset[str]
    fields: Mapping[str, FieldDifference]
    link: str | None = None


def recheck(
    engine: Engine, source: str, id: str, groups: Iterable[str], aside: Aside, patience: Patience
) -> list[Difference]:
    """All differences of one old row. `groups`: where else traces of it may be."""
    row = current(engine, engine.model.sources[source], [id], patience).get(id)
    around = frozenset({*groups, *({row.group} if row else ())})
    rosters, _none = index.look(engine, around, (), patience)
    seats = {link for group, roster in rosters.items() for link in link_ids(engine, group, roster, aside)}
    links = _links(engine, row.group, rosters[row.group], aside, patience) if row else {}
    wanted = expected(engine, source, row, links, patience) if row else {}
    keys = engine.model.sources[source].possible(id, seats | links.keys()) | wanted.keys()
    found = new_rows(engine, keys, patience)
    around |= _groups_named(engine, found, patience)
    return [
        *(Difference("missing", key, source, id, around, {}) for key in sorted(wanted.keys() - found.keys())),
        *(Difference("orphaned", key, source, id, around, {}) for key in sorted(found.keys() - wanted.keys())),
        *(
            Difference(_kind(engine, source, fields), key, source, id, around, fields)
            for key in sorted(wanted.keys() & found.keys())
            if (fields := differing(wanted[key], found[key]))
        ),
    ]


def recheck_new(
    engine: Engine, key: NewKey, groups: Mapping[str, str], aside: Aside, patience: Patience
) -> list[Difference]:
    """Whether a new row that nothing was seen to want is wanted after all. `groups`: of links, as far as known."""
    found = new_rows(engine, [key], patience)
    if key not in found:
        return []
    link = engine.model.link_of(key, found[key])
    around = _groups_of(engine, link, groups, patience) if link else frozenset()
    indexed = _indexed(engine, key, link, around, patience)
    for source, id in [*indexed, *_of_its_id(engine, key)]:
        row = current(engine, engine.model.sources[source], [id], patience).get(id)
        wanted = _wanted_now(engine, source, row, aside, patience) if row else {}
        if key in wanted:
            fields = differing(wanted[key], found[key])
            return [Difference(_kind(engine, source, fields), key, source, id, around, fields)] if fields else []
    known = next(iter(indexed), None)
    return [Difference("orphaned", key, known and known[0], known and known[1], around, {}, link)]


def claimants(engine: Engine, key: NewKey, link: str | None, patience: Patience) -> list[tuple[str, str]]:
    """The old rows, as the index knows them now, that a new row of this link could follow from."""
    around = _groups_of(engine, link, {}, patience) if link else frozenset()
    return _indexed(engine, key, link, around, patience)


def _kind(engine: Engine, source: str, fields: Mapping[str, FieldDifference]) -> str:
    """Where a lookup's stream is not connected, what came from it grows old in the course of normal work."""
    old = fields.keys() <= engine.model.sources[source].derived and engine.live < engine.model.lookups.keys()
    return "stale_lookups" if old else "different"


def current(engine: Engine, source: Source, ids: Iterable[str], patience: Patience) -> dict[str, Good]:
    """The old rows as they count: good ones as they are, refused ones as the index holds their last good version."""
    rows = {}
    refused: dict[str, Bad] = {}
    for item in deliver.read(engine, source.name, [{KEY: {"S": id}} for id in dict.fromkeys(ids)], patience):
        id = item[KEY]["S"]
        match side(item, id, source):
            case Good() as row:
                rows[id] = row
            case Bad() as bad:
                refused[id] = bad
    return {**rows, **last_good(engine, source, {id: bad.group for id, bad in refused.items()}, patience)}


def counted(
    engine: Engine, source: Source, items: Iterable[Item], patience: Patience
) -> tuple[list[Good], dict[str, str | None]]:
    """The rows of a scanned page as they count, and those that are refused, with their groups."""
    sides = {item[KEY]["S"]: side(item, item[KEY]["S"], source) for item in items}
    refused = {id: row.group for id, row in sides.items() if isinstance(row, Bad)}
    good = [row for row in sides.values() if isinstance(row, Good)]
    return good + list(last_good(engine, source, refused, patience).values()), refused


def last_good(engine: Engine, source: Source, refused: Mapping[str, str | None], patience: Patience) -> dict[str, Good]:
    """What earlier, good versions of refused rows still stand in the index; `refused` says where each row is now."""
    if not refused:
        return {}
    held = quarantine.find(engine, source.name, refused, patience)
    keys = [
        Key(group, source.name, id)
        for id, own in refused.items()
        for group in {*({own} if own else ()), *(held[id].groups if id in held else ())}
    ]
    _none, entries = index.look(engine, (), keys, patience)
    kept = [(key.id, side(entry.kept, key.id, source)) for key, entry in entries.items() if entry.kept is not None]
    return {id: row for id, row in kept if isinstance(row, Good)}


def expected(
    engine: Engine, source: str, row: Good, links: Mapping[str, Facts], patience: Patience
) -> dict[NewKey, Item]:
    lookups = engine.model.sources[source].lookups(row.row)
    context = lookup.resolve(engine, {0: lookups}, patience)[0] if lookups else None
    return engine.model.sources[source].wanted(row.row, links, context)


def new_rows(engine: Engine, keys: Iterable[NewKey], patience: Patience) -> dict[NewKey, Item]:
    wanted = sorted(set(keys))
    found = {}
    for table in {key.table for key in wanted}:
        items = deliver.read(engine, table, [{KEY: {"S": key.id}} for key in wanted if key.table == table], patience)
        found.update({NewKey(table, item[KEY]["S"]): item for item in items})
    return found


def link_ids(engine: Engine, group: str, roster: Roster, aside: Aside) -> set[str]:
    """The ids that links of this group may have."""
    return {*roster.seats, *(key.id for key in aside.get(group, ()) if engine.model.every[key.source].is_link)}


def _links(engine: Engine, group: str, roster: Roster, aside: Aside, patience: Patience) -> dict[str, Facts]:
    """The live links of a group, from the old table; the roster says which ids to ask for."""
    links: dict[str, Facts] = {}
    for source in engine.model.sources.values():
        if source.is_link:
            rows = current(engine, source, link_ids(engine, group, roster, aside), patience)
            links |= {id: source.facts(row.row) for id, row in rows.items() if row.group == group}
    return links


def _wanted_now(engine: Engine, source: str, row: Good, aside: Aside, patience: Patience) -> dict[NewKey, Item]:
    rosters, _none = index.look(engine, [row.group], (), patience)
    return expected(engine, source, row, _links(engine, row.group, rosters[row.group], aside, patience), patience)


def lost(engine: Engine, keys: Iterable[Key], patience: Patience) -> list[Key]:
    """Those of these old rows that have no live entry in the index, or no live seat where they should have one."""
    gone: list[Key] = []
    for some in deliver.chunks(keys, GROUPS):
        seated = {key for key in some if engine.model.every[key.source].is_seated}
        rosters, entries = index.look(engine, {key.group for key in seated}, some, patience)
        live = {key for key, entry in entries.items() if entry.kept is not None}
        live -= {key for key in seated if key.id not in rosters[key.group].live}
        gone += [key for key in some if key not in live]
    return gone


def _groups_named(engine: Engine, found: Mapping[NewKey, Item], patience: Patience) -> set[str]:
    """The groups in which these new rows say that their old row was, when they were written."""
    named = {group for key, row in found.items() if (group := engine.model.group_of(key, row))}
    links = {link for key, row in found.items() if (link := engine.model.link_of(key, row)) and link != key.id}
    return named.union(*(_groups_of(engine, link, {}, patience) for link in links))


def _groups_of(engine: Engine, link: str, groups: Mapping[str, str], patience: Patience) -> frozenset[str]:
    known = {groups[link]} if link in groups else set()
    for source in engine.model.sources.values():
        if source.is_link and source.accepts(link):
            known |= {row.group for row in current(engine, source, [link], patience).values()}
    return frozenset(known)


def _of_its_id(engine: Engine, key: NewKey) -> list[tuple[str, str]]:
    """Old rows that would lend the new row their own id."""
    return [(name, key.id) for name, source in engine.model.sources.items() if key in source.possible(key.id, ())]


def _indexed(
    engine: Engine, key: NewKey, link: str | None, groups: Iterable[str], patience: Patience
) -> list[tuple[str, str]]:
    """Old rows, removed ones too, that the index knows in these groups and that the new row could follow from."""
    sources = engine.model.every
    return [
        (each.source, each.id)
        for group in sorted(groups)
        for entries in index.pages(engine, group, patience)
        for each in entries
        if link and key in sources[each.source].possible(each.id, [link])
    ]
