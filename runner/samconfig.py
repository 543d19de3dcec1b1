"""The stage's deployment in `samconfig.toml`: read as `sam deploy --config-env` reads it, written with all else left as it is.

SAM takes `[<stage>.global.parameters]`, and over it, key by key, `[<stage>.deploy.parameters]`. No stage inherits from another.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from runner import overrides
from runner.errors import SamconfigUnreadable, SamconfigUnwritable

GLOBAL, DEPLOY = "global", "deploy"
OVERRIDES = "parameter_overrides"
VERSION = 0.1
"""SAM refuses a file that does not say it, as a number with a point."""


@dataclass(frozen=True, slots=True)
class Settings:
    """None where the file does not say it."""

    stack_name: str | None
    region: str | None
    profile: str | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def settings(path: Path, stage: str) -> Settings:
    """Raises SamconfigUnreadable."""
    document = _document(path, _text(path))
    return Settings(
        stack_name=_word(document, stage, "stack_name"),
        region=_word(document, stage, "region"),
        profile=_word(document, stage, "profile"),
        parameters=_parameters(document, stage),
        tags=_tags(document, stage),
    )


def write(path: Path, stage: str, more: Mapping[str, str]) -> None:
    """Where the overrides stand today, in their form. Raises SamconfigUnreadable and SamconfigUnwritable."""
    old = _text(path)
    settings(path, stage)
    document = _document(path, old)
    command = _command(document, stage, OVERRIDES)
    try:
        section = _made(document, (stage, command, "parameters"))
        section[OVERRIDES] = overrides.extended(section.get(OVERRIDES), more, f"[{stage}.{command}.parameters]")
        new = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError) as problem:
        raise _unwritable(path, stage, command, str(problem)) from problem
    if told := _lost(_document(path, old), _parsed(path, new), (stage, command, "parameters"), more):
        raise _unwritable(path, stage, command, told)
    path.write_bytes(new.encode())


def _text(path: Path) -> str:
    """Line ends stay what they are. Raises SamconfigUnreadable where SAM would read another file instead."""
    if path.exists():
        try:
            return path.read_bytes().decode()
        except UnicodeDecodeError as problem:
            raise SamconfigUnreadable(f"expected {path.name} in UTF-8, but: {problem}: save it so") from problem
    for other in (path.with_suffix(".yaml"), path.with_suffix(".yml")):
        if other.exists():
            raise SamconfigUnreadable(
                f"expected {path.name}, found {other.name}, which SAM no longer reads once there is a {path.name}: "
                "move its settings there"
            )
    return ""


def _document(path: Path, text: str) -> Any:
    document = _parsed(path, text)
    if not document:
        document["version"] = VERSION
    if not isinstance(document.get("version"), float):
        raise SamconfigUnreadable(
            f"expected {path.name} with `version = {VERSION}`, found {document.get('version')!r}: SAM refuses it; write it so"
        )
    return document


def _parsed(path: Path, text: str) -> Any:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as problem:
        raise SamconfigUnreadable(f"expected {path.name} in TOML, but: {problem}: correct it") from problem


def _section(document: Any, stage: str, command: str) -> Any:
    """Empty where it is not there."""
    section, names = document, (stage, command, "parameters")
    for depth, name in enumerate(names, 1):
        section = section.get(name, {})
        if not isinstance(section, dict):
            where = ".".join(names[:depth])
            raise SamconfigUnreadable(
                f"expected [{where}] to be a table, found {section!r}: SAM refuses it; correct it"
            )
    return section


def _command(document: Any, stage: str, key: str) -> str:
    """Where SAM finds a key; where a new one belongs, if it stands nowhere."""
    inherited, own = _section(document, stage, GLOBAL), _section(document, stage, DEPLOY)
    return GLOBAL if key in inherited and key not in own else DEPLOY


def _value(document: Any, stage: str, key: str) -> tuple[Any, str]:
    """What SAM reads, None where there is nothing, and the section in which it finds it."""
    command = _command(document, stage, key)
    return _section(document, stage, command).get(key), f"[{stage}.{command}.parameters]"


def _word(document: Any, stage: str, key: str) -> str | None:
    found, where = _value(document, stage, key)
    if found is None:
        return None
    if not isinstance(found, str) or not found:
        raise SamconfigUnreadable(
            f"expected {key} in {where} as text, found {found!r}: write it in quotes, or take it out"
        )
    return str(found)


def _parameters(document: Any, stage: str) -> dict[str, str]:
    return overrides.read(*_value(document, stage, OVERRIDES))


def _tags(document: Any, stage: str) -> dict[str, str]:
    """SAM takes them as text and as a list of texts."""
    found, where = _value(document, stage, "tags")
    texts = found if isinstance(found, list) else [found or ""]
    try:
        return dict(pair.split("=", 1) for each in texts for pair in shlex.split(str(each)))
    except ValueError as problem:
        raise SamconfigUnreadable(
            f"expected tags in {where} as name=value, found {found!r}: write them so"
        ) from problem


def _made(document: Any, names: tuple[str, ...]) -> Any:
    """The section, made where it is not there."""
    section = document
    for name in names:
        if name not in section:
            section[name] = tomlkit.table(is_super_table=name != names[-1])
        section = section[name]
    return section


def _lost(before: Any, after: Any, names: tuple[str, str, str], more: Mapping[str, str]) -> str:
    """What SAM would no longer read as it did; empty for nothing."""
    wanted = {**_parameters(before, names[0]), **more}
    found = _parameters(after, names[0])
    if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
        return f"SAM would misread {', '.join(wrong)}"
    if overrides.is_endless(_section(after, names[0], names[1])[OVERRIDES]):
        return "a quote does not end, and SAM would look for its end for ever"
    old, new = before.unwrap(), after.unwrap()
    section, overwritten = old, new
    for name in names:
        section, overwritten = section.setdefault(name, {}), overwritten[name]
    section[OVERRIDES] = overwritten[OVERRIDES]
    return "" if old == new else "another setting would change"


def _unwritable(path: Path, stage: str, command: str, problem: str) -> SamconfigUnwritable:
    return SamconfigUnwritable(
        f"expected to extend {OVERRIDES} in [{stage}.{command}.parameters] of {path.name}, and SAM to read the rest as before, "
        f"but: {problem}: write them as a list, one text a parameter; the file is as it was"
    )
