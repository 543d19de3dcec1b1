"""`check(MODEL)`: the laws of a model, tried on rows that are generated from its kinds.

A law that holds on generated rows is not proved; one that is broken there is broken. The engine's guarantees need all of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import time_machine

from remodel.errors import RejectedRow
from remodel.items import Item, to_item, to_python
from remodel.joins import Bound
from remodel.keys import Key
from remodel.kinds import Kind
from remodel.mapping import Parsed, Snapshot, check_limits, expected, fields_of, parse
from remodel.model import Model, Rule
from remodel.newkeys import member_origins, origins, possible_keys
from remodel_testing.broken import (
    EveryRowRefused,
    IndexKeyOfAnotherType,
    KeyNotInvertible,
    KindsOverlap,
    LawBroken,
    LimitPassed,
    MappingNotPure,
    MappingNotTotal,
    MembersIncomplete,
    NewKeyImpossible,
    OriginLost,
    SeesNotSufficient,
    ValueNotStorable,
)
from remodel_testing.rows import Rows
from remodel_testing.snapshots import OldRows

MOMENTS = ("2026-01-01T00:00:00Z", "2031-07-02T13:14:15Z")
"""Two calls of a mapping are made at these."""


class Case(NamedTuple):
    """An accepted row, and everything in whose company it is."""

    model: Model
    key: Key
    item: Item
    parsed: Parsed
    old: OldRows


def check(model: Model, rows: int = 150, seed: object = 1) -> None:
    """Raises an ExceptionGroup with one LawBroken for each law and place, or NoRow for a kind that accepts no generated row."""
    for stage in (_overlapping, _broken, _refusing):
        found: dict[tuple[type[LawBroken], str], LawBroken] = {}
        for problem in stage(model, Rows(model, seed), rows):
            found.setdefault((type(problem), problem.place), problem)
        if found:
            raise ExceptionGroup(f"model {model.name} breaks {len(found)} of the laws", list(found.values()))


def _overlapping(model: Model, rows: Rows, count: int) -> Iterator[LawBroken]:
    for kind in model.plans:
        for _ in range(20):
            fields = rows.fields(kind)
            try:
                model.kind_of(kind.key_of(fields))
            except RejectedRow as problem:
                yield KindsOverlap(_kind(kind), str(problem), fields)
            except ValueError as problem:
                yield KeyNotInvertible(_kind(kind), str(problem), fields)


def _broken(model: Model, rows: Rows, count: int) -> Iterator[LawBroken]:
    world = _world(model, rows, count)
    with time_machine.travel(MOMENTS[0], tick=False):
        old = OldRows(model, world)
    for name, items in world.items():
        for item in items:
            key = Key(name, model.old_tables[name].schema.encode(item))
            kind = old.parsed[key].kind
            if kind is not None:
                yield from _of_row(old, kind, key, item)


def _refusing(model: Model, rows: Rows, count: int) -> Iterator[LawBroken]:
    """Kinds whose plain rows all go to quarantine, though they are accepted."""
    for kind in model.plans:
        items = [rows.row(kind) for _ in range(3)]
        keys = [Key(kind.table.name, kind.table.schema.encode(item)) for item in items]
        reasons = [parse(model, key, item).reason for key, item in zip(keys, items, strict=True)]
        if reasons[0] is not None and all(reasons):
            yield EveryRowRefused(_kind(kind), reasons[0], _plain(items[0]))


def _world(model: Model, rows: Rows, count: int) -> dict[str, list[Item]]:
    """Some rows of every kind, however few its keys are, and more of everything."""
    world = rows.tables(count)
    made = {Key(name, model.old_tables[name].schema.encode(item)) for name in world for item in world[name]}
    for kind in model.plans:
        if not any(_is_of(model, key, kind) for key in made):
            world[kind.table.name].append(rows.row(kind))
    return world


def _is_of(model: Model, key: Key, kind: type[Kind]) -> bool:
    try:
        return model.kind_of(key) is kind
    except RejectedRow:
        return False


def _of_row(old: OldRows, kind: type[Kind], key: Key, item: Item) -> Iterator[LawBroken]:
    try:
        row, later = (_at(moment, kind.read, key, item) for moment in MOMENTS)
    except RejectedRow:
        return
    except Exception as problem:
        yield MappingNotTotal(_kind(kind), f"it raised {problem!r}", _plain(item))
        return
    if row != later:
        yield MappingNotPure(_kind(kind), "the second look is another row", _plain(item))
        return
    fields = {name: getattr(row, name) for name in kind.key_fields}
    if fields != fields_of(kind, key):
        yield KeyNotInvertible(_kind(kind), f"key fields {dict(fields_of(kind, key))} became {fields}", _plain(item))
        return
    case = Case(old.model, key, item, Parsed(kind, row), old)
    broken = [each for rule in old.model.plans[kind].mappings for each in _of_mapping(case, rule)]
    yield from broken
    if not broken and old.parsed[key].row is not None:
        yield from _of_keys(case)


# Mappings


def _of_mapping(case: Case, rule: Rule) -> Iterator[LawBroken]:
    """The row alone, and with everything that it is joined with."""
    if rule.each is None:
        nobody: dict[str, Any] = {join.label: [] if join.mode == "all" else None for join in rule.joins}
        try:
            yield from _of_call(case, rule, nobody, nobody, alone=True)
        except RejectedRow:
            return
    try:
        for seen, whole in _companies(case, rule):
            yield from _of_call(case, rule, seen, whole, alone=False)
    except LawBroken as problem:
        yield problem


def _companies(case: Case, rule: Rule) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What the mapping is called with: as its joins see the other rows, and with these rows as they are. Raises LawBroken."""
    seen: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for join in rule.joins:
        mine, theirs = _joined(case, rule, join, seen)
        if join.mode == "each":
            for one, other in zip(mine, theirs, strict=True):
                yield {**seen, join.label: one}, {**whole, join.label: other}
            return
        seen[join.label] = mine if join.mode == "all" else mine[0] if mine else None
        whole[join.label] = theirs if join.mode == "all" else theirs[0] if theirs else None
    yield seen, whole


def _joined(case: Case, rule: Rule, join: Bound, before: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The rows that the join allows: as it sees them, and whole. Raises LawBroken."""
    row = case.parsed.row
    value = _asked(case, rule, join.value, row, before if join.depends else {})
    try:
        group = join.group(value)
    except ValueError as problem:
        raise MappingNotTotal(_rule(rule), f"join {join.label!r}: {problem}", _plain(case.item)) from None
    others = [(join.seen(other), other) for _, other in case.old.others(join, group)]
    if (agreement := join.join.agreement) is not None:
        holds = _asked(case, rule, agreement.holds, [seen for seen, _ in others])
        if _asked(case, rule, agreement.needed, row):
            return ([seen for seen, _ in others], [whole for _, whole in others]) if holds else ([], [])
    only_if = join.join.only_if
    allowed = [each for each in others if only_if is None or _asked(case, rule, only_if, row, each[0])]
    return [seen for seen, _ in allowed], [whole for _, whole in allowed]


def _asked(case: Case, rule: Rule, function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except Exception as problem:
        raise _raised(case, rule, problem) from problem


def _of_call(
    case: Case, rule: Rule, seen: Mapping[str, Any], whole: Mapping[str, Any], alone: bool
) -> Iterator[LawBroken]:
    """Raises RejectedRow where the mapping, or a limit, refuses the row alone, as it may."""
    example = {"row": _plain(case.item), **{label: str(other)[:300] for label, other in seen.items()}}
    try:
        one, other = (_at(moment, rule.function, case.parsed.row, **seen) for moment in MOMENTS)
        more = rule.function(case.parsed.row, **whole)
    except RejectedRow as problem:
        if alone:
            raise
        yield MappingNotTotal(_rule(rule), f"it refused a row because of others: {problem}", example)
        return
    except Exception as problem:
        yield _raised(case, rule, problem)
        return
    if one != other:
        yield MappingNotPure(_rule(rule), f"one call gave {_differing(one, other)}", example)
    elif one != more:
        yield SeesNotSufficient(_rule(rule), f"with whole rows it gave {_differing(more, one)}", example)
    elif one is not None:
        yield from _of_values(case, rule, one, example, alone)


def _of_values(case: Case, rule: Rule, values: Any, example: object, alone: bool) -> Iterator[LawBroken]:
    try:
        item = to_item(values)
    except Exception as problem:
        yield ValueNotStorable(_rule(rule), str(problem), example)
        return
    for name, type_, _, what in rule.table.limits:
        if name in item and type_ not in item[name]:
            found = f"{name} of type {next(iter(item[name]))} for {what} of type {type_}"
            yield IndexKeyOfAnotherType(_rule(rule), found, example)
            return
    try:
        check_limits(rule.table, item)
    except RejectedRow as problem:
        if alone:
            raise
        if case.old.parsed[case.key].row is not None:
            yield LimitPassed(_rule(rule), str(problem), example)


def _raised(case: Case, rule: Rule, problem: Exception) -> LawBroken:
    is_hidden = isinstance(problem, AttributeError) and type(problem.obj).__name__.endswith("Seen")
    kind = SeesNotSufficient if is_hidden else MappingNotTotal
    return kind(_rule(rule), f"it raised {problem!r}", _plain(case.item))


# Keys


def _of_keys(case: Case) -> Iterator[LawBroken]:
    """The keys of the new rows, and the ways back from them."""
    assert case.parsed.kind is not None
    found = case.old.snapshot(case.key)
    for rule in case.model.plans[case.parsed.kind].mappings:
        if rule.keys is not None:
            broken: list[LawBroken] = []
            try:
                broken += _of_members(case, rule, found)
            except Exception as problem:
                broken.append(MembersIncomplete(_rule(rule), f"one of them raised {problem!r}", _plain(case.item)))
            yield from broken
            if broken:
                return
    result = expected(case.model, case.key, found)
    if result.reason is not None:
        return
    possible = possible_keys(case.model, case.key, found, found.groups)
    for key, new in result.rows.items():
        if key not in possible:
            yield NewKeyImpossible(_kind(case.parsed.kind), f"{key} is none of {sorted(possible)}", _plain(case.item))
        elif case.key not in origins(case.model, key, new) and not _is_own(case, found, key, new):
            yield OriginLost(_kind(case.parsed.kind), f"{key} leads to {_led(case, key, new)}", _plain(case.item))


def _led(case: Case, key: Key, new: Item) -> object:
    return sorted(origins(case.model, key, new)) or "no row"


def _is_own(case: Case, found: Snapshot, key: Key, new: Item) -> bool:
    return any(
        rule.kind is case.parsed.kind and rule.each is not None and member in found.members.get(rule.each, ())
        for rule, member in member_origins(case.model, key, new)
    )


def _of_members(case: Case, rule: Rule, found: Snapshot) -> Iterator[LawBroken]:
    """The escape hatch in place of key forms: its functions must agree with each other."""
    assert rule.keys is not None and rule.each is not None
    place, row, keys = _rule(rule), case.parsed.row, rule.keys
    seen = dict(found.joined[rule.each].rows)
    own = fields_of(rule.kind, case.key)
    texts = {keys.shared(own): case.key} | {keys.own(own, fields_of(rule.each.kind, member)): member for member in seen}
    if len(texts) <= len(seen):
        yield MembersIncomplete(place, "two of them have one key", [_plain(case.item), *map(str, seen)])
    for text, member in texts.items():
        if member in seen and not keys.may_be_own(text):
            yield MembersIncomplete(place, f"`may_be_own` refuses {text!r}, which `own` gave", _plain(case.item))
    shuffled = random.Random(str(case.key)).sample(list(seen.values()), len(seen))
    for members in (list(seen.values()), shuffled):
        if members and (leader := keys.leader(row, members)) not in members:
            yield MembersIncomplete(place, f"`leader` answered {leader}", _plain(case.item))
    for member, one in seen.items():
        values = rule.function(row, **{rule.each.label: one}) if len(rule.joins) == 1 else None
        read = keys.member_of(to_item(values)) if values is not None else fields_of(rule.each.kind, member)
        if read != fields_of(rule.each.kind, member):
            yield MembersIncomplete(place, f"`member_of` reads {read} from a new row of {member}", _plain(case.item))


# What is told


def _at(moment: str, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    with time_machine.travel(moment, tick=False):
        return function(*args, **named)


def _differing(one: Any, other: Any) -> str:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return f"{one!r}, the other {other!r}"
    names: Sequence[str] = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return "; ".join(f"{name}={one.get(name)!r}, the other {other.get(name)!r}" for name in names)


def _plain(item: Item) -> dict[str, Any]:
    return {name: to_python(value) for name, value in item.items()}


def _kind(kind: type[Kind]) -> str:
    return f"kind {kind.__name__}"


def _rule(rule: Rule) -> str:
    return f"mapping {rule.place}"
