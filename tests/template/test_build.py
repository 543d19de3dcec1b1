"""What `sam build` makes: functions of one file, and a layer that is what the lock names, byte for byte.

It builds with the runtime's own interpreter. On a machine without one, it builds a copy for the interpreter at hand.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.template.sam import found_first, sam
from tests.template.test_template import CALLED, STREAMS

ROOT = Path(__file__).parents[2]
UV = ROOT / ".cache/uv/bin/uv"
LOCK = (ROOT / "shared/requirements.txt").read_text()
LAYER_BYTES = 60_000_000
"""Lambda unpacks 250 MB at most."""


@dataclass(frozen=True)
class Interpreter:
    """`name`: as the template calls the runtime; `folder`: where a program of this name is."""

    name: str
    folder: str


@cache
def interpreter() -> Interpreter:
    runtime = "python3.13"
    environment = {**os.environ, "PYENV_VERSION": runtime.removeprefix("python")}
    command = [str(UV), "python", "find", "--no-python-downloads", runtime.removeprefix("python")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Interpreter(runtime, str(Path(done.stdout.strip()).parent))
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    print(f"no Python 3.13 on this machine: built for {here} instead")
    return Interpreter(here, str(Path(sys.executable).resolve().parent))


def copied(folder: Path) -> Path:
    """The sources, for the interpreter that builds them."""
    for name in ("shared", "functions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("template.yaml", "shared/Makefile"):
        (folder / name).write_text((ROOT / name).read_text().replace("python3.13", interpreter().name))
    shutil.copy(ROOT / "samconfig.toml", folder)
    return folder


def test_it_builds(tmp_path: Path) -> None:
    source, out = copied(tmp_path / "source"), tmp_path / "out"

    sam("build", "--build-dir", str(out), cwd=source, path=interpreter().folder)

    layer = out / "Layer/python"
    assert sum(path.stat().st_size for path in layer.rglob("*")) < LAYER_BYTES
    holds_what_is_locked(layer, source / "shared")
    for function in (*STREAMS, *CALLED):
        assert [path.name for path in (out / function).iterdir() if path.name != "__pycache__"] == ["app.py"]
        assert (out / function / "app.py").stat().st_size < 10e3
    assert (out / "template.yaml").stat().st_size < 500e3, "CloudFormation takes 1,000 kB"


def holds_what_is_locked(layer: Path, shared: Path) -> None:
    """Every file is of a locked wheel or the project's own, and is as it was there. Bytecode is made of them."""
    files = {path.relative_to(layer).as_posix(): path for path in layer.rglob("*") if path.is_file()}
    own = {path.relative_to(shared).as_posix(): path for path in shared.rglob("*.py")}
    records = {name: path.read_text() for name, path in files.items() if name.endswith(".dist-info/RECORD")}
    hashes = {row[0]: row[1] for text in records.values() for row in csv.reader(text.splitlines())}
    compiled = {name for name in files if name.endswith(".so")}
    bytecode = {name for name in files if name.endswith(".pyc")}

    wheels = {name.partition(".dist-info")[0].lower().replace("_", "-") for name in records}
    assert wheels == {"-".join(pin) for pin in re.findall(r"^([\w-]+)==(\S+)", LOCK, re.MULTILINE)}
    assert {name.split("/")[0] for name in own} == {"remodel", "measures", "shop", "social"}
    assert all(files[name].read_bytes() == path.read_bytes() for name, path in own.items())
    for name in files.keys() - own.keys() - compiled - bytecode - records.keys():
        assert hashes[name] == record_hash(files[name]), name
    machines = {re.sub(r".*-(\w+)-linux-gnu\.so", r"\1", name) for name in compiled}
    assert machines == {"aarch64", "x86_64"}, "for both of Lambda's processors"
    assert len(bytecode) == sum(name.endswith(".py") for name in files), "functions cannot store it"


def record_hash(path: Path) -> str:
    """As a wheel's list of files has it."""
    digest = urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


def six(hashes: list[str]) -> str:
    return " ".join(["six==1.17.0", *(f"--hash=sha256:{each}" for each in hashes)])


SOURCES = "ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81"
"""Of six 1.17.0: the archive beside its wheel."""


@pytest.mark.parametrize(
    ("requirement", "found"),
    [
        (six([]), "Hashes are required"),
        (six(["0" * 64]), "DO NOT MATCH THE HASHES"),
        (six([SOURCES]), "DO NOT MATCH THE HASHES"),
    ],
    ids=["without a hash", "with another hash", "as sources"],
)
def test_nothing_is_installed_but_what_was_locked(requirement: str, found: str, tmp_path: Path) -> None:
    """pip checks each hash, needs one for everything, and builds nothing from sources."""
    shared = copied(tmp_path) / "shared"
    (shared / "requirements.txt").write_text(requirement)

    done = subprocess.run(
        ["make", "build-Layer", f"ARTIFACTS_DIR={tmp_path / 'out'}"],
        cwd=shared,
        env=found_first(interpreter().folder),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert found in done.stderr


def test_the_layer_is_pinned_to_what_was_tested() -> None:
    """Version and hashes."""
    blocks = [each for each in re.split(r"\n(?=\S)", LOCK.strip()) if each]
    tested = re.split(r"\n(?=\S)", (ROOT / "locks/dev.txt").read_text().strip())

    assert len(blocks) > 5
    for each in blocks:
        pin, *hashes = re.split(r" \\\n\s+", each)
        (same,) = [block for block in tested if block.split()[0] == pin]
        assert hashes and all(one in same for one in hashes), "make lock"
