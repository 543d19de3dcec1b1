"""The commands that a document prints, and whether they can be typed: each is checked as far as that goes without doing it."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import typer
from botocore import xform_name
from botocore.session import get_session

from runner.cli import app

ROOT = Path(__file__).parents[1]

SAM = {
    "build": {"--config-file"},
    "validate": {"--config-file", "--lint"},
    "deploy": {"--config-env", "--config-file", "--parameter-overrides"},
    "delete": {"--config-env"},
}
"""Sub-commands of SAM's command line, and which of their options the documents use."""

STAGELESS = {"local", "new-model", "new-template"}
"""Verbs that work on no stage."""

AWS = {"--endpoint-url", "--output", "--profile", "--query", "--region"}
"""Options of AWS's command line that every operation takes."""


class NotTyped(Exception):
    """A command of a document that cannot be typed as it stands."""


# What a document prints ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """`prose`: lines with their numbers, without tables. `blocks`: blocks of code, with the language that a fence names."""

    prose: list[tuple[int, str]]
    blocks: list[tuple[str, str]]


def parts(text: str) -> Parts:
    prose: list[tuple[int, str]] = []
    blocks: list[tuple[str, list[str]]] = []
    fence = indented = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fence = not fence
            if fence:
                blocks.append((line.strip().removeprefix("```"), []))
        elif fence:
            blocks[-1][1].append(line)
        elif line.startswith("    ") and (indented or not prose or not prose[-1][1].strip()):
            if not indented:
                blocks.append(("", []))
            blocks[-1][1].append(line.strip())
            indented = True
            continue
        elif not line.startswith("|"):
            prose.append((number, line))
        indented = indented and not line.strip()
    return Parts(prose, [(language, "\n".join(lines)) for language, lines in blocks])


def printed(text: str) -> Iterator[list[str]]:
    """Every command that a person is told to type, in its words: lines of blocks of code, and code within sentences."""
    found = parts(text)
    lines = [line for language, block in found.blocks if language != "python" for line in joined(block)]
    table = [line for line in text.splitlines() if line.startswith("|")]
    prose = "\n".join(line for _, line in found.prose)
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", "\n".join([prose, "", *table]))]
    for line in lines:
        if starts_a_command(line):
            for each in re.split(r" && | \| |; ", line):
                if words := command(each):
                    yield words


def joined(block: str) -> list[str]:
    """The lines of a block. A command goes on in the next line after a backslash, and within a quote."""
    lines, line = [], ""
    for each in block.splitlines():
        line += each
        if starts_a_command(line) and is_open(line):
            line += "\n"
        elif line.endswith("\\"):
            line = line[:-1] + " "
        else:
            lines.append(line)
            line = ""
    return [*lines, line]


def is_open(line: str) -> bool:
    """Whether a quote has not ended."""
    try:
        shlex.split(line.removesuffix("\\"), comments=True)
    except ValueError:
        return True
    return False


def starts_a_command(line: str) -> bool:
    return re.match(r"(\$ |[A-Z_]+=\S+ )*(\.venv/bin/\w+|remodel|make|sam|aws) \S", line) is not None


def command(line: str) -> list[str]:
    """Its words, without where its output goes."""
    words = shlex.split(line.removeprefix("$ ").partition(" > ")[0], comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else []


# Whether it can be typed ----------------------------------------------------------------------------------------------


def check(words: list[str]) -> None:
    """Raises NotTyped."""
    program, *rest = words
    checks: dict[str, Callable[[list[str]], None]] = {
        "remodel": remodel,
        "make": make,
        "sam": sam,
        "aws": aws,
        "python": python,
    }
    if program not in checks:
        raise NotTyped(f"{program}: a program that no check knows")
    checks[program](rest)


def remodel(words: list[str]) -> None:
    """As the command line itself parses it, without doing anything. A remedy may leave out the stage."""
    if "--stage" not in words and STAGELESS.isdisjoint(words) and any(not each.startswith("-") for each in words):
        words = [*words, "--stage", "dev"]
    name, parser, context = "remodel", typer.main.get_command(app), None
    try:
        while True:
            context = parser.make_context(name, words, parent=context)
            if not hasattr(parser, "resolve_command"):
                return
            found, parser, words = parser.resolve_command(context, [*context._protected_args, *context.args])
            name = str(found)
    except typer.Exit:
        return
    except Exception as problem:
        raise NotTyped(f"remodel {' '.join(words)}: {problem}") from problem


@cache
def recipes() -> dict[str, str]:
    """What the Makefile does for a target."""
    text = (ROOT / "Makefile").read_text()
    return dict(re.findall(r"^([a-z][a-z0-9-]*):(.*(?:\n\t.*)*)", text, re.MULTILINE))


def make(words: list[str]) -> None:
    """The target is there, a variable is used by it, and each option in ARGS stands in the module that it starts."""
    targets = [each for each in words if "=" not in each]
    for target in targets:
        if target not in recipes():
            raise NotTyped(f"make {target}: no such target")
    recipe = "".join(recipes()[target] for target in targets)
    for name, _, value in (each.partition("=") for each in words if "=" in each):
        if f"$({name})" not in recipe:
            raise NotTyped(f"make {' '.join(targets)}: does not use {name}")
        if name == "ARGS":
            options(value, re.findall(r"-m ([\w.]+)", recipe))


def options(arguments: str, modules: list[str]) -> None:
    known = "".join(path.read_text() for name in modules for path in ROOT.glob(f"{name.replace('.', '/')}/*.py"))
    for option in re.findall(r"--[a-z-]+", arguments):
        if f'"{option}"' not in known:
            raise NotTyped(f"{', '.join(modules)}: does not take {option}")


def sam(words: list[str]) -> None:
    name, *rest = words
    if name not in SAM:
        raise NotTyped(f"sam {name}: no such command, or none of the documents'")
    given = {each for each in rest if each.startswith("--")}
    if unknown := given - SAM[name]:
        raise NotTyped(f"sam {name}: does not take {', '.join(unknown)}")
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for option, value in zip(rest, rest[1:], strict=False):
        if option == "--config-env" and value not in stages and value != "…":
            raise NotTyped(f"sam {name}: samconfig.toml has no {value}")


def aws(words: list[str]) -> None:
    """The operation is there, and has a parameter for each option."""
    service, operation, *rest = words
    model = get_session().get_service_model(service)
    names = {xform_name(each, "-"): each for each in model.operation_names}
    if operation not in names:
        raise NotTyped(f"aws {service} {operation}: no such operation")
    shape = model.operation_model(names[operation]).input_shape
    known = AWS | {f"--{xform_name(each, '-')}" for each in (shape.members if shape else ())}
    if service == "cloudwatch" and operation == "put-metric-data":
        known |= {"--metric-name", "--value"}  # the command line's own short form of --metric-data
    if unknown := {each for each in rest if each.startswith("--")} - known:
        raise NotTyped(f"aws {service} {operation}: does not take {', '.join(unknown)}")


def python(words: list[str]) -> None:
    if words[0] != "-m" or find_spec(words[1]) is None:
        raise NotTyped(f"python {' '.join(words)}: no such module")
