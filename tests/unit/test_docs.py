"""Documents that cannot rot: docs/cli.md is what the command line says of itself, and the README's commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.cli import get_docs_for_click
from typer.testing import CliRunner

from runner.cli import app

ROOT = Path(__file__).parents[2]
COMMANDS = re.compile(r"(?:bin/|`)remodel ((?:quarantine )?[a-z]+)([^`\n]*)")


def generated() -> str:
    """What `python -m tests.unit.test_docs` writes to docs/cli.md."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="remodel")
    return get_docs_for_click(obj=command, ctx=context, name="remodel").strip() + "\n"


def test_the_reference_of_the_command_line_is_current() -> None:
    told = (ROOT / "docs/cli.md").read_text()

    assert told == generated(), "run `.venv/bin/python -m tests.unit.test_docs`"


@pytest.mark.parametrize(
    ("name", "least"),
    [("README.md", 6), ("docs/runbook.md", 6), ("docs/deploy.md", 3), ("docs/scale.md", 3), ("docs/try-it.md", 9)],
)
def test_the_commands_of_the_documents_exist(name: str, least: int) -> None:
    found = COMMANDS.findall((ROOT / name).read_text())

    assert len(found) >= least
    for verb, rest in found:
        options = re.findall(r"--[a-z-]+", rest)
        told = CliRunner().invoke(app, [*verb.split(), "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
        assert told.exit_code == 0, verb
        assert all(option in told.output for option in options), (verb, options)


def test_every_verb_has_an_example_that_it_takes() -> None:
    text = generated()
    examples = re.findall(r"^Example: remodel (.+)$", text, re.MULTILINE)

    assert len(examples) >= 8
    for example in examples:
        words = example.split()
        verb = words[:2] if words[0] == "quarantine" else words[:1]
        assert f"## `remodel {' '.join(verb)}`" in text


if __name__ == "__main__":
    (ROOT / "docs/cli.md").write_text(generated())
