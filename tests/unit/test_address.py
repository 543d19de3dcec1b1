"""Where a stage is: its flags, over samconfig.toml, over what is usual; and the clients that are made for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import runner.address
from runner import aws
from runner.address import Address, Flags, address
from runner.cli import app
from runner.errors import NoSuchProfile, NoSuchStack

SAID = """version = 0.1
[dev.global.parameters]
region = "eu-west-2"
profile = "anna"
[dev.deploy.parameters]
stack_name = "mine"
parameter_overrides = ["Stage=dev"]
"""
BARE = Address("dev", "remodel-dev", None, None, None, {}, {})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "samconfig.toml"
    path.write_text(SAID)
    return path


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile anna]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")


def test_a_stage_is_where_samconfig_says(config: Path) -> None:
    assert address(config, "dev", Flags()) == Address(
        "dev", "mine", "eu-west-2", "anna", None, {"Stage": "dev"}, {}, config=config
    )


def test_a_flag_says_more(config: Path) -> None:
    found = address(config, "dev", Flags("other", "eu-west-3", "ben", "http://here"))

    assert (found.stack, found.region, found.profile, found.endpoint) == ("other", "eu-west-3", "ben", "http://here")
    assert (
        found.contradiction
        == "--region eu-west-3 beside region eu-west-2 there, --profile ben beside profile anna there"
    )


def test_a_flag_that_says_the_same_or_what_nobody_says_contradicts_nothing(config: Path) -> None:
    assert address(config, "dev", Flags(region="eu-west-2", profile="anna")).contradiction == ""
    assert address(config, "prod", Flags(region="eu-west-3", profile="ben")).contradiction == ""


def test_a_stage_of_which_nothing_is_said_has_the_usual_name(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    assert address(config, "dev", Flags()) == replace(BARE, config=config)


def test_the_clients_are_in_the_region_of_the_address_else_of_its_profile(profiles: None) -> None:
    anna = replace(BARE, profile="anna")

    assert aws.clients(anna)("sqs").meta.region_name == "eu-north-1"
    assert aws.clients(replace(anna, region="eu-west-2"))("sqs").meta.region_name == "eu-west-2"


def test_a_profile_that_this_machine_does_not_have_is_refused_by_name(profiles: None) -> None:
    with pytest.raises(NoSuchProfile, match=r"expected profile 'ben' .*found none: .*--profile"):
        aws.clients(replace(BARE, profile="ben"))


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ([], ("mine", "eu-west-2", "anna")),
        (["--stack", "other", "--region", "eu-west-3", "--profile", "ben"], ("other", "eu-west-3", "ben")),
    ],
)
def test_every_verb_goes_there(
    flags: list[str], found: tuple[str, ...], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Address] = []

    def world(address: Address) -> Any:
        asked.append(address)
        raise NoSuchStack("expected none")

    monkeypatch.setattr(runner.address, "SAMCONFIG", config)
    monkeypatch.setattr(aws, "world", world)

    assert CliRunner().invoke(app, ["log", "--stage", "dev", *flags]).exit_code == 1
    assert [(each.stack, each.region, each.profile) for each in asked] == [found]


def test_a_samconfig_that_sam_refuses_is_refused_by_every_verb(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(SAID.replace("version = 0.1", ""))
    monkeypatch.setattr(runner.address, "SAMCONFIG", config)

    done = CliRunner().invoke(app, ["log", "--stage", "dev"])

    assert done.exit_code == 1
    assert "SamconfigUnreadable: expected samconfig.toml with `version = 0.1`, found None" in done.output
