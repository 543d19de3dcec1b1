"""The verbs of `remodel`, as a person types them: each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_cloud.cloud import Cloud
from local_cloud.emulator import credentials, die_with_parent

ENDS = 20.0
"""Seconds that a verb may take to stop."""


class VerbFailed(Exception):
    """A verb ended with another exit status than it should."""


class Verbs:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._program = [sys.executable, "-m", "runner.cli"]
        self._place = ["--endpoint-url", cloud.endpoint, "--prefix", cloud.prefix]
        self._environment = credentials(dict(os.environ))

    def ask(self, *words: str, statuses: Collection[int] = (0,)) -> tuple[int, Any]:
        """Exit status and answer. Raises VerbFailed."""
        command = [*self._program, *words, "--stage", "sandbox", *self._place, "--json"]
        process = self._begin(command, subprocess.PIPE, subprocess.PIPE)
        try:
            out, err = process.communicate()
        finally:
            _end(process)
        if process.returncode not in statuses or not out:  # a refusal has no answer
            told = err.strip() or out.strip()
            raise VerbFailed(f"expected `remodel {' '.join(words)}` to succeed, found {process.returncode}: {told}")
        return process.returncode, json.loads(out)

    def follow(self, *words: str) -> Iterator[str]:
        """What it says, line by line, as a person sees it. Raises VerbFailed."""
        command = [*self._program, *words, "--stage", "sandbox", *self._place]
        process = self._begin(command, subprocess.PIPE, subprocess.STDOUT)
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line.strip())
                yield said[-1]
            process.wait()
        finally:
            _end(process)
        if process.returncode:
            told = "; ".join(said[-3:])
            raise VerbFailed(f"expected `remodel {' '.join(words)}` to succeed, found {process.returncode}: {told}")

    @contextmanager
    def local(self, log: Path, kill: float, repeat: float) -> Iterator[None]:
        """`remodel local`, beside the block."""
        faults = ["--kill", f"{kill:g}", "--repeat", f"{repeat:g}"]
        with log.open("w") as output:
            process = self._begin([*self._program, "local", *self._place, *faults], output, output)
        try:
            yield
        finally:
            _end(process)

    def _begin(self, command: list[str], out: Any, err: Any) -> subprocess.Popen[str]:
        """Out of reach of the terminal's Ctrl-C, so that it is ended once."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # between fork and exec it would end in a traceback
        try:
            return subprocess.Popen(
                command,
                stdout=out,
                stderr=err,
                text=True,
                env=self._environment,
                preexec_fn=_apart,  # noqa: PLW1509
            )
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _apart() -> None:
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C does."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(ENDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
