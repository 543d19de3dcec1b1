"""The other way round: which new keys an old row could have, and from which old rows a new key may come.

Both follow from the key forms, which read both ways, and from the model's own inverse where it has one. Pure, like `mapping`.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from remodel.errors import RejectedRow
from remodel.items import Item
from remodel.joins import Group
from remodel.keys import Key
from remodel.kinds import Kind, typed
from remodel.mapping import Snapshot, fields_of, is_narrow, member_fields
from remodel.model import Model, Rule
from remodel.store import QUARANTINE, QUARANTINE_KEY


def possible_keys(model: Model, key: Key, snapshot: Snapshot, groups: Iterable[Group]) -> set[Key]:
    """Every key that a new row of this old row could have under the members of its groups, whichever of them leads; without the
    key in quarantine."""
    kind = snapshot.parsed.kind
    found: set[Key] = set()
    if kind is None or not _has_fields(kind, key):
        return found
    for rule in model.plans[kind].mappings:
        members = snapshot.members.get(rule.each, frozenset()) if rule.each is not None else frozenset()
        texts: Iterable[str] = _written(rule, key, members, groups) if rule.keys is None else ()
        if rule.keys is not None:
            # Members stay in the index, so one that is alone has always led.
            texts = [rule.keys.shared(fields_of(kind, key)), *(_own(rule, key, members) if len(members) > 1 else ())]
        found.update(Key(rule.table.name, text) for text in texts)
    return found


def _has_fields(kind: type[Kind], key: Key) -> bool:
    """A row whose key has not the types of its fields never had a new row."""
    try:
        fields_of(kind, key)
    except RejectedRow:
        return False
    return True


def narrow_keys(model: Model, key: Key, snapshot: Snapshot, only: frozenset[Key]) -> tuple[set[Key], set[Key]] | None:
    """The own keys of these members, and the shared keys of the row; None where the row must be looked at completely."""
    kind, row = snapshot.parsed.kind, snapshot.parsed.row
    if kind is None or row is None:
        return None
    own: set[Key] = set()
    shared: set[Key] = set()
    for rule in model.plans[kind].mappings:
        mine = only & snapshot.members.get(rule.each, frozenset()) if rule.each is not None else frozenset()
        try:
            if not mine or not is_narrow(rule, row):
                return None
        except RejectedRow:
            return None
        texts = _own(rule, key, mine) if rule.keys else _written(rule, key, mine, ())
        own.update(Key(rule.table.name, text) for text in texts)
        if rule.keys is not None:
            shared.add(Key(rule.table.name, rule.keys.shared(fields_of(kind, key))))
    return own, shared


def _own(rule: Rule, key: Key, members: Iterable[Key]) -> Iterator[str]:
    """The keys that members have for themselves, where a function of the model gives them."""
    assert rule.keys is not None and rule.each is not None
    row = fields_of(rule.kind, key)
    for member in members:
        yield rule.keys.own(row, fields_of(rule.each.kind, member))


def _written(rule: Rule, key: Key, members: Iterable[Key], groups: Iterable[Group]) -> Iterator[str]:
    """The keys that key forms give."""
    own = fields_of(rule.kind, key)
    keyed = (
        [_keyed_fields(rule, group) for group in groups if group.name == rule.keyed_group] if rule.keyed_by else [{}]
    )
    paired_with = [member_fields(rule, member) for member in (members if rule.each else (None,))]
    for values, member in itertools.product(keyed, paired_with):
        try:
            yield rule.forms.write({**own, **values, **member})
        except ValueError:
            continue  # no row was ever written under a key that cannot be


def _keyed_fields(rule: Rule, group: Group) -> dict[str, Any]:
    values = [base64.b64decode(each[1:]) if each[0] == "b" else each[1:] for each in json.loads(group.value[1:])]
    return typed(rule.kind, dict(zip(rule.keyed_by, values, strict=True)))


def is_contested(model: Model, row: Key, new: Key) -> bool:
    """Whether the shared key of an old row has the form of an own key: some other row's own key may be the same."""
    return any(
        rule.keys is not None
        and (rule.kind.table.name, rule.table.name) == (row.table, new.table)
        and rule.keys.may_be_own(new.text)
        and _has_fields(rule.kind, row)
        and new.text == rule.keys.shared(fields_of(rule.kind, row))
        for rule in model.mappings
    )


def origins(model: Model, key: Key, item: Item | None) -> set[Key]:
    """The old rows that a new row with this key may come from, as far as the key tells; `member_origins` has the rest."""
    if key.table == QUARANTINE:
        stored = (item or {}).get("row_id") or QUARANTINE_KEY.decode(key.text)["row"]
        return {Key(QUARANTINE_KEY.decode(key.text)["source"]["S"], stored["S"])}
    found = set()
    for rule in model.mappings:
        if rule.table.name == key.table and (fields := _origin_fields(rule, key)) is not None:
            try:
                found.add(rule.kind.key_of(fields))
            except ValueError:
                continue
    return found


def _origin_fields(rule: Rule, key: Key) -> Mapping[str, Any] | None:
    if rule.keys is not None:
        return rule.keys.shared_origin(key.text)
    found = rule.forms.read(rule.table.schema.decode(key.text))
    try:
        return found and typed(rule.kind, {name: found[name] for name in rule.kind.key_fields})
    except RejectedRow:
        return None


def member_origins(model: Model, key: Key, item: Item) -> list[tuple[Rule, Key]]:
    """For a new row whose key may be a member's own: the rule, and the member in whose group the old row is to be found."""
    found = []
    for rule in model.mappings:
        if rule.table.name == key.table and rule.keys is not None and rule.keys.may_be_own(key.text):
            fields = rule.keys.member_of(item)
            try:
                if fields is not None and rule.each is not None:
                    found.append((rule, rule.each.kind.key_of(fields)))
            except ValueError:
                continue
    return found
