"""The parts of a template that follow from a model, by their names there: plain data, intrinsic functions included.

What a part has in common with all others of its sort is not known here, but taken from the template: an alarm's words, the
encryption of a table, the trust of a role.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from local_cloud.document import Call
from remodel.errors import ModelError
from remodel.kinds import Index, New, Old, scalar_type
from remodel.model import Model
from remodel.settings import variable
from runner.names import camel, name_parameter, new_table, replicator, stream_parameter
from stack import rights

ARN = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${%s}%s"

LONGEST = 64
"""Of the name of a function, in characters."""

MOST = 10
"""Of the conditions that one `!And` or `!Or` takes."""


def ref(name: str) -> Call:
    return Call("Ref", name)


@dataclass(frozen=True)
class Parts:
    """`stem`: what all names in the account begin with; the stage comes next."""

    model: Model
    stem: str

    def __post_init__(self) -> None:
        """Raises ModelError where two tables would have one name in the template."""
        known: dict[str, str] = {}
        for name in (*self.model.old_tables, *self.model.new_tables):
            if (other := known.setdefault(camel(name), name)) != name:
                raise ModelError(f"expected table names that differ in more than - and _, found {other} and {name}")

    @property
    def streams(self) -> list[str]:
        """Old tables whose rows become new rows."""
        return [name for name in self.model.old_tables if self.model.migrates(name)]

    @property
    def lookups(self) -> list[str]:
        return [name for name in self.model.old_tables if not self.model.migrates(name)]

    @property
    def sources(self) -> list[str]:
        return [*self.streams, *self.lookups]

    @property
    def new(self) -> list[str]:
        return list(self.model.new_tables)

    # ------------------------------------------------------------------------------------------ names and settings

    def old_parameters(self) -> dict[str, Any]:
        found = {}
        for name in self.sources:
            is_lookup = name in self.lookups
            what = "Table that is only looked up" if is_lookup else "Old table"
            stream = "with it, changes are followed" if is_lookup else "with both images (not at stage sandbox)"
            found[name_parameter(name)] = self._named(self.model.old_tables[name], what)
            told = f"Its stream{':' if is_lookup else ','} {stream}"
            found[stream_parameter(name)] = {"Type": "String", "Default": "", "Description": told}
        return found

    def new_parameters(self) -> dict[str, Any]:
        return {name_parameter(name): self._named(table, "New table") for name, table in self.model.new_tables.items()}

    def _named(self, table: Old | New, what: str) -> dict[str, str]:
        own = table.own or f"{slug(self.model)}-{table.name.replace('_', '-')}"
        return {"Type": "String", "Default": own, "Description": f"{what}: its name"}

    def function_name(self, source: str, stage: str) -> str:
        room = LONGEST - len(f"{self.stem}-staging-")
        name = replicator(source)
        short = name if len(name) <= room else f"{name[: room - 8]}{sha256(name.encode()).hexdigest()[:8]}"
        return f"{self.stem}-{stage}-{short}"

    def functions(self, stages: Iterable[str]) -> dict[str, dict[str, str]]:
        return {
            camel(name): {"Name": name, **{stage: self.function_name(name, stage) for stage in stages}}
            for name in self.sources
        }

    def table_variables(self) -> dict[str, Any]:
        live = Call("If", ["LookupsLive", "true", "false"])
        return {
            **{variable(name): ref(name_parameter(name)) for name in self.sources},
            **{variable(name, "LIVE"): live for name in self.lookups},
            **{variable(name): ref(name_parameter(name)) for name in self.new},
        }

    def function_variables(self) -> dict[str, Any]:
        named = {name: Call("FindInMap", ["Sources", camel(name), ref("Stage")]) for name in self.sources}
        live = {name: Call("If", ["LookupsLive", named[name], ""]) for name in self.lookups}
        return {variable(name, "FUNCTION"): value for name, value in (named | live).items()}

    # ------------------------------------------------------------------------------------------ conditions

    def lookups_live(self) -> Any:
        is_given = Call("Not", [_is_empty(stream_parameter(self.lookups[0]))])
        return Call("Or", [Call("Condition", "IsSandbox"), is_given])

    def streams_given(self) -> Any:
        return _joined("And", [Call("Not", [_is_empty(stream_parameter(name))]) for name in self.streams])

    def lookups_given_together(self) -> Call:
        empty = [_is_empty(stream_parameter(name)) for name in self.lookups]
        return Call("Or", [_joined("And", empty), _joined("And", [Call("Not", [each]) for each in empty])])

    def names_differ(self) -> list[dict[str, Any]]:
        """What is asserted of each new table's name: it is that of no old table, and of no other new one."""
        new = [*map(name_parameter, self.new)]
        others = {name: [*map(name_parameter, self.sources), *new[n + 1 :]] for n, name in enumerate(new)}
        return [
            {
                "Assert": Call("Not", [_joined("Or", [Call("Equals", [ref(name), ref(each)]) for each in its])]),
                "AssertDescription": f"{name} is not the name of another table",
            }
            for name, its in others.items()
        ]

    # ------------------------------------------------------------------------------------------ tables

    def backfilled(self) -> Any:
        """In their order, with commas."""
        every = list(self.model.order)
        given = [",".join(every), ",".join(name for name in every if name in self.streams)]
        return Call("If", ["LookupsLive", *given]) if self.lookups else given[0]

    def new_tables(self, like: Mapping[str, Any]) -> dict[str, Any]:
        """`like`: a table of the template from which they have what all have in common."""
        kept = {key: value for key, value in like["Properties"].items() if key not in _SHAPE}
        return {
            new_table(name): {
                "Type": like["Type"],
                "Condition": "HasNewTables",
                **{key: like[key] for key in ("DeletionPolicy", "UpdateReplacePolicy")},
                "Properties": {
                    "TableName": ref(name_parameter(name)),
                    **shape(table.schema.attributes, table.indexes),
                    **kept,
                },
            }
            for name, table in self.model.new_tables.items()
        }

    def sandbox_tables(self) -> dict[str, Any]:
        return {f"Sandbox{camel(name)}": self._sandbox_table(name) for name in self.sources}

    def _sandbox_table(self, name: str) -> dict[str, Any]:
        table = self.model.old_tables[name]
        looked_up = [join for rule in self.model.mappings for join in rule.joins if join.kind.table is table]
        indexes = {each.name: each for each in table.indexes}
        for join in looked_up:
            if join.join.index and join.theirs:
                kind = scalar_type(join.kind.model_fields[join.theirs].annotation)
                types = {join.theirs: {"N": int, "B": bytes}[kind]} if kind in ("N", "B") else {}
                indexes.setdefault(join.join.index, Index(join.join.index, join.theirs, types=types))
        properties = {
            "TableName": ref(name_parameter(name)),
            **shape(table.schema.attributes, list(indexes.values())),
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
        return {"Type": "AWS::DynamoDB::Table", "Condition": "IsSandbox", "Properties": properties}

    # ------------------------------------------------------------------------------------------ roles and policies

    def roles(self, like: Any) -> dict[str, Any]:
        return {role(name): like for name in self.sources}

    def roles_of(self, allowed: Callable[[Model, str], bool]) -> list[Call]:
        """The roles of the functions on streams for which something holds."""
        return [ref(role(name)) for name in self.sources if allowed(self.model, name)]

    def write_policies(self, others: Sequence[Call]) -> dict[str, Any]:
        """Who writes a new table reads what its rows are computed from. `others`: roles that write every table."""
        return {f"Write{camel(name)}Policy": self._write_policy(name, others) for name in self.new}

    def _write_policy(self, new: str, others: Sequence[Call]) -> dict[str, Any]:
        looked_up = [arn(table, f"/index/{index}") for table, index in rights.indexes(self.model, new)]
        read = [arn(name) for name in self.sources if name in rights.reads(self.model, new)]
        puts = ["dynamodb:UpdateItem"] if rights.is_contested(self.model, new) else []
        statements = [
            _allow(["dynamodb:BatchGetItem"], read),
            *([_allow(["dynamodb:Query"], looked_up)] if looked_up else []),
            _allow(["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", *puts], arn(new)),
        ]
        properties = {
            "PolicyName": f"write-{new.replace('_', '-')}",
            "Roles": [*self.roles_of(lambda model, name: new in rights.writes(model, name)), *others],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
        }
        return {"Type": "AWS::IAM::Policy", "Properties": properties}

    # ------------------------------------------------------------------------------------------ alarms and dashboard

    def lags(self) -> str:
        """The metrics of a widget of the dashboard."""
        names = [self.function_name(name, "${Stage}") for name in self.sources]
        metrics = [f'["AWS/Lambda", "IteratorAge", "FunctionName", "{name}"]' for name in names]
        return f",\n{' ' * 14}".join(metrics)


_SHAPE = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def slug(model: Model) -> str:
    """The model's name where only letters, digits and dashes may stand."""
    return re.sub(r"[^A-Za-z0-9]+", "-", model.name).strip("-").lower()


def role(source: str) -> str:
    return f"{replicator(source)}Role"


def arn(table: str, more: str = "") -> Call:
    return Call("Sub", ARN % (name_parameter(table), more))


def alarms(sources: Iterable[str], *kinds: str) -> Call:
    """Whether one of these alarms of one of these streams is on."""
    return Call("Sub", " OR ".join(f'ALARM("${{{camel(name)}{kind}Alarm}}")' for name in sources for kind in kinds))


def shape(key: Sequence[tuple[str, str]], indexes: Sequence[Index]) -> dict[str, Any]:
    """Keys and indexes of a table. Raises ModelError where an attribute has two types."""
    types: dict[str, str] = {}
    for name, kind in (*key, *(pair for each in indexes for pair in each.attributes)):
        if types.setdefault(name, kind) != kind:
            raise ModelError(f"expected one type of key attribute {name}, found {types[name]} and {kind}")
    found: dict[str, Any] = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        "KeySchema": _keys(key),
    }
    if indexes:
        found["GlobalSecondaryIndexes"] = [
            {"IndexName": each.name, "Projection": _projection(each), "KeySchema": _keys(each.attributes)}
            for each in indexes
        ]
    return found


def _projection(index: Index) -> dict[str, Any]:
    if index.only:
        return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.only)}
    return {"ProjectionType": "ALL" if index.only is None else "KEYS_ONLY"}


def _keys(attributes: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    kinds = zip(attributes, ("HASH", "RANGE"), strict=False)
    return [{"AttributeName": name, "KeyType": kind} for (name, _), kind in kinds]


def _allow(actions: list[str], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _is_empty(parameter: str) -> Call:
    return Call("Equals", [ref(parameter), ""])


def _joined(name: str, conditions: list[Any]) -> Any:
    """`!And` and `!Or` take from two to ten."""
    while len(conditions) > MOST:
        conditions = [_joined(name, conditions[n : n + MOST]) for n in range(0, len(conditions), MOST)]
    return conditions[0] if len(conditions) == 1 else Call(name, conditions)
