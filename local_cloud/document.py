"""A template's YAML as data: intrinsic functions as values, and `Fn::ForEach` expanded as CloudFormation does it.

Of the transform AWS::LanguageExtensions this is what the template of this project uses: loops over literal lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LOOP = "Fn::ForEach::"
SECTIONS = ("Conditions", "Resources", "Outputs")
"""Where CloudFormation allows loops, apart from a resource's properties."""


class TemplateError(Exception):
    """The template uses something that this reader does not know."""


@dataclass(frozen=True, slots=True)
class Call:
    """An intrinsic function: `!Ref name`, or `Ref: name`."""

    name: str
    argument: Any


def read(text: str) -> Any:
    """The document as it is written."""
    return yaml.load(text, _Loader)  # noqa: S506


def load(path: Path) -> Any:
    """The document of a file without its loops."""
    return expanded(read(path.read_text()))


def expanded(document: Any) -> Any:
    """The document without its loops."""
    return {name: _expanded(part) if name in SECTIONS else part for name, part in document.items()}


def plain(value: Any) -> Any:
    """The same as JSON has it: `{"Ref": name}`, `{"Fn::Sub": text}`."""
    match value:
        case Call(name="GetAtt", argument=str(path)):
            return {"Fn::GetAtt": path.split(".", 1)}
        case Call(name=("Ref" | "Condition") as name, argument=argument):
            return {name: plain(argument)}
        case Call(name=name, argument=argument):
            return {f"Fn::{name}": plain(argument)}
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case _:
            return value


def _expanded(section: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in section.items():
        if not name.startswith(LOOP):
            found[name] = value
            continue
        variable, items, body = value
        for item in items:
            found |= _expanded(_filled(body, variable, item))
    return found


def _filled(value: Any, variable: str, item: str) -> Any:
    """With `item` wherever the loop's variable stands. A text in which nothing is left to replace is a plain one."""
    match value:
        case str():
            return value.replace(f"${{{variable}}}", item)
        case Call(name="Ref", argument=str(name)) if name == variable:
            return item
        case Call(name="Sub", argument=str(text)):
            text = _filled(text, variable, item)
            return Call("Sub", text) if "${" in text else text
        case Call(name=name, argument=argument):
            return Call(name, _filled(argument, variable, item))
        case {"Ref": name, **others} if not others:
            return Call("Ref", _filled(name, variable, item))
        case dict():
            return {_filled(key, variable, item): _filled(each, variable, item) for key, each in value.items()}
        case list():
            return [_filled(each, variable, item) for each in value]
        case _:
            return value


class _Loader(yaml.CSafeLoader):
    """libyaml's, in a tenth of the time."""


def _construct(loader: yaml.CSafeLoader, suffix: str, node: yaml.Node) -> Call:
    match node:
        case yaml.ScalarNode():
            return Call(suffix, loader.construct_scalar(node))
        case yaml.SequenceNode():
            return Call(suffix, loader.construct_sequence(node, deep=True))
        case yaml.MappingNode():
            return Call(suffix, loader.construct_mapping(node, deep=True))
        case _:
            raise TemplateError(f"expected a YAML value behind !{suffix}")


_Loader.add_multi_constructor("!", _construct)
