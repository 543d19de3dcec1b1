"""`parameter_overrides` as SAM reads them: text, a list of texts, or a table; read, and extended in the form that they have.

The patterns are SAM's own (`samcli.cli.types`). What they do not match, SAM drops without a word; so does this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import String

from runner.errors import SamconfigUnreadable

_KEY = r"""([A-Za-z0-9"']+)"""
_VALUE = r"""("(?:\\.|[^"\\]++)*"|'(?:\\.|[^'\\]++)*'|(?:\\.|[^ "\\]++)+)"""
"""Possessive, which SAM's are not: they find the same, and give up at once on a quote that does not end."""
LONG = re.compile(rf"ParameterKey={_KEY},ParameterValue={_VALUE}")
SHORT = re.compile(rf" {_KEY}={_VALUE}")
QUOTED = re.compile(r"'(?:\\.|[^'\\]++)*'")
PLAIN = re.compile(r"[A-Za-z0-9_:/.,@+=*-]+")
"""What needs no quotes."""


def read(value: Any, where: str) -> dict[str, str]:
    """The parameters by name. `where` is for the message. Raises SamconfigUnreadable: SAM refuses it, or reads a file."""
    if value is None or value == "":
        return {}
    found = dict(_pairs(value, where))
    return {_unquoted(name): _unquoted(text) for name, text in found.items()}


def extended(value: Any, more: Mapping[str, str], where: str) -> Any:
    """A value that says `more` as well: a parameter is renewed where it stands, or comes last. Raises as `read` does."""
    if value is None or value == "":
        return " ".join(_pair(SHORT, *each) for each in more.items())
    held = read(value, where)
    renewed = _renewed(value, {name: text for name, text in more.items() if name in held})
    return _appended(renewed, {name: text for name, text in more.items() if name not in held})


def is_endless(value: Any) -> bool:
    """Whether a quote does not end. SAM's patterns then try for twice as long with every character that comes after it."""
    if isinstance(value, list):
        return any(map(is_endless, value))
    if not isinstance(value, str):
        return False
    form, padded = _form(value), _padded(value)
    values = [text for _, text in form.findall(padded)]
    return '"' in form.sub("", padded) or any(each[0] == "'" and not QUOTED.fullmatch(each) for each in values)


def _pairs(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """As they are written, quotes included."""
    if isinstance(value, list):
        for each in value:
            yield from _pairs(each, where)
    elif isinstance(value, str):
        yield from _of_text(value, where)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name, _of_entry(name, each, where)
    else:
        raise SamconfigUnreadable(
            f"expected parameter_overrides in {where} as text, a list or a table, found {value!r}: write Name=value"
        )


def _of_text(text: str, where: str) -> list[tuple[str, str]]:
    if text.startswith("file://"):
        raise SamconfigUnreadable(_ELSEWHERE.format(where=where, found=text))
    found = _form(text).findall(_padded(text))
    if not found:
        raise SamconfigUnreadable(
            f"expected parameter_overrides in {where} as Name=value or ParameterKey=Name,ParameterValue=value, "
            f"found {str(text)!r}: write one of them"
        )
    return found


def _of_entry(name: str, value: Any, where: str) -> str:
    if name == "$include":
        raise SamconfigUnreadable(_ELSEWHERE.format(where=where, found=f"{name} = {value!r}"))
    if isinstance(value, list):
        return ",".join(str(each).strip() for each in value if each != "")
    return str(value)


_ELSEWHERE = (
    "expected parameter_overrides in {where} to stand in samconfig.toml, found {found}: `remodel` reads no other file; "
    "write the parameters here"
)


def _padded(text: str) -> str:
    """The short form begins with a blank."""
    return " " + text.strip()


def _form(text: str) -> re.Pattern[str]:
    """One text has one form: SAM does not look for the short one where it has found the long one."""
    return LONG if LONG.search(_padded(text)) else SHORT


def _unquoted(text: str) -> str:
    if text and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return text.replace("\\ ", " ").replace('\\"', '"').replace("\\'", "'")


def _quoted(text: str) -> str:
    return text if PLAIN.fullmatch(text) else '"' + text.replace('"', '\\"') + '"'


def _pair(form: re.Pattern[str], name: str, text: str) -> str:
    return f"ParameterKey={name},ParameterValue={_quoted(text)}" if form is LONG else f"{name}={_quoted(text)}"


def _renewed(value: Any, more: Mapping[str, str]) -> Any:
    """Lists and tables are changed in place, so that what stands between their entries stays."""
    if isinstance(value, str):
        return _renewed_text(value, more)
    if isinstance(value, list):
        for index, each in enumerate(value):
            if (new := _renewed(each, more)) is not each:
                value[index] = new
    elif isinstance(value, dict):
        for name in [name for name in value if _unquoted(name) in more]:
            value[name] = more[_unquoted(name)]
    return value


def _renewed_text(text: str, more: Mapping[str, str]) -> str:
    def pair(found: re.Match[str]) -> str:
        name, start = _unquoted(found[1]), found.start()
        if name not in more:
            return found[0]
        return found[0][: found.start(2) - start] + _quoted(more[name])

    new = _form(text).sub(pair, _padded(text))
    return text if new == _padded(text) else _as_written(text, new[1:])


def _appended(value: Any, more: Mapping[str, str]) -> Any:
    if not more:
        return value
    if isinstance(value, str):
        added = (_pair(_form(value), *each) for each in more.items())
        return _as_written(value, " ".join([value.strip(), *added]))
    table = value[-1] if isinstance(value, list) and value and isinstance(value[-1], dict) else value
    if isinstance(table, dict):
        table.update(more)
    else:
        value.extend(_pair(SHORT, *each) for each in more.items())
    return value


def _as_written(old: str, new: str) -> str:
    """With the quotes of TOML that the old text has, where the new one can stand in them."""
    source = old.as_string() if isinstance(old, String) else ""
    try:
        return tomlkit.string(new, literal=source.startswith("'"), multiline=source.startswith(("'''", '"""')))
    except (ValueError, TOMLKitError):
        return new
