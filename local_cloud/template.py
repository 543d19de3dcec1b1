"""`template.yaml` read as the truth: which tables there are, and which code, handler, environment and stream a function has.

Resolves the intrinsic functions that the template of this project uses (`_called`), for one set of parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud.document import Call, TemplateError, expanded, load, read


@dataclass(frozen=True, slots=True)
class EventSource:
    """An event source mapping: the stream's table and how failures are treated."""

    table: str
    batch_size: int
    bisect: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class Function:
    """`mapping`: of the stream that the function reads; None where it reads none."""

    name: str
    code: Path
    handler: str
    environment: dict[str, str]
    timeout: int
    mapping: EventSource | None = None


class Template:
    """One template under one set of parameters. A resource's Ref is its name, or `<prefix><logical id>`. `text`: in place of
    what the file says."""

    def __init__(self, path: Path, parameters: Mapping[str, str], prefix: str = "", text: str | None = None) -> None:
        self._root = path.parent
        self._document = load(path) if text is None else expanded(read(text))
        self._prefix = prefix
        defaults = {
            name: str(each["Default"]) for name, each in self._document["Parameters"].items() if "Default" in each
        }
        self._parameters = {**defaults, **parameters}

    def tables(self) -> list[dict[str, Any]]:
        """What `create_table` takes, for every table of the template; the properties it does not know are left out."""
        known = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode", "StreamSpecification")
        tables = []
        for id, properties in self._resources("AWS::DynamoDB::Table"):
            table = {name: self._value(properties[name]) for name in known if name in properties}
            if "StreamSpecification" in table:
                table["StreamSpecification"]["StreamEnabled"] = True
            tables.append({"TableName": self._ref(id), **table})
        return tables

    def table_parameters(self) -> dict[str, str]:
        """The parameters that are names of tables, and what they are."""
        return {name: value for name, value in self._parameters.items() if name.endswith("Table")}

    def functions(self) -> list[Function]:
        everywhere = self._document["Globals"]["Function"]
        return [
            Function(
                name=id,
                code=self._root / properties["CodeUri"],
                handler=properties.get("Handler", everywhere["Handler"]),
                environment={
                    name: str(self._value(value))
                    for each in (everywhere, properties)
                    for name, value in each.get("Environment", {}).get("Variables", {}).items()
                },
                timeout=int(properties.get("Timeout", everywhere["Timeout"])),
                mapping=self._mapping(properties),
            )
            for id, properties in self._resources("AWS::Serverless::Function")
        ]

    def _mapping(self, properties: Any) -> EventSource | None:
        for event in properties.get("Events", {}).values():
            if event["Type"] == "DynamoDB":
                its = event["Properties"]
                return EventSource(
                    table=self._value(its["Stream"]),
                    batch_size=its["BatchSize"],
                    bisect=its["BisectBatchOnFunctionError"],
                    attempts=its["MaximumRetryAttempts"],
                )
        return None

    def _resources(self, kind: str) -> list[tuple[str, Any]]:
        return [
            (id, each["Properties"])
            for id, each in self._document["Resources"].items()
            if each["Type"] == kind and ("Condition" not in each or self._condition(each["Condition"]))
        ]

    def _condition(self, name: str) -> bool:
        return bool(self._value(self._document["Conditions"][name]))

    def _ref(self, name: str) -> str:
        if name in self._parameters:
            return self._parameters[name]
        properties = self._document["Resources"][name].get("Properties", {})
        if "TableName" in properties:
            return str(self._value(properties["TableName"]))
        return f"{self._prefix}{name}"

    def _value(self, value: Any) -> Any:
        match value:
            case Call():
                return self._called(value)
            case dict():
                return {key: self._value(each) for key, each in value.items()}
            case list():
                return [self._value(each) for each in value]
            case _:
                return value

    def _called(self, call: Call) -> Any:
        match call:
            case Call(name="Ref", argument=str(name)):
                return self._ref(name)
            case Call(name="GetAtt", argument=str(path)):
                return self._ref(path.split(".")[0])
            case Call(name="GetAtt", argument=[str(name), _]):
                return self._ref(name)
            case Call(name="Sub", argument=str(text)):
                return re.sub(r"\$\{([\w:]+)\}", lambda found: self._ref(found[1]), text)
            case Call(name="If", argument=[str(condition), yes, no]):
                return self._value(yes if self._condition(condition) else no)
            case Call(name="FindInMap", argument=[str(mapping), row, column]):
                return self._document["Mappings"][mapping][self._value(row)][self._value(column)]
            case _:
                return self._truth(call)

    def _truth(self, call: Call) -> bool:
        match call:
            case Call(name="Condition", argument=str(name)):
                return self._condition(name)
            case Call(name="Equals", argument=[one, other]):
                return bool(self._value(one) == self._value(other))
            case Call(name="Or", argument=list(several)):
                return any(self._value(one) for one in several)
            case Call(name="And", argument=list(several)):
                return all(self._value(one) for one in several)
            case Call(name="Not", argument=[one]):
                return not self._value(one)
            case Call(name=name):
                raise TemplateError(
                    f"expected an intrinsic function that this reader knows, found !{name}: teach {__name__} about it"
                )
