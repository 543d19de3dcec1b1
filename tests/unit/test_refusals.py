"""What goes wrong at a terminal is one sentence with what was expected, what was found and a remedy, and an exit status."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import make_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, SSOTokenLoadError
from typer.testing import CliRunner

import runner.address
from remodel.errors import NotAllowed, TableNotFound
from runner import aws, cutover, finish, here, options, rollback
from runner.cli import app
from runner.options import STATUSES
from runner.refusals import sentence

CODES = {
    "ExpiredTokenException": "ExpiredCredentials: .*`aws sso login`",
    "UnrecognizedClientException": "UnknownCredentials: .*--profile",
    "AccessDeniedException": "AccessDenied: expected permission for ListStackResources, .*administrator",
    "ResourceNotFoundException": "NotFound: .*samconfig.toml",
    "InternalFailure": "InternalFailure: expected AWS to carry out ListStackResources",
}


def typed(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    assert "Traceback" not in done.output
    return done.exit_code, done.output


def is_one_sentence(told: str) -> bool:
    """With its three parts, on one line and without a full stop in between."""
    parts = re.search(r"expected .+?(, found|: ).+: .+", told)
    return told.count("\n") == 1 and parts is not None and not re.search(r"\. [A-Z]", told)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nothing is set up, with a samconfig.toml of no stages."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(runner.address, "SAMCONFIG", tmp_path / "samconfig.toml")


def refusing(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    def world(*_: Any) -> Any:
        raise problem

    monkeypatch.setattr(aws, "world", world)
    monkeypatch.setattr(here, "world", world)


@pytest.mark.parametrize(
    "url", ["not-a-url", "localhost:8000", "http://", "ftp://localhost", "http://[::1", "http://a:b"]
)
def test_an_endpoint_that_is_no_url(url: str) -> None:
    status, told = typed("status", "--stage", "dev", "--endpoint-url", url)

    assert (status, is_one_sentence(told)) == (2, True), told
    assert repr(url) in told


@pytest.mark.parametrize("stage", ["dev", "sandbox"])
def test_an_endpoint_that_nothing_answers_at(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, EndpointConnectionError(endpoint_url="http://localhost:1/"))

    status, told = typed("status", "--stage", stage, "--endpoint-url", "http://localhost:1")

    assert (status, is_one_sentence(told)) == (1, True), told
    assert told.startswith("Unreachable: expected an answer from http://localhost:1/, found none: start it")


def test_no_region() -> None:
    status, told = typed("status", "--stage", "dev")

    assert (status, is_one_sentence(told)) == (1, True), told
    assert told.startswith("NoRegion: ") and "--region" in told


def test_no_credentials() -> None:
    status, told = typed("status", "--stage", "dev", "--region", "eu-west-1")

    assert (status, is_one_sentence(told)) == (1, True), told
    assert told.startswith("NoCredentials: ") and "aws configure" in told


def test_a_session_that_was_never_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, SSOTokenLoadError(error_msg="Token for work does not exist."))

    status, told = typed("status", "--stage", "dev")

    assert (status, is_one_sentence(told)) == (1, True), told
    assert told.startswith("NoCredentials: ")


@pytest.mark.parametrize(("code", "pattern"), CODES.items())
def test_what_aws_refuses(code: str, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, client_error(code))

    status, told = typed("status", "--stage", "dev")

    assert (status, is_one_sentence(told)) == (1, True), told
    assert re.match(pattern, told), told


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "User anna is not this. Or that."}}, "ListStackResources")


def test_what_aws_refuses_the_engine_is_told_in_the_words_of_the_runner() -> None:
    problem = NotAllowed("expected to be allowed: check the function's role")
    problem.__cause__ = client_error("AccessDeniedException")
    assert str(sentence(problem)).startswith("AccessDenied: ")
    assert sentence(TableNotFound("expected a table")) == "TableNotFound: expected a table"


def test_what_is_a_fault_of_the_program_is_not_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, ZeroDivisionError("in the program"))

    assert isinstance(CliRunner().invoke(app, ["status", "--stage", "dev"]).exception, ZeroDivisionError)
    assert sentence(BotoCoreError()) is not None


# ------------------------------------------------------------------------------------------ stages and statuses


STAGES = """version = 0.1
[default.deploy.parameters]
[sandbox.deploy.parameters]
[dev.deploy.parameters]
stack_name = "mine"
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []

    def world(*place: Any) -> Any:
        found.append(place)
        raise TableNotFound("expected nothing: this is a test")

    monkeypatch.setattr(aws, "world", world)
    monkeypatch.setattr(here, "world", world)
    return found


def test_a_stage_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    status, told = typed("status", "--stage", "nowhere")

    assert status == 2
    assert "'nowhere' is not one of 'sandbox', 'dev', 'staging', 'prod'" in " ".join(told.split())


@pytest.mark.parametrize("words", [[], ["status"], ["log"]])
def test_the_only_stage_besides_sandbox_need_not_be_named(words: list[str], asked: list[Any]) -> None:
    runner.address.SAMCONFIG.write_text(STAGES)

    assert typed(*words)[0] == 1
    assert [(each.stage, each.stack) for (each,) in asked] == [("dev", "mine")]


@pytest.mark.parametrize("config", [STAGES + "[prod.deploy.parameters]\n", "version =", ""])
def test_a_stage_that_is_not_clear_is_asked_for(config: str, asked: list[Any]) -> None:
    runner.address.SAMCONFIG.write_text(config)

    status, told = typed()

    assert (status, is_one_sentence(told), asked) == (2, True, [])
    assert "--stage" in told and "REMODEL_STAGE" in told


@pytest.mark.parametrize("words", [[], ["status"]])
def test_the_environment_says_where(words: list[str], asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMODEL_ENDPOINT_URL", "http://localhost:1")
    monkeypatch.setenv("REMODEL_PREFIX", "demo-")
    typed(*words)
    assert asked == [("http://localhost:1", "demo-")]

    monkeypatch.setenv("REMODEL_STAGE", "dev")
    status, told = typed(*words)
    assert (status, is_one_sentence(told)) == (2, True), told
    monkeypatch.delenv("REMODEL_PREFIX")
    typed(*words)
    assert (asked[-1][0].stage, asked[-1][0].endpoint) == ("dev", "http://localhost:1")


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert typed("--version") == (0, f"remodel {version('remodel')}\n")


def ends(how: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> int:
    def world(*_: Any) -> Any:
        how()

    monkeypatch.setattr(aws, "world", world)
    return typed("log", "--stage", "dev")[0]


def test_each_exit_status_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    def refused() -> None:
        raise TableNotFound("expected a table")

    found = {
        typed("--version")[0]: "done",
        ends(refused, monkeypatch): "refused or differences found",
        typed("log", "--stage", "nowhere")[0]: "wrong usage",
        ends(interrupted, monkeypatch): "interrupted",
    }
    assert f"Exit status: {', '.join(f'{status} {what}' for status, what in found.items())}." == STATUSES
    assert STATUSES in " ".join(typed("--help")[1].split())


# ------------------------------------------------------------------------------------------ confirmation


class Prod:
    stage = "prod"


@pytest.mark.parametrize("given", [None, "", "dev"])
def test_what_cannot_be_undone_is_refused_without_the_name_of_the_stage(
    given: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    it: Any = Prod()
    with pytest.raises(options.typer.Exit) as ended:
        options.confirm(it, given, "All of this will be deleted")

    assert ended.value.exit_code == 2
    told = capsys.readouterr().err
    assert is_one_sentence(told) and "--confirm prod" in told


def test_the_name_of_the_stage_confirms() -> None:
    it: Any = Prod()
    options.confirm(it, "prod", "All of this will be deleted")


@pytest.fixture
def acted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the verbs have carried out, at prod, where nothing stands in their way."""
    done: list[str] = []
    Stage = make_dataclass("Stage", ["stage", "migrated", "sources", "flag", "where", "as_json"])  # noqa: N806
    it: Any = Stage("prod", ["actuals"], ["actuals"], SimpleNamespace(name="the flag"), "", False)
    monkeypatch.setattr(options, "world", lambda **_: nullcontext(it))
    monkeypatch.setattr(options, "_told", lambda it: "nothing")
    answers = {"cutover": cutover.Flipped("new"), "clear_rows": {}}
    for module, name in ((finish, "finish"), (cutover, "cutover"), (rollback, "clear_rows")):
        monkeypatch.setattr(module, name, lambda *_, name=name: done.append(name) or answers.get(name))
    looks = (
        (finish, "removals"),
        (finish, "remains"),
        (finish, "check"),
        (rollback, "check"),
        (rollback, "is_to_flip_back"),
    )
    for module, name in looks:
        monkeypatch.setattr(module, name, lambda *_: [])
    return done


@pytest.mark.parametrize(("verb", "name"), [("finish", "finish"), ("cutover", "cutover"), ("rollback", "clear_rows")])
def test_no_verb_does_what_cannot_be_undone_unless_it_is_confirmed(verb: str, name: str, acted: list[str]) -> None:
    for words in ([], ["--confirm", "dev"]):
        status, told = typed(verb, "--stage", "prod", "--execute", *words)
        assert (status, acted) == (2, []), told
        assert is_one_sentence(told.splitlines(keepends=True)[-1])

    assert typed(verb, "--stage", "prod", "--execute", "--confirm", "prod")[0] == 0
    assert acted == [name]


@pytest.mark.parametrize(("answer", "passes"), [("prod", True), ("yes", False)])
def test_at_a_terminal_the_name_is_typed(answer: str, passes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    it: Any = Prod()
    asked: list[str] = []

    def prompt(told: str, **_: Any) -> str:
        asked.append(told)
        return answer

    monkeypatch.setattr(options.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(options.typer, "prompt", prompt)
    try:
        options.confirm(it, None, "All of this will be deleted")
    except options.typer.Exit:
        assert not passes
    else:
        assert passes
    assert asked and "All of this will be deleted" in asked[0]
