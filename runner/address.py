"""Where a stage is deployed: a flag says it, else `samconfig.toml`, as it says it to `sam deploy`.

Where neither does, the stack has its usual name, and region and profile are those of the environment.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner import samconfig
from runner.names import STEM

SAMCONFIG = Path(__file__).parents[1] / "samconfig.toml"


def config(stem: str) -> Path:
    """The file of a model whose names begin with `stem`: `samconfig.toml`, or `samconfig-x.toml` for `remodel-x`."""
    return SAMCONFIG.with_stem("-".join((SAMCONFIG.stem, *stem.split("-")[1:])))


@dataclass(frozen=True, slots=True)
class Flags:
    """As they are typed; None where one is not."""

    stack: str | None = None
    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """`region`, `profile`, `endpoint`: None leaves it to the environment. `parameters`, `tags`: those of the next deployment.
    `contradiction`: which flag leads to another account or region than `config`, the file that `sam deploy` reads; empty for
    none."""

    stage: str
    stack: str
    region: str | None
    profile: str | None
    endpoint: str | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    contradiction: str = ""
    config: Path = SAMCONFIG


def stages(config: Path) -> list[str]:
    """Those with a deployment in `samconfig.toml`; none where it cannot be read, which `address` then refuses."""
    try:
        document = tomllib.loads(config.read_text())
    except (OSError, ValueError):
        return []
    return [name for name, each in document.items() if isinstance(each, dict) and "deploy" in each]


def address(config: Path, stage: str, flags: Flags, stem: str = STEM) -> Address:
    """Raises SamconfigUnreadable."""
    found = samconfig.settings(config, stage)
    return Address(
        stage=stage,
        stack=flags.stack or found.stack_name or f"{stem}-{stage}",
        region=flags.region or found.region,
        profile=flags.profile or found.profile,
        endpoint=flags.endpoint,
        parameters=found.parameters,
        tags=found.tags,
        contradiction=_contradiction(found, flags),
        config=config,
    )


def _contradiction(found: samconfig.Settings, flags: Flags) -> str:
    pairs = {"region": (flags.region, found.region), "profile": (flags.profile, found.profile)}
    differ = {key: pair for key, pair in pairs.items() if all(pair) and pair[0] != pair[1]}
    return ", ".join(f"--{key} {flag} beside {key} {said} there" for key, (flag, said) in differ.items())
