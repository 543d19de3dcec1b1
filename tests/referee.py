"""What SAM itself reads: run by the interpreter of `.cache/sam`, never by ours.

Takes `{name: {"env": …, "text": …}}` on standard input, `text` being a samconfig.toml; answers what `sam deploy --config-env`
makes of each, with no call to anything.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def read(env: str, text: str) -> dict[str, Any]:
    """In the current folder."""
    from samcli.cli.context import Context
    from samcli.commands.deploy.command import cli

    Path("samconfig.toml").write_bytes(text.encode())
    said = Context()
    try:
        found = cli.make_context("deploy", ["--config-env", env], obj=said).params
    except Exception as problem:
        return {"refused": type(problem).__name__}
    return {
        "stack_name": found["stack_name"],
        "region": said.region,
        "profile": said.profile,
        "parameters": found["parameter_overrides"],
        "tags": found["tags"] or {},
    }


def main() -> None:
    asked = json.load(sys.stdin)
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("template.yaml").write_text("Resources: {}")
        Path("config").write_text("".join(f"[profile {name}]\n" for name in ("anna", "ben")))
        os.environ["AWS_CONFIG_FILE"] = str(Path("config").resolve())
        answer = {name: read(each["env"], each["text"]) for name, each in asked.items()}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
