"""docs/your-own-model.md, followed in an empty folder outside of the repository: its files written, its commands typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/your-own-model.md").read_text()

NOT_HERE = "remodel new-model clinic doctors --region eu-west-1 > src/clinic/model.py"
"""It asks AWS; test_new_model.py asks a DynamoDB Local."""

ENDS = 900


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the clinic, once sections 1 to 4 were followed; ~ is an empty folder with a link to this repository."""
    home = tmp_path_factory.mktemp("home")
    (home / "remodel").symlink_to(ROOT)
    lines = ["set -e"]
    chapters = re.split(r"^## \d\. ", GUIDE, flags=re.MULTILINE)[1:5]
    for number, file, fence, block, typed in steps("".join(chapters)):
        if typed and typed != NOT_HERE:
            lines.append(typed)
        elif fence == "sh":
            lines.append(block)
        elif file:
            (home / f"{number}").write_text(block)
            lines.append(f"cp {home}/{number} {file}")
    done = typed_in("\n".join(lines), home)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    assert re.search(r"^3 passed in ", done.stdout, re.MULTILINE), done.stdout
    assert "Success: no issues found in 2 source files" in done.stdout
    return home / "clinic"


def steps(text: str) -> list[tuple[int, str, str, str, str]]:
    """Number, then file and content, or the language and content of a block, or a line to type."""
    pattern = r"(?:`([\w/.]+)`:\n\n)?^```(\w+)\n(.*?)^```$|^ {4}(\S[^\n]*)$"
    blocks = re.finditer(pattern, text, re.MULTILINE | re.DOTALL)
    found = [(each[1] or "", each[2] or "", each[3] or "", each[4] or "") for each in blocks]
    return [(n, *each) for n, each in enumerate(found)]


def typed_in(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("LANG", "PATH")}
    return subprocess.run(
        ["bash", "-c", script],
        cwd=home,
        env={**kept, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=ENDS,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(ENDS)
def test_the_guide_is_followed(folder: Path) -> None:
    page = (folder / "src/clinic/model.py").read_text()

    assert page in GUIDE
    assert len(page.splitlines()) < 80, "a page"


def test_what_the_guide_shows_of_the_first_page(tmp_path: Path) -> None:
    blocks = {file: block for _, file, _, block, _ in steps(GUIDE)}
    for name in ("clinic.json", "doctors.json"):
        (tmp_path / name).write_text(blocks[name])
    (command,) = [typed for *_, typed in steps(GUIDE) if "clinic.json doctors.json" in typed]

    words = command.partition(" > ")[0].split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "runner.cli", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (shown,) = [block for _, file, language, block, _ in steps(GUIDE) if language == "python" and not file]
    assert shown in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(ENDS)
def test_its_demo_converges(folder: Path) -> None:
    """In small; a package that lies anywhere on Python's path."""
    (words,) = re.findall(r'^    make demo ARGS="(.*)"$', GUIDE, re.MULTILINE)
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "demo", *words.split(), "--rows", "200", "--changes", "100"]

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=ENDS, check=False)

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert done.stdout.splitlines()[-1].startswith("verdict: converged  missing=0 different=0 orphaned=0 ")
