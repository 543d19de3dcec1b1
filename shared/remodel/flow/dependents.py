"""Which links depend on a looked-up row, and how they are found when it changes.

Links of the row's own group are on its roster. Links of other groups are found because their group was registered with
the row's group before the row was read: so either the link sees the change, or the change sees the link. A registration is
never taken back; one that has become needless costs a read whenever the row changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from remodel.core.change import Key
from remodel.core.entry import DEPENDENT, GROUP, NAME, dependent_key, dependent_of
from remodel.core.errors import Unavailable
from remodel.flow import deliver, index
from remodel.flow.engine import Engine, Patience
from remodel.ports import INDEX, Guarded, Outcome

GROUPS = 100
"""Groups of which the links are settled together."""

Cause = Key | str
"""What changed: an entry, or the roster of a group."""

Roots = frozenset[Key]


@dataclass(frozen=True, slots=True)
class Changed:
    """A looked-up row that changed. `first`: nobody has settled the change before, and perhaps not come to the end.

    Who did may have written a link that has gone since, or is computed from something else by now. So unless it is the
    first time, removed links are settled too, and links whatever they are computed from.
    """

    key: Key
    roots: Roots
    first: bool


@dataclass(slots=True)
class Dependents:
    """Links to settle, each with what they must be computed from to be concerned (nothing: in any case)."""

    causes: dict[Key, frozenset[Cause]] = field(default_factory=dict)
    roots: dict[Key, set[Key]] = field(default_factory=dict)

    def add(self, link: Key, cause: Cause, changed: Changed) -> None:
        known = self.causes.get(link, frozenset({cause}))
        self.causes[link] = known | {cause} if known and changed.first else frozenset()
        self.roots.setdefault(link, set()).update(changed.roots)


def register(engine: Engine, pairs: Iterable[tuple[str, str]], patience: Patience) -> None:
    """Pairs of a looked-up row's group and the group of links that depend on it. Raises Unavailable."""
    keys = {pair: dependent_key(*pair) for pair in sorted(set(pairs))}
    if not keys:
        return
    found = deliver.read(engine, INDEX, keys.values(), patience)
    known = {(item[GROUP]["S"], item[NAME]["S"]) for item in found}
    new = [key for key in keys.values() if (key[GROUP]["S"], key[NAME]["S"]) not in known]
    writes = [Guarded(INDEX, key, {"noted": {"N": "1"}}) for key in new]
    if Outcome.AGAIN in deliver.guard(engine, writes, patience):
        raise Unavailable("expected to register what depends on a looked-up row, but time ran out: try again")


def find(engine: Engine, changed: Iterable[Changed], patience: Patience) -> Iterator[Dependents]:
    """The links that depend on these looked-up rows, those of some groups at a time."""
    for some in deliver.chunks(_groups(engine, changed, patience), GROUPS):
        found = Dependents()
        rosters, _none = index.look(engine, {group for group, _, _ in some}, (), patience)
        for group, cause, each in some:
            for id in rosters[group].live if each.first else rosters[group].seats:
                for source in _link_sources(engine):
                    found.add(Key(group, source, id), cause, each)
        yield found


def _groups(engine: Engine, changed: Iterable[Changed], patience: Patience) -> Iterator[tuple[str, Cause, Changed]]:
    for each in changed:
        seated = engine.model.every[each.key.source].is_seated
        cause: Cause = each.key.group if seated else each.key
        if not seated:
            yield each.key.group, cause, each
        for group in registered(engine, each.key.group, patience):
            yield group, cause, each


def registered(engine: Engine, group: str, patience: Patience) -> Iterator[str]:
    return map(dependent_of, index.items(engine, group, patience, prefix=DEPENDENT))


def _link_sources(engine: Engine) -> list[str]:
    return [name for name, source in engine.model.sources.items() if source.is_link]
