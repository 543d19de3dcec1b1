"""A model: old kinds, new tables, and the mappings between them, as one page of declarations and pure functions.

    MODEL = Model("shop")

    @MODEL.becomes(ORDERS, joins={"buyer": one(Customer, sees=["name", "tier"])})
    def order(it: Order, buyer): return {"placed_at": it.placed_at, "buyer_name": buyer and buyer.name}

Keys are declared, not computed: a key form reads both ways, so the possible new rows of an old row, and the old rows that a
new row may come from, follow. What contradicts itself raises ModelError at import, with the place of the declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, get_type_hints

from remodel.errors import ModelError, RejectedRow, declared, require
from remodel.items import Item
from remodel.joins import Bound, Group, Join, View, check_call, group_value
from remodel.keys import Key, KeyForms
from remodel.kinds import Kind, New, Old, Table, is_optional, scalar_type

Seen = Mapping[View, tuple[Any, Any]]
"""What others see of a row: the value under which they find it, and what they see then."""

Fields = Mapping[str, Any]
Function = Callable[..., Mapping[str, Any] | None]


class Keys(Protocol):
    """The escape hatch in place of key forms, for a mapping with an `each` join: one member, the *leader*, has its new row
    under a key that all members share; each other member has a key of its own. Texts are key texts of the new table.

    `row` and `member` are the key fields of the old row and of the member, by name.
    """

    def shared(self, row: Fields) -> str:
        """The key that the leader's new row has."""

    def own(self, row: Fields, member: Fields) -> str:
        """The key that the new row of a member has while it does not lead."""

    def leader(self, row: Any, members: Sequence[Any]) -> Any:
        """Which of the members that the row pairs with leads; at least one is given, as the join sees them."""

    def shared_origin(self, text: str) -> Fields | None:
        """The key fields of the old row that has this shared key; None where no old row could."""

    def may_be_own(self, text: str) -> bool:
        """Whether the key could be the own key of some row and member."""

    def member_of(self, item: Item) -> Fields | None:
        """The key fields of the member that a stored new row names; None where it names none."""


@dataclass(frozen=True, eq=False)
class Rule:
    """Rows of `kind` become rows of `table`: under the key forms `forms`, or under `keys`. `place`: of the declaration."""

    kind: type[Kind]
    table: New
    joins: tuple[Bound, ...]
    function: Function
    forms: KeyForms
    keys: Keys | None
    place: str

    @cached_property
    def each(self) -> Bound | None:
        return next((join for join in self.joins if join.mode == "each"), None)

    @cached_property
    def keyed_by(self) -> tuple[str, ...]:
        """The fields of the new key that are not in the old key: the row is a member of a group of their values."""
        fields = dict.fromkeys(self.forms.fields)
        return tuple(name for name in fields if "." not in name and name not in self.kind.key_fields)

    @cached_property
    def keyed_group(self) -> str:
        return f"{self.kind.kind_label}.{'+'.join(self.keyed_by)}"

    def key_group(self, row: Any) -> Group:
        """The group of the values that the new key takes from attributes of the row."""
        values = (getattr(row, name) for name in self.keyed_by)
        return Group(self.keyed_group, group_value(tuple(v if isinstance(v, bytes) else str(v) for v in values)))


class Model:
    """`ignore`: items of an old table that are left behind, by the text or the form of their key attributes."""

    def __init__(self, name: str, ignore: Sequence[tuple[Old, Mapping[str, str]]] = ()) -> None:
        self.name = name
        self.ignored: list[tuple[Old, KeyForms]] = []
        self.mappings: list[Rule] = []
        for table, texts in ignore:
            with declared(f"ignore of {table.name}"):
                self.ignored.append((table, KeyForms(table.schema, texts, whole=False)))

    def becomes(
        self, table: New, joins: Mapping[str, Join] | None = None, keys: Keys | None = None, **forms: str
    ) -> Callable[[Function], Function]:
        """Declares that each row of the kind that the function takes becomes a row of `table`. The function answers the
        attributes beside the key, or None for no new row on purpose. Raises ModelError."""

        def declare(function: Function) -> Function:
            place = f"{function.__code__.co_filename}:{function.__code__.co_firstlineno} {function.__name__}"
            with declared(place):
                kind = _kind_of(function)
                bound = _bound(kind, joins or {})
                check_call(function, [join.label for join in bound])
                each = next((join for join in bound if join.mode == "each"), None)
                is_whole = keys is None or (each is not None and not forms)
                require(is_whole, "expected `keys` with an `each` join and without key forms, found otherwise")
                made = _forms(kind, table, each, forms) if keys is None else KeyForms(table.schema, {}, whole=False)
                rule = Rule(kind, table, bound, function, made, keys, place)
                _check_tables([*self.mappings, rule], [ignored for ignored, _ in self.ignored])
            self.mappings.append(rule)
            for name in ("old_tables", "new_tables", "order", "plans", "kinds", "_only_kinds"):
                self.__dict__.pop(name, None)
            return function

        return declare

    @cached_property
    def old_tables(self) -> dict[str, Old]:
        """By logical name, in the order in which they were declared for use."""
        kinds = [kind for each in self.mappings for kind in (each.kind, *(join.kind for join in each.joins))]
        tables = {kind.table.name: kind.table for kind in kinds}
        return tables | {table.name: table for table, _ in self.ignored}

    @cached_property
    def new_tables(self) -> dict[str, New]:
        return {each.table.name: each.table for each in self.mappings}

    @cached_property
    def plans(self) -> dict[type[Kind], Plan]:
        kinds = [kind for table in self.old_tables.values() for kind in table.kinds]
        return {kind: Plan(kind, self.mappings) for kind in kinds}

    @cached_property
    def kinds(self) -> dict[str, type[Kind]]:
        """By label."""
        return {kind.kind_label: kind for kind in self.plans}

    @cached_property
    def _only_kinds(self) -> dict[str, type[Kind]]:
        """By old table, where every key fits its one kind."""
        only = {name: table.kinds[0] for name, table in self.old_tables.items() if len(table.kinds) == 1}
        return {name: kind for name, kind in only.items() if all(form.is_field for form in kind.forms.values())}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Old tables in the order of a backfill: those whose rows others are joined with come first."""

        def rank(table: Old) -> int:
            plans = [self.plans[kind] for kind in table.kinds]
            provides = any(plan.provides for plan in plans)
            return 2 if not provides else 1 if any(plan.mappings for plan in plans) else 0

        return tuple(sorted(self.old_tables, key=lambda name: rank(self.old_tables[name])))

    def kind_of(self, key: Key) -> type[Kind] | None:
        """The kind of the item with this key; None where the model ignores it. Raises RejectedRow where none or two fit."""
        if (only := self._only_kinds.get(key.table)) is not None:
            return only
        table = self.old_tables[key.table]
        wire = table.schema.decode(key.text)
        fitting = [kind for kind in table.kinds if kind.forms.read(wire) is not None]
        if len(fitting) == 1:
            return fitting[0]
        if any(table is ignored and forms.read(wire) is not None for ignored, forms in self.ignored):
            return None
        names = " and ".join(kind.__name__ for kind in fitting) or "none"
        raise RejectedRow(f"expected a key of exactly one kind of {key.table}, found {names}")

    def migrates(self, table: str) -> bool:
        """Whether rows of the old table become new rows; otherwise they are only looked up."""
        return any(self.is_migrated(kind) for kind in self.old_tables[table].kinds)

    def is_migrated(self, kind: type[Kind]) -> bool:
        """Whether rows of the kind become new rows; otherwise they are only looked up."""
        return bool(self.plans[kind].mappings)


class Plan:
    """What the engine does for the rows of one kind: its mappings, the joins that it provides for, and its groups.

    `provider_names`: of groups in which the rows are members as a whole. `key_groups`: of groups on which new keys depend.
    `direct`: joins whose value the row alone gives. `by_key`: joins that find the rows by their key.
    """

    def __init__(self, kind: type[Kind], mappings: Iterable[Rule]) -> None:
        every = list(mappings)
        self.kind = kind
        self.mappings = [each for each in every if each.kind is kind]
        provides = [join for each in every for join in each.joins if join.kind is kind]
        self.provides = list({(join.name, join.fields, join.join.unique): join for join in provides}.values())
        self.receives = [join for each in self.mappings for join in each.joins]
        self.provider_names = frozenset(join.name for join in self.provides if not join.by_key)
        self.eaches = [rule.each for rule in self.mappings if rule.each is not None]
        self.keyed = [rule for rule in self.mappings if rule.keyed_by]
        self.key_groups = frozenset([*(each.name for each in self.eaches), *(rule.keyed_group for rule in self.keyed)])
        self.unique = [join for join in self.provides if join.join.unique]
        self.direct = [join for join in self.receives if not join.depends]
        self.by_key = [join for join in self.provides if join.by_key]

    def receives_from(self, provider: type[Kind], name: str) -> bool:
        return any(join.kind is provider and join.name == name for join in self.receives)

    def key_shows(self, key: Key) -> frozenset[Group]:
        """The groups whose members read the row by its key; the row itself is no member of them."""
        if not self.by_key:
            return frozenset()
        try:
            fields = self.kind.fields_of(key)
        except RejectedRow:
            return frozenset()
        return frozenset(filter(None, (join.key_group(fields) for join in self.by_key)))

    def member_groups(self, row: Any) -> frozenset[Group]:
        """The groups that the row is to be a member of, as far as the row alone shows them."""
        groups = [join.group(join.value(row, {})) for join in self.direct]
        groups += [join.group(join.provider_value(row)) for join in self.provides if not join.by_key]
        groups += [rule.key_group(row) for rule in self.keyed]
        return frozenset(filter(None, groups))

    def seen_by_others(self, row: Any) -> Seen:
        """What other rows see of an accepted row; a change in nothing else touches none of them."""
        return {join.view: (join.provider_value(row), join.seen(row)) for join in self.provides}


def _check_tables(rules: Sequence[Rule], ignored: Sequence[Old]) -> None:
    """Raises ModelError where two tables, old or new, share what is left of a name in an environment variable."""
    kinds = [kind for rule in rules for kind in (rule.kind, *(join.kind for join in rule.joins))]
    known: dict[str, Table] = {}
    for table in (*ignored, *(kind.table for kind in kinds), *(rule.table for rule in rules)):
        is_own = known.setdefault(table.name.upper().replace("-", "_"), table) is table
        require(is_own, f"expected one table with the logical name {table.name!r}, found two")


def _kind_of(function: Function) -> type[Kind]:
    """The kind that the mapping's first parameter is annotated with."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    try:
        kind = get_type_hints(function).get(names[0]) if names else None
    except NameError as problem:
        raise ModelError(f"expected annotations that its module knows, found: {problem}") from None
    if not isinstance(kind, type) or not issubclass(kind, Kind):
        raise ModelError(f"expected a kind as the type of the first parameter, found {kind}")
    return kind


def _bound(kind: type[Kind], joins: Mapping[str, Join]) -> tuple[Bound, ...]:
    bound: list[Bound] = []
    for label, join in joins.items():
        with declared(f"join {label!r}"):
            is_last = not bound or bound[-1].mode != "each"
            require(is_last, "expected `each` as the last join, found this one behind it: chains are not followed")
            bound.append(Bound(kind, label, join, bound))
    return tuple(bound)


def _forms(kind: type[Kind], table: New, each: Bound | None, texts: Mapping[str, str]) -> KeyForms:
    """Raises ModelError for forms from which the old row could not be told, or which some row may have no value for."""
    forms = KeyForms(table.schema, {**{name: f"{{{name}}}" for name in table.schema.names}, **texts})
    wanted = [*kind.key_fields, *([f"{each.label}.{name}" for name in each.kind.key_fields] if each else ())]
    unknown = ", ".join(sorted({*forms.fields} - {*kind.model_fields, *wanted}))
    require(not unknown, f"expected fields of {kind.__name__} in the key, found {unknown}")
    missing = ", ".join(name for name in wanted if name not in forms.fields)
    require(
        not missing,
        f"expected {missing} in the key of {table.name}, found none: the old row of a new row could not be told",
    )
    for attribute, type_ in table.schema.attributes:
        for name in forms[attribute].fields:
            annotation = kind.model_fields[name].annotation if name in kind.model_fields else str
            is_there = not is_optional(annotation)
            require(is_there, f"expected a field that every row has in the key, found {name}, which may be None")
            found = scalar_type(annotation)
            is_fitting = found == type_ or (type_ == "S" and found != "B")
            require(
                is_fitting, f"expected a field of type {type_} for key attribute {attribute}, found {name}: {found}"
            )
    return forms
