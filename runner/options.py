"""What all verbs have in common: the options that say where, the world that is found there, and how a verb ends.

What is slow to import is imported when a verb runs, so that `--help`, and a mistake in the options, are answered at once.
"""

from __future__ import annotations

import inspect
import json
import shlex
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_type_hints
from urllib.parse import urlsplit

import typer

from runner.legible import legible, shortened

if TYPE_CHECKING:
    from runner.world import World

REFUSED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit statuses beside 0: a refusal or differences; options that make no sense; Ctrl-C."""

STATUSES = "Exit status: 0 done, 1 refused or differences found, 2 wrong usage, 130 interrupted."


class Stage(StrEnum):
    SANDBOX = "sandbox"
    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


def _url(given: str | None) -> str | None:
    try:
        parts = urlsplit(given or "")
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if given is not None and not is_url:
        fail(f"expected --endpoint-url as http://HOST:PORT, found {given!r}: for example http://localhost:8000", USAGE)
    return given


def option(name: str, help: str, **more: Any) -> Any:
    return typer.Option(name, help=help, **more)


def _place(name: str, help: str, **more: Any) -> Any:
    """An option that the environment may give instead."""
    return option(name, help, envvar=f"REMODEL_{name.strip('-').upper().replace('-', '_')}", **more)


Endpoint = Annotated[
    str | None, _place("--endpoint-url", "Instead of AWS: a local cloud, or a DynamoDB Local.", callback=_url)
]
Prefix = Annotated[str, _place("--prefix", "On a DynamoDB Local: what the tables' names begin with.")]


def where(
    stage: Annotated[Stage | None, _place("--stage", "Default: the one of samconfig.toml besides sandbox.")] = None,
    stack: Annotated[str | None, _place("--stack", "The stack's name. Default: that of samconfig.toml.")] = None,
    region: Annotated[
        str | None, _place("--region", "Default: that of samconfig.toml, else of AWS's settings.")
    ] = None,
    profile: Annotated[str | None, _place("--profile", "Of AWS's credentials. Default: likewise.")] = None,
    endpoint: Endpoint = None,
    prefix: Prefix = "",
    as_json: Annotated[bool, option("--json", "The answer as JSON.")] = False,
) -> None:
    """The options that every verb takes, as a signature."""


Execute = Annotated[bool, option("--execute", "Do it; without this, only say what would be done.")]
Confirm = Annotated[str | None, option("--confirm", "The stage's name; asked for otherwise.", metavar="STAGE")]


def verb(app: typer.Typer, example: str, resumes: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a command, named and described as its function, whose first parameter is the world that the common options
    lead to. `resumes`: typed again after Ctrl-C, it goes on where it was."""

    def register(work: Callable[..., None]) -> Callable[..., None]:
        def command(context: typer.Context, **given: Any) -> None:
            place = {each: given.pop(each) for each in inspect.signature(where).parameters}
            as_json = place.pop("as_json")
            with ending(resumes and bool(given.get("execute") or given.get("full"))), world(**place) as found:
                it = replace(found, where=_typed(context, place), as_json=as_json)
                with _next_step(it):
                    work(it, **given)

        own = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [own, *_parameters(where), *_parameters(work)[1:]]
        parameters.sort(key=lambda each: each.default is not inspect.Parameter.empty)
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        app.command(work.__name__.strip("_"), help=f"{inspect.getdoc(work)}\n\nExample: remodel {example}")(command)
        return work

    return register


@contextmanager
def _next_step(it: World) -> Iterator[None]:
    """Ends a verb with what to type next, unless its answer is JSON, or it was not meant so."""
    ended = typer.Exit(0)
    try:
        yield
    except typer.Exit as given:
        ended = given
    if not it.as_json and ended.exit_code != USAGE:
        from runner import show

        show.lines(f"next: {_told(it)}")
    if ended.exit_code:
        raise ended


def _told(it: World) -> str:
    """What was done stays done where the next step cannot be told."""
    from botocore.exceptions import BotoCoreError, ClientError

    from remodel.errors import RemodelError
    from runner.names import command
    from runner.readiness import next_step
    from runner.survey import everything

    try:
        return str(next_step(everything(it)))
    except (RemodelError, ClientError, BotoCoreError) as problem:
        return f"`{command('status', it.where)}` ({problem})"


def _typed(context: typer.Context, options: Mapping[str, str | None]) -> str:
    """The options that lead to a stage, as they were typed; those that the environment gives need not be."""
    names = {"endpoint": "endpoint-url"}
    sources = {name: context.get_parameter_source(name) for name in options}
    typed = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    given = {names.get(name, name): value for name in typed if (value := options[name])}
    return " ".join(f"--{name} {shlex.quote(value)}" for name, value in given.items())


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    kinds = get_type_hints(function, localns={"World": object}, include_extras=True)
    every = inspect.signature(function).parameters.values()
    return [each.replace(annotation=kinds[each.name], kind=inspect.Parameter.KEYWORD_ONLY) for each in every]


@contextmanager
def world(stage: Stage | None, endpoint: str | None, prefix: str, **place: str | None) -> Iterator[World]:
    """On AWS, deployed or not yet; on an endpoint that knows no stacks, the tables of the template on a DynamoDB Local."""
    if prefix and (endpoint is None or stage not in (None, Stage.SANDBOX)):
        given = f"--stage {stage}" if endpoint else "none"
        fail(f"expected --endpoint-url and --stage sandbox beside --prefix, found {given}: give them", USAGE)
    deployed = None if prefix else _deployed(stage or _only(), endpoint=endpoint, **place)
    if deployed is not None:
        yield deployed
        return
    from runner import here

    assert endpoint is not None
    with here.world(endpoint, prefix) as found:
        yield found


def _only() -> Stage:
    """The one stage of samconfig.toml besides sandbox."""
    from runner.address import config, stages
    from runner.model import named
    from stack.template import stem

    known = [each for each in stages(config(stem(named()))) if each in list(Stage) and each != Stage.SANDBOX]
    if len(known) != 1:
        fail(f"expected a stage, found none: give --stage or set REMODEL_STAGE to one of {', '.join(Stage)}", USAGE)
    return Stage(known[0])


def _deployed(stage: Stage, **place: str | None) -> World | None:
    """None where an endpoint knows no stacks."""
    from botocore.exceptions import BotoCoreError, ClientError

    from runner import address, aws
    from runner.errors import NoSuchStack
    from runner.model import named
    from runner.refusals import is_unreachable
    from stack.template import stem

    flags = address.Flags(**place)
    begin = stem(named())
    at = address.address(address.config(begin), stage.value, flags, begin)
    try:
        return aws.world(at)
    except (NoSuchStack, ClientError, BotoCoreError) as problem:
        may_be_local = stage == Stage.SANDBOX and flags.endpoint is not None and flags.stack is None
        if not may_be_local or is_unreachable(problem):
            raise
        return None


@contextmanager
def ending(resumes: bool) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):
        again = f": `{shlex.join(['remodel', *sys.argv[1:]])}` goes on from here" if resumes else ""
        fail(f"stopped{again}", INTERRUPTED)
    except typer.Exit:
        raise
    except Exception as problem:
        from runner.refusals import sentence

        if (told := sentence(problem)) is None:
            raise
        fail(told, REFUSED)


LONGEST = 10_000
"""Characters of an error."""


def fail(told: str, status: int) -> NoReturn:
    typer.echo(legible(shortened(told, LONGEST)), err=True)
    raise typer.Exit(status)


def confirm(it: World, given: str | None, what: str) -> None:
    """Goes on only if the stage's name is given, or typed at a terminal."""
    if given is None and sys.stdin.isatty():
        given = typer.prompt(f"{what}. This cannot be undone. Type the stage's name to go on", err=True)
    if given != it.stage:
        found = repr(given) if given else "none"
        fail(
            f"expected the name of the stage, found {found}: confirm with --confirm {it.stage}; nothing was done", USAGE
        )


def say(as_json: bool, answer: Any, show: Callable[..., object], *shown: Any) -> None:
    """To a script the answer, to a person what is shown."""
    if as_json:
        print(json.dumps(answer, indent=2, default=_plain))
    else:
        show(*shown)


def _plain(value: object) -> str:
    """What JSON has no form for: binary is base64, as in DynamoDB's own JSON."""
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
