"""Rows of any model, generated from its kinds: normal ones, odd ones, and rejected ones.

    rows = Rows(MODEL, seed=1)
    rows.row(Order)            # an item that the kind accepts
    rows.row(Order, was=item)  # the same row with other content: an update
    rows.odd(Order)            # accepted, with values or a key that are unusual
    rows.rejected(Order)       # has a key of the kind and is refused; None where the kind refuses nothing
    rows.stray(SHOP)           # fits no kind, or several; rows.ignored(SHOP) is one that the model leaves behind
    rows.tables(2_000)         # so many rows of everything, by old table

Items are in DynamoDB's typed form. A seed always gives the same rows. Fields that a join compares share their values, so
that rows really join. Every key is given once.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from remodel.errors import RejectedRow, RemodelError
from remodel.items import Item
from remodel.keys import HASH_LIMIT, RANGE_LIMIT, Form, Key
from remodel.kinds import Kind, Old, is_optional
from remodel.model import Model
from remodel_testing.values import Family, attribute_of, takes, values_of, wire_of

TRIES = 200
FEW = 4
"""Values of other fields, so that rows agree in some: tenants, for example."""
Field = tuple[type[Kind], str]


class NoRow(RemodelError):
    """No generated row is accepted by a kind. `Field(examples=[...])` names values that the generator cannot guess."""


class Rows:
    """`span`: how many values a field of a key, or of a join, has at first; more, where keys run out. `apart`: kinds that
    become rows of one new table have no key value in common, so that two rows do not claim one new key."""

    def __init__(self, model: Model, seed: object = 0, span: int = 3, apart: bool = False) -> None:
        self.model = model
        self.random = random.Random(f"rows {seed}")
        self.domains = domains(model)
        self._first = first_values(model, self.domains) if apart else {}
        self._spans: dict[frozenset[Field], int] = defaultdict(lambda: span)
        self._given: set[Key] = set()

    def row(self, kind: type[Kind], was: Item | None = None) -> Item:
        """Raises NoRow."""
        reason = "no key is left"
        for _ in range(TRIES):
            key = self._key(kind) if was is None else Key(kind.table.name, kind.table.schema.encode(was))
            if key is None:
                continue
            item = self._item(kind, key, was or {})
            if (found := refused(kind, key, item)) is None:
                self._given.add(key)
                return item
            reason = found
        raise NoRow(
            f"expected a row that kind {kind.__name__} accepts, found none in {TRIES} tries ({reason}): name values that it "
            "accepts with Field(examples=[...])"
        )

    def odd(self, kind: type[Kind], was: Item | None = None) -> Item:
        """Raises NoRow, as `row` does."""
        item = self.row(kind, was)
        for _ in range(TRIES):
            other = {**item, **self._unusual(kind, "odd")}
            if was is None and self.random.random() < 0.3 and (key := self._odd_key(kind)) is not None:
                other |= kind.table.schema.decode(key.text)
            key = Key(kind.table.name, kind.table.schema.encode(other))
            if refused(kind, key, other) is None:
                self._given.add(key)
                return other
        return item

    def rejected(self, kind: type[Kind], was: Item | None = None) -> Item | None:
        """Raises NoRow, as `row` does."""
        item = self.row(kind, was)
        needed = [name for name in self._contents(kind) if kind.model_fields[name].is_required()]
        for _ in range(TRIES):
            other = {**item, **self._unusual(kind, "refused")}
            if needed and self.random.random() < 0.3:
                other.pop(attribute_of(kind, self.random.choice(needed)), None)
            if refused(kind, Key(kind.table.name, kind.table.schema.encode(item)), other) is not None:
                return other
        return None

    def stray(self, table: Old) -> Item | None:
        """An item that fits no kind, or several: it belongs into quarantine. None where every key fits one kind."""
        for _ in range(TRIES // 4):
            item = {name: self._key_value(table, name, type_) for name, type_ in table.schema.attributes}
            key = Key(table.name, table.schema.encode(item))
            if key not in self._given and fits_none(self.model, key):
                self._given.add(key)
                return item
        return None

    def ignored(self, table: Old) -> Item | None:
        """An item that the model leaves behind; None where it leaves none of the table."""
        chosen = [forms for old, forms in self.model.ignored if old is table]
        for _ in range(TRIES // 4 if chosen else 0):
            item = {name: self._key_value(table, name, type_) for name, type_ in table.schema.attributes}
            for name, form in self.random.choice(chosen).items():
                item[name] = {"S": form.write({each: str(self.random.randint(1, 9)) for each in form.fields})}
            key = Key(table.name, table.schema.encode(item))
            if key not in self._given and not fits_none(self.model, key) and self.model.kind_of(key) is None:
                self._given.add(key)
                return item
        return None

    def some(self, kind: type[Kind], was: Item | None = None) -> Item:
        """Of ten rows, seven are normal, two odd, and one is rejected where the kind rejects any."""
        chance = self.random.random()
        if chance < 0.1 and (found := self.rejected(kind, was)) is not None:
            return found
        return self.odd(kind, was) if chance < 0.3 else self.row(kind, was)

    def tables(self, count: int) -> dict[str, list[Item]]:
        """About `count` rows of all kinds, by old table; one in fifty fits no kind, or is ignored. Fewer of a kind
        whose keys are all given. Raises NoRow."""
        made: dict[str, list[Item]] = {name: [] for name in self.model.old_tables}
        kinds, full = list(self.model.plans), set[type[Kind]]()
        for _ in range(count):
            kind = self.random.choice(kinds)
            item = self.random.choice((self.stray, self.ignored))(kind.table) if self.random.random() < 0.02 else None
            if item is None and kind not in full:
                try:
                    item = self.some(kind)
                except NoRow:
                    if not any(
                        self.model.kind_of(key) is kind for key in self._given if not fits_none(self.model, key)
                    ):
                        raise
                    full.add(kind)
            made[kind.table.name] += [item] if item is not None else []
        return made

    # Keys

    def fields(self, kind: type[Kind]) -> dict[str, Any]:
        """Plain values for the fields of a key of the kind."""
        return {name: self._value(kind, name) for name in kind.key_fields}

    def _key(self, kind: type[Kind]) -> Key | None:
        """A key of the kind that was not given yet; None where this try found none."""
        key = fitting(self.model, kind, self.fields(kind))
        if key is None or key not in self._given:
            return key
        for name in kind.key_fields:
            self._spans[self.domains[kind, name]] += 1
        return None

    def _odd_key(self, kind: type[Kind]) -> Key | None:
        fields = self.fields(kind)
        name = self.random.choice(kind.key_fields)
        texts = [part for form in _forms(kind.table) for part in (form.text, form.shape.replace("{}", "1"))]
        odd = [*values_of(kind, name).odd, *(text for text in texts if isinstance(fields[name], str))]
        if not odd:
            return None
        key = fitting(self.model, kind, {**fields, name: self.random.choice(odd)})
        return None if key in self._given else key

    def _key_value(self, table: Old, name: str, type_: str) -> Any:
        n = self.random.randint(1, 1_000)
        if type_ != "S":
            return {"N": str(n)} if type_ == "N" else {"B": n.to_bytes(4, "big")}
        forms = [kind.forms[name] for kind in table.kinds]
        literals = [form.shape.replace("{}", self.random.choice(("", "1", "x#1"))) for form in forms]
        return {"S": self.random.choice([*(text for text in literals if text), f"x{n}", f"other#{n}"])}

    # Contents

    def _contents(self, kind: type[Kind]) -> list[str]:
        return [name for name in kind.model_fields if name not in kind.key_fields]

    def _item(self, kind: type[Kind], key: Key, was: Item) -> Item:
        """Half of what the row had stays, so that an update changes now this and now that."""
        item = dict(kind.table.schema.decode(key.text))
        for name in self._contents(kind):
            info, attribute = kind.model_fields[name], attribute_of(kind, name)
            if attribute in was and self.random.random() < 0.5:
                item[attribute] = was[attribute]
            elif info.is_required() or self.random.random() < 0.7:
                value = self._value(kind, name)
                if value is not None:
                    item[attribute] = wire_of(value)
        return item

    def _value(self, kind: type[Kind], name: str) -> Any:
        """None where no value is known that the field accepts: it may do without, or the row is refused."""
        domain = self.domains.get((kind, name))
        family = family_of(domain or frozenset({(kind, name)}), kind, name)
        first = self._first.get(domain, 0) if domain else 0
        return family(first + self.random.randint(1, self._spans[domain] if domain else FEW)) if family else None

    def _unusual(self, kind: type[Kind], sort: str) -> Item:
        """One or two attributes with values that the field takes, or refuses, and one that the kind does not know."""
        names = self._contents(kind)
        found: Item = {"added_by_others": {"S": "?"}} if "added_by_others" not in kind.model_fields else {}
        for name in self.random.sample(names, min(len(names), self.random.randint(1, 2))):
            values: tuple[Any, ...] = getattr(values_of(kind, name), sort)
            families = values_of(kind, name).families if sort == "odd" else ()
            values += tuple(family(self.random.randint(1, 3)) for family in families)
            if is_optional(kind.model_fields[name].annotation) and sort == "odd":
                values += (None,)
            if values:
                found[attribute_of(kind, name)] = wire_of(self.random.choice(values))
        return found


def refused(kind: type[Kind], key: Key, item: Item) -> str | None:
    """Why the kind refuses the item."""
    try:
        kind.read(key, item)
    except RejectedRow as problem:
        return str(problem)
    except Exception as problem:
        return f"it raised {problem!r}"
    return None


def fits_none(model: Model, key: Key) -> bool:
    """Whether the key fits no kind, or several."""
    try:
        model.kind_of(key)
    except RejectedRow:
        return True
    return False


def fitting(model: Model, kind: type[Kind], fields: Mapping[str, Any]) -> Key | None:
    """The key of these fields, where DynamoDB takes it and it is of this kind alone."""
    try:
        key = kind.key_of(fields)
        if model.kind_of(key) is not kind:
            return None
        kind.fields_of(key)
    except (ValueError, RejectedRow):
        return None
    stored = kind.table.schema.decode(key.text).values()
    lengths = [len(inner.encode() if isinstance(inner, str) else inner) for each in stored for inner in each.values()]
    limits = (HASH_LIMIT, RANGE_LIMIT)
    return key if all(0 < found <= limit for found, limit in zip(lengths, limits, strict=False)) else None


def _forms(table: Old) -> Iterator[Form]:
    for kind in table.kinds:
        yield from kind.forms.values()


def domains(model: Model) -> dict[Field, frozenset[Field]]:
    """Fields that joins compare have their values in common; a field of a key that nothing is joined on stands alone."""
    found = {(kind, name): frozenset({(kind, name)}) for kind in model.plans for name in kind.key_fields}
    for rule in model.mappings:
        for join in rule.joins:
            theirs = (join.theirs,) if join.theirs else join.kind.key_fields
            mine = () if callable(join.mine) else join.mine
            for one, other in zip(mine, theirs, strict=False):
                left, right = (rule.kind, one), (join.kind, other)
                merged = found.get(left, frozenset({left})) | found.get(right, frozenset({right}))
                found |= dict.fromkeys(merged, merged)
            if callable(join.mine):
                found |= {
                    (join.kind, name): found.get((join.kind, name), frozenset({(join.kind, name)})) for name in theirs
                }
        for name in rule.keyed_by:
            found.setdefault((rule.kind, name), frozenset({(rule.kind, name)}))
    return found


def first_values(model: Model, found: Mapping[Field, frozenset[Field]]) -> dict[frozenset[Field], int]:
    """By domain, the number before its first value, so that kinds with a new table in common have other keys."""
    kinds = dict.fromkeys((rule.table.name, rule.kind) for rule in model.mappings)
    order: dict[str, int] = defaultdict(int)
    first: dict[frozenset[Field], int] = {}
    for table, kind in kinds:
        for name in kind.key_fields:
            first.setdefault(found[kind, name], order[table] * 1_000_000)
        order[table] += 1
    return first


def family_of(domain: frozenset[Field], kind: type[Kind], name: str) -> Family | None:
    """The first family that all fields of the domain accept; otherwise the field's own."""
    own = values_of(kind, name).families
    shared = (family for family in own if all(takes(*field, family) for field in domain))
    return next(shared, own[0] if own else None)
