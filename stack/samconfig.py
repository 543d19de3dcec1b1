"""The `samconfig.toml` of another model: this one, under the names of the model, with a template and a build of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomlkit

from runner.names import STEM
from stack.template import ROOT, stem


def template_file(named: str) -> str:
    """What its template is called: `template-x.yaml` for `remodel-x`."""
    return f"{stem(named).replace(STEM, 'template', 1)}.yaml"


def samconfig(named: str) -> str:
    """`named`: `package.module:NAME` of another model than that of `template.yaml`. Raises ModelNotFound."""
    begin, build = stem(named), f".aws-sam/{stem(named)}"
    text = (ROOT / "samconfig.toml").read_text()
    document = tomlkit.parse(text.replace(f'"{STEM}-', f'"{begin}-').replace(f"app={STEM} ", f"app={begin} "))
    default: Any = document["default"]
    for command in ("validate", "build"):
        default[command]["parameters"]["template_file"] = template_file(named)
    default["build"]["parameters"]["build_dir"] = build
    for stage, section in document.items():
        if isinstance(section, dict) and "deploy" in section:
            settings = section["deploy"]["parameters"]
            settings["template_file"] = str(Path(build) / "template.yaml")
            settings["parameter_overrides"] = f"Stage={stage}"
    return tomlkit.dumps(document)
