"""Plain data as the YAML of a CloudFormation template: on one line where it fits, a line for each member where it does not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

WIDTH = 150
_PLAIN = re.compile(r"[A-Za-z/][\w./:-]*(?<!:)")
_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True)
class Call:
    """An intrinsic function in its short form: `!name argument`."""

    name: str
    argument: Any


class Lines(str):
    """Text that stands in the template line by line."""

    __slots__ = ()


def ref(name: str) -> Call:
    return Call("Ref", name)


def attribute(path: str) -> Call:
    return Call("GetAtt", path)


def sub(text: str) -> Call:
    return Call("Sub", text)


def when(condition: str, yes: Any, no: Any = None) -> Call:
    """Where `no` is left out, nothing stands there."""
    return Call("If", [condition, yes, ref("AWS::NoValue") if no is None else no])


def block(value: Any, indent: int) -> str:
    """Lines that begin at `indent`; a mapping's or a list's members at one level, each ended by a line feed."""
    pad = " " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{key}:{_behind(each, indent)}" for key, each in value.items())
    return "".join(f"{pad}-{_item(each, indent)}" for each in value)


def flow(value: Any) -> str:
    match value:
        case Call():
            return f"!{value.name} {flow(value.argument)}"
        case dict():
            return "{" + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str():
            plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
            return value if plain else json.dumps(value, ensure_ascii=False)
        case _:
            return json.dumps(value)


def _behind(value: Any, indent: int) -> str:
    if isinstance(value, Lines):
        return _lines(value, indent)
    line = flow(value)
    if indent + len(line) <= WIDTH - 30 or not _has_members(value):
        return f" {line}\n"
    if isinstance(value, Call):
        return f" !{value.name}\n{block(value.argument, indent + 2)}"
    return f"\n{block(value, indent + 2)}"


def _item(value: Any, indent: int) -> str:
    if isinstance(value, Lines):
        return _lines(value, indent)
    line = flow(value)
    if indent + len(line) <= WIDTH or not _has_members(value):
        return f" {line}\n"
    if isinstance(value, Call):
        return f" !{value.name}\n{block(value.argument, indent + 2)}"
    return f" {block(value, indent + 2).lstrip()}"


def _lines(text: Lines, indent: int) -> str:
    pad = " " * (indent + 2)
    return " |-\n" + "".join(f"{pad}{line}\n" for line in text.split("\n"))


def _has_members(value: Any) -> bool:
    inner = value.argument if isinstance(value, Call) else value
    return isinstance(inner, dict | list)
