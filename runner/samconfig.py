"""The stage's parameters in `samconfig.toml`, where `sam deploy` finds them: read, and written with all else left as it is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit


def parameters(path: Path, stage: str) -> dict[str, str]:
    """`parameter_overrides` of the stage's deployment; empty where there is none."""
    deploy = _deploy(_document(path), stage)
    pairs = shlex.split(str(deploy.get("parameter_overrides", "")))
    return dict(pair.split("=", 1) for pair in pairs)


def write(path: Path, stage: str, more: Mapping[str, str]) -> None:
    document = _document(path)
    deploy = _deploy(document, stage)
    found = {**parameters(path, stage), **more}
    deploy["parameter_overrides"] = " ".join(f"{name}={shlex.quote(value)}" for name, value in found.items())
    path.write_text(tomlkit.dumps(document))


def _document(path: Path) -> Any:
    return tomlkit.parse(path.read_text()) if path.exists() else tomlkit.document()


def _deploy(document: Any, stage: str) -> Any:
    """The stage's section, made where it is not there."""
    section = document
    for name in (stage, "deploy", "parameters"):
        section = section.setdefault(name, tomlkit.table())
    return section
