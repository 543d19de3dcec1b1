"""What the new tables should contain for one old row: pure functions of the row and the rows that it is joined with.

Stream, backfill, fan-out, comparison, repair and replay use these functions and no others. A row that is rejected has no new
rows; it has one row in quarantine, which is one more table that the mapping writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from remodel.errors import RejectedRow
from remodel.items import ITEM_LIMIT, Item, size, to_item
from remodel.joins import Bound, Group
from remodel.keys import RANGE_LIMIT, Key
from remodel.kinds import Kind, New
from remodel.model import Model, Rule, Seen
from remodel.store import QUARANTINE, QUARANTINE_KEY

LONGEST_VALUE = 32_768
"""Bytes of a join value. A longer one is rejected: the index keeps it in one item."""

LONGEST_REASON = 1_000
"""Characters of a reason in quarantine."""

NOT_SEEN: Seen = MappingProxyType({})

SINCE = "since"
"""When a row was first rejected: history, and therefore not compared."""


class Parsed(NamedTuple):
    """An item of an old table: `kind` is None where no kind fits; `row` where it was rejected, ignored, or is absent. `groups`:
    that the row is to be a member of, as far as it shows them alone."""

    kind: type[Kind] | None
    row: Any = None
    reason: str | None = None
    groups: frozenset[Group] = frozenset()


class Image(NamedTuple):
    """An item of an old table, as it was read or as a record shows it, and what it was parsed as."""

    item: Item | None
    parsed: Parsed


class Candidates(NamedTuple):
    """The rows of the other kind with the join value of a row, in order of their keys; `group` is None without a value."""

    group: Group | None
    rows: tuple[tuple[Key, Any], ...]


class Snapshot(NamedTuple):
    """Everything that the new rows of one old row are computed from.

    `joined`: by join of the kind. `members`: the keys of all members, with a row or without, of every group that the row
    is or was in, by join. `groups`: of the row as it is now. Two equal snapshots give the same new rows.
    """

    item: Item | None
    parsed: Parsed
    joined: Mapping[Bound, Candidates] = MappingProxyType({})
    members: Mapping[Bound, frozenset[Key]] = MappingProxyType({})
    groups: frozenset[Group] = frozenset()


@dataclass
class Expected:
    """`rows`: new rows, and the row of quarantine. `unlinked`: accepted, but an `each` join has no member. `apart`: pairs
    that `only_if` or an agreement forbids. `ambiguous`: joins with several candidates where one is wanted. `left_out`: the
    mapping answered None on purpose."""

    rows: dict[Key, Item] = field(default_factory=dict)
    reason: str | None = None
    unlinked: int = 0
    apart: tuple[Key, ...] = ()
    ambiguous: int = 0
    left_out: int = 0


def parse(model: Model, key: Key, item: Item | None) -> Parsed:
    """Never raises for what a row contains."""
    kind = None
    try:
        kind = model.kind_of(key)
        if kind is None or item is None:
            return Parsed(kind)
        row = kind.read(key, item)
        return Parsed(kind, row, None, _checked_groups(model, key, row))
    except RejectedRow as problem:
        return Parsed(kind, None, str(problem)[:LONGEST_REASON] if item is not None else None)
    except Exception as problem:
        return Parsed(kind, None, f"{kind.__name__ if kind else 'a kind'} raised {type(problem).__name__}")


def seen(model: Model, parsed: Parsed) -> Seen:
    """What other rows see of a row; nothing of one that is rejected or absent."""
    if parsed.row is None or parsed.kind is None:
        return NOT_SEEN
    return model.plans[parsed.kind].seen_by_others(parsed.row)


def _checked_groups(model: Model, key: Key, row: Kind) -> frozenset[Group]:
    """What is rejected by the row alone joins nothing: so new rows that need no other row are tried here as well."""
    plan = model.plans[type(row)]
    try:
        groups = plan.member_groups(row)
    except ValueError as problem:
        raise RejectedRow(str(problem)) from None
    if any(len(group.value) * 4 > LONGEST_VALUE and len(group.value.encode()) > LONGEST_VALUE for group in groups):
        raise RejectedRow(f"expected a join value of at most {LONGEST_VALUE} bytes, found a longer one")
    for rule in plan.mappings:
        if rule.each is None:
            _new_row(rule, key, row, {join.label: [] if join.mode == "all" else None for join in rule.joins})
    return groups


def expected(model: Model, key: Key, snapshot: Snapshot, only: frozenset[Key] | None = None) -> Expected:
    """What the new tables should contain for the row. `only`: of an `each` join, compute these members and the leader."""
    result = Expected(reason=snapshot.parsed.reason)
    kind, row = snapshot.parsed.kind, snapshot.parsed.row
    if row is not None and kind is not None:
        try:
            for rule in model.plans[kind].mappings:
                _apply(rule, key, snapshot, only, result)
        except RejectedRow as problem:
            result = Expected(reason=str(problem)[:LONGEST_REASON])
    if result.reason is not None and (kind is None or model.is_migrated(kind)):
        result.rows = {quarantine_key(key): quarantine_row(key, result.reason)}
    return result


def _apply(rule: Rule, key: Key, snapshot: Snapshot, only: frozenset[Key] | None, result: Expected) -> None:
    row, joined = snapshot.parsed.row, dict[str, Any]()
    pairs: Sequence[tuple[Key, Any]] = ()
    for join in rule.joins:
        pairs = paired(join, row, snapshot.joined[join])
        joined[join.label] = _picked(join, pairs)
        result.ambiguous += join.mode == "one" and len(pairs) > 1
    if rule.each is None:
        made = _new_row(rule, key, row, joined)
        result.left_out += not made
        result.rows.update(made)
        return
    every = snapshot.joined[rule.each].rows
    if len(pairs) < len(every):
        result.apart += tuple(sorted({member for member, _ in every} - {member for member, _ in pairs}))
    result.unlinked += not every
    leader = _leader(rule, row, pairs)
    for member, seen in pairs:
        if only is None or member in only or member == leader:
            made = _new_row(rule, key, row, joined | {rule.each.label: seen}, Pairing(member, member == leader))
            result.left_out += not made
            result.rows.update(made)


def pick(join: Bound, row: Any, candidates: Candidates) -> Any:
    """What the mapping gets for a join: one row or None, or a list. Raises RejectedRow where `only_if` raises."""
    return _picked(join, paired(join, row, candidates))


def _picked(join: Bound, pairs: Sequence[tuple[Key, Any]]) -> Any:
    return [seen for _, seen in pairs] if join.mode == "all" else pairs[0][1] if pairs else None


def paired(join: Bound, row: Any, candidates: Candidates) -> Sequence[tuple[Key, Any]]:
    """The rows of the other kind that the row pairs with."""
    agreement, only_if = join.join.agreement, join.join.only_if
    if agreement is not None and _ask(agreement.needed, row):
        return candidates.rows if _ask(agreement.holds, [seen for _, seen in candidates.rows]) else ()
    if only_if is None:
        return candidates.rows
    return [(other, seen) for other, seen in candidates.rows if _ask(only_if, row, seen)]


def is_narrow(rule: Rule, row: Any) -> bool:
    """Whether a change of one member touches only that member's own key and the shared keys of the row."""
    agreement = rule.each.join.agreement if rule.each is not None else None
    return rule.each is not None and not rule.keyed_by and not (agreement and _ask(agreement.needed, row))


def _leader(rule: Rule, row: Any, pairs: Sequence[tuple[Key, Any]]) -> Key | None:
    if rule.keys is None or not pairs:
        return None
    if len(pairs) == 1:
        return pairs[0][0]
    leader = _ask(rule.keys.leader, row, [seen for _, seen in pairs])
    for member, seen in pairs:
        if seen == leader:
            return member
    raise RejectedRow("expected `leader` to answer one of the members, found another")


class Pairing(NamedTuple):
    """The member that a new row is for, and whether it leads."""

    member: Key
    leads: bool


def _new_row(
    rule: Rule, key: Key, row: Any, joined: Mapping[str, Any], pairing: Pairing | None = None
) -> dict[Key, Item]:
    """Nothing where the mapping answers None. Raises RejectedRow."""
    values = _ask(rule.function, row, **joined)
    if values is None:
        return {}
    try:
        text = _key_text(rule, key, row, pairing)
        item = {**to_item(values), **rule.table.schema.decode(text)}
        check_limits(rule.table, item)
    except ValueError as problem:
        raise RejectedRow(str(problem)) from None
    except Exception as problem:
        name = rule.function.__name__
        raise RejectedRow(f"expected {name} to answer attributes by name, found a {type(values).__name__}") from problem
    return {Key(rule.table.name, text): item}


def _key_text(rule: Rule, key: Key, row: Any, pairing: Pairing | None) -> str:
    if rule.keys is not None:
        assert rule.each is not None and pairing is not None
        own = fields_of(rule.kind, key)
        return rule.keys.shared(own) if pairing.leads else rule.keys.own(own, fields_of(rule.each.kind, pairing.member))
    fields = {name: getattr(row, name) for name in rule.forms.fields if "." not in name}
    return rule.forms.write(fields | member_fields(rule, pairing and pairing.member))


def member_fields(rule: Rule, member: Key | None) -> dict[str, Any]:
    if rule.each is None or member is None:
        return {}
    return {f"{rule.each.label}.{name}": value for name, value in fields_of(rule.each.kind, member).items()}


@lru_cache(maxsize=4_096)
def fields_of(kind: type[Kind], key: Key) -> Mapping[str, Any]:
    """The fields in a key; many rows share a member, so they are kept. Raises RejectedRow."""
    return kind.fields_of(key)


def _ask(function: Any, *args: Any, **named: Any) -> Any:
    """A function of the model. Whatever it raises, the row is rejected: its shard goes on."""
    try:
        return function(*args, **named)
    except RejectedRow:
        raise
    except Exception as problem:
        name = getattr(function, "__name__", "mapping")
        raise RejectedRow(f"expected {name} to answer, found that it raised {type(problem).__name__}") from problem


def check_limits(table: New, item: Item) -> None:
    """Raises RejectedRow for a new row that DynamoDB would refuse."""
    for name, kind, limit, what in table.limits:
        if name not in item:
            continue
        inner = item[name].get(kind)
        if inner is None:
            raise RejectedRow(
                f"{name}: expected type {kind} for {what} of {table.name}, found {next(iter(item[name]))}"
            )
        length = len(inner) if kind != "S" else len(inner.encode())
        if kind != "N" and not 0 < length <= limit:
            raise RejectedRow(f"{name}: expected 1 to {limit} bytes for {what}, found {length}")
    if (found := size(item)) > ITEM_LIMIT:
        raise RejectedRow(f"expected a new row of {table.name} of at most {ITEM_LIMIT} bytes, found {found}")


def short_text(text: str, limit: int = RANGE_LIMIT) -> str:
    """The text, or its hash where it does not fit into a key of `limit` bytes; no two texts share one."""
    if len(text.encode()) <= limit and not text.startswith("#"):
        return text
    return f"#{hashlib.sha256(text.encode()).hexdigest()}"


def quarantine_key(key: Key) -> Key:
    return Key(QUARANTINE, QUARANTINE_KEY.of_texts(key.table, short_text(key.text)))


def quarantined(item: Item) -> Key:
    """The old row that a row of quarantine is about."""
    return Key(item["source"]["S"], item["row_id"]["S"])


def quarantine_row(key: Key, reason: str) -> Item:
    """Key and reason. The row's content stays in its old table."""
    return {
        "source": {"S": key.table},
        "row": {"S": short_text(key.text)},
        "row_id": {"S": key.text},
        "reason": {"S": reason[:LONGEST_REASON]},
    }
