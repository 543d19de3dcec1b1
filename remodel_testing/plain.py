"""What the new tables must hold, computed from the old tables alone: the declared mappings, applied to all rows in memory.

An oracle for any model. It reads a model's declarations (kinds, joins, key forms, functions) and shares no code with the
engine's mapping, index, or reads: each join is a search through all rows.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from remodel.errors import RejectedRow
from remodel.items import ITEM_LIMIT, Item, size, to_item, to_python
from remodel.joins import Bound
from remodel.kinds import Kind, New, Old
from remodel.model import Model, Rule

Rows = dict[str, Any]
"""Accepted rows of a kind by the text of their key."""


@dataclass
class Expected:
    """`rows`: by new table and key text, the rows that are right there; several, where several old rows claim the key.
    `reasons`: by old table and key text, why a row is in quarantine."""

    rows: dict[str, dict[str, list[Item]]]
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def quarantine(self) -> set[tuple[str, str]]:
        return set(self.reasons)


def example(model: Model, /, **old: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows in, rows out, as plain Python values: `example(MODEL, shop=[{"PK": "CUST#1", ...}])`. New tables without a row are
    left out; `quarantine` has the reason for each rejected row."""
    names = {name.replace("-", "_"): name for name in model.old_tables}
    found = expected(model, {names[table]: [to_item(row) for row in rows] for table, rows in old.items()})
    result = {
        table: [{name: to_python(value) for name, value in row.items()} for text in sorted(rows) for row in rows[text]]
        for table, rows in found.rows.items()
        if rows
    }
    return result | ({"quarantine": [{"reason": each} for each in found.reasons.values()]} if found.reasons else {})


def expected(model: Model, old: Mapping[str, Sequence[Item]]) -> Expected:
    result = Expected({name: {} for name in model.new_tables})
    accepted: dict[type[Kind], Rows] = {kind: {} for kind in model.plans}
    for name, items in old.items():
        for item in items:
            _sort(model, model.old_tables[name], item, accepted, result)
    made = []
    for rule in model.mappings:
        for text, row in accepted[rule.kind].items():
            origin = (rule.kind.table.name, text)
            try:
                made += [(origin, rule, key, item) for key, item in _new_rows(rule, row, accepted)]
            except RejectedRow as problem:
                result.reasons[origin] = str(problem)
    for origin, rule, key, item in made:
        if origin not in result.reasons:
            result.rows[rule.table.name].setdefault(key, []).append(item)
    return result


def _sort(model: Model, table: Old, item: Item, accepted: dict[type[Kind], Rows], result: Expected) -> None:
    """Puts the item where it belongs: accepted rows, quarantine, or neither."""
    text = table.schema.encode(item)
    kinds = [kind for kind in table.kinds if _fits(kind.forms, item)]
    if len(kinds) != 1:
        if not any(old is table and _fits(forms, item) for old, forms in model.ignored):
            result.reasons[table.name, text] = f"{len(kinds)} kinds fit"
        return
    rules = [rule for rule in model.mappings if rule.kind is kinds[0]]
    try:
        row = kinds[0].read(_Key(table.name, text), item)  # type: ignore[arg-type]
        for rule in rules:
            if not any(join.mode == "each" for join in rule.joins):
                nobody: dict[str, Any] = {join.label: [] if join.mode == "all" else None for join in rule.joins}
                _new_row(rule, row, _ask(rule.function, row, **nobody), {})
        accepted[kinds[0]][text] = row
    except RejectedRow as problem:
        if rules:
            result.reasons[table.name, text] = str(problem)


_Key = namedtuple("_Key", ["table", "text"])


def _fits(forms: Mapping[str, Any], item: Item) -> bool:
    return all("S" not in item[name] or form.read(item[name]["S"]) is not None for name, form in forms.items())


_SORTS = (str, bytes, (int, Decimal))
_SCALARS = (str, bytes, int, Decimal)


def _new_rows(rule: Rule, row: Any, accepted: Mapping[type[Kind], Rows]) -> list[tuple[str, Item]]:
    joined: dict[str, Any] = {}
    for join in rule.joins:
        others = _others(join, row, joined, accepted[join.kind])
        if join.mode == "each":
            return _each(rule, join, row, others, joined)
        allowed = [other for other in others if join.join.only_if is None or _ask(join.join.only_if, row, other)]
        joined[join.label] = allowed if join.mode == "all" else allowed[0] if allowed else None
    return _new_row(rule, row, _ask(rule.function, row, **joined), {})


def _others(join: Bound, row: Any, joined: Mapping[str, Any], rows: Rows) -> list[Any]:
    """What the mapping may see of the rows with the join value, in the order of their keys."""
    if callable(join.mine):
        mine = _ask(join.mine, row, **joined)
    else:
        mine = tuple(getattr(row, name) for name in join.mine)
        mine = mine if len(mine) > 1 else mine[0]
    if mine is None or mine == "" or (isinstance(mine, tuple) and None in mine):
        return []
    parts = mine if isinstance(mine, tuple) else (mine,)
    if not all(isinstance(each, _SCALARS) and not isinstance(each, bool) for each in parts):
        raise RejectedRow(f"join {join.label!r} has a value that is no key")
    names = (join.theirs,) if join.theirs else join.kind.key_fields
    fields = tuple(dict.fromkeys((*join.kind.key_fields, *names, *join.join.sees)))
    seen = namedtuple("seen", fields)  # type: ignore[misc]
    found = [text for text, other in rows.items() if _agree(mine, [getattr(other, name) for name in names])]
    return [seen(*(getattr(rows[text], name) for name in fields)) for text in sorted(found)]


def _agree(mine: Any, theirs: Sequence[Any]) -> bool:
    """Text agrees with text, numbers with numbers, and bytes with bytes."""
    values = mine if isinstance(mine, tuple) else (mine,)
    return len(values) == len(theirs) and all(
        one == other and any(isinstance(one, sort) and isinstance(other, sort) for sort in _SORTS)
        for one, other in zip(values, theirs, strict=True)
    )


def _each(
    rule: Rule, join: Bound, row: Any, others: Sequence[Any], joined: Mapping[str, Any]
) -> list[tuple[str, Item]]:
    agreement = join.join.agreement
    if agreement is not None and _ask(agreement.needed, row):
        pairs = list(others) if _ask(agreement.holds, others) else []
    else:
        pairs = [other for other in others if join.join.only_if is None or _ask(join.join.only_if, row, other)]
    leader = (
        _ask(rule.keys.leader, row, pairs) if rule.keys is not None and len(pairs) > 1 else pairs[0] if pairs else None
    )
    made = []
    for other in pairs:
        values = _ask(rule.function, row, **joined, **{join.label: other})
        member = {name: getattr(other, name) for name in join.kind.key_fields}
        if rule.keys is not None:
            own = {name: getattr(row, name) for name in rule.kind.key_fields}
            text = rule.keys.shared(own) if other == leader else rule.keys.own(own, member)
            made += [(text, _checked(rule.table, values, rule.table.schema.decode(text)))] if values is not None else []
        else:
            made += _new_row(rule, row, values, {f"{join.label}.{name}": value for name, value in member.items()})
    return made


def _new_row(rule: Rule, row: Any, values: Any, member: Mapping[str, Any]) -> list[tuple[str, Item]]:
    if values is None:
        return []
    key = {}
    for name, type_ in rule.table.schema.attributes:
        form = rule.forms[name]
        parts = {each: member[each] if each in member else getattr(row, each) for each in form.fields}
        text = re.sub(r"\{([^{}]+)\}", lambda found: str(parts[found[1]]), form.text)  # noqa: B023
        whole = parts[form.fields[0]] if len(parts) == 1 else None
        if type_ == "S" and form.read(text) != {each: str(value) for each, value in parts.items()}:
            raise RejectedRow(f"{text!r} is no text of the key form {form.text!r}")
        key[name] = {type_: text} if type_ != "B" else {"B": whole}
    item = _checked(rule.table, values, key)
    return [(rule.table.schema.encode(item), item)]


def _checked(table: New, values: Any, key: Item) -> Item:
    """The new row. Raises RejectedRow where DynamoDB would refuse it."""
    try:
        item = {**to_item(values), **key}
        table.schema.encode(item)
    except ValueError as problem:
        raise RejectedRow(str(problem)) from None
    keys = [(table.schema.attributes, "key"), *((each.attributes, each.name) for each in table.indexes)]
    for attributes, what in keys:
        for (name, type_), most in zip(attributes, (2_048, 1_024), strict=False):
            inner = item[name].get(type_) if name in item else "absent"
            if inner is None or (type_ != "N" and not 0 < len(inner.encode() if type_ == "S" else inner) <= most):
                raise RejectedRow(f"{name} does not fit {what}")
    if size(item) > ITEM_LIMIT:
        raise RejectedRow("the new row is too large")
    return item


def _ask(function: Any, *args: Any, **named: Any) -> Any:
    """A mapping that raises refuses the row."""
    try:
        return function(*args, **named)
    except RejectedRow:
        raise
    except Exception as problem:
        raise RejectedRow(f"{function.__name__} raised {problem!r}") from problem
