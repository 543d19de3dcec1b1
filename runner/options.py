"""What all verbs have in common: the options that say where, the world that is found there, and how refusals are told."""

from __future__ import annotations

import functools
import inspect
import json
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, get_type_hints

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from remodel.errors import RemodelError
from runner import aws, here
from runner.address import Flags, address
from runner.errors import NoSuchStack
from runner.names import command as typed
from runner.readiness import next_step
from runner.survey import everything
from runner.world import World

out, err = Console(), Console(stderr=True)

USAGE = 2
"""The exit status of a command that cannot be meant."""


class Stage(StrEnum):
    SANDBOX = "sandbox"
    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


def where(
    stage: Annotated[Stage, typer.Option("--stage", help="The stage.")],
    stack: Annotated[
        str | None, typer.Option("--stack", help="The stack's name, where it is not the one of samconfig.toml.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="The region, where it is not the one of samconfig.toml.")
    ] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="The profile of credentials, likewise.")] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint-url", help="Instead of AWS: a local cloud, or a DynamoDB Local.")
    ] = None,
    prefix: Annotated[
        str, typer.Option("--prefix", help="On a DynamoDB Local: what the tables' names begin with.")
    ] = "",
) -> None:
    """The options that every verb takes, as a signature."""


Json = Annotated[bool, typer.Option("--json", help="The answer as JSON.")]
Execute = Annotated[bool, typer.Option("--execute", help="Do it; without this, only say what would be done.")]


def verb(app: typer.Typer, name: str, help: str, example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a command whose first parameter is the world that the common options lead to."""

    def register(work: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(work)
        def command(**given: Any) -> None:
            place = {each: given.pop(each) for each in inspect.signature(where).parameters}
            stage, prefix = place.pop("stage"), place.pop("prefix")
            typed = {"stage": stage.value, **place, "prefix": prefix}
            with world(stage, Flags(**place), prefix) as found:
                it = replace(found, where=_typed(typed))
                with _next_step(it, given.get("as_json", True)):
                    work(it, **given)

        parameters = [*_parameters(where), *_parameters(work)[1:]]
        parameters.sort(key=lambda each: each.default is not inspect.Parameter.empty)
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        del command.__wrapped__
        app.command(name, help=f"{help}\n\nExample: remodel {example}")(command)
        return work

    return register


@contextmanager
def _next_step(it: World, as_json: bool) -> Iterator[None]:
    """Ends a verb with what to type next, unless its answer is JSON, or it was not meant so."""
    ended = typer.Exit(0)
    try:
        yield
    except typer.Exit as given:
        ended = given
    if not as_json and ended.exit_code != USAGE:
        out.print(f"next: {_told(it)}", highlight=False, soft_wrap=True, markup=False)
    if ended.exit_code:
        raise ended


def _told(it: World) -> str:
    """What was done stays done where the next step cannot be told."""
    try:
        return str(next_step(everything(it)))
    except (RemodelError, ClientError, BotoCoreError) as problem:
        return f"`{typed('status', it.where)}` ({problem})"


def _typed(options: Mapping[str, str | None]) -> str:
    """The options that lead to a stage, as they are typed."""
    names = {"endpoint": "endpoint-url"}
    given = {names.get(name, name): value for name, value in options.items() if value}
    return " ".join(f"--{name} {shlex.quote(value)}" for name, value in given.items())


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    kinds = get_type_hints(function, include_extras=True)
    every = inspect.signature(function).parameters.values()
    return [each.replace(annotation=kinds[each.name], kind=inspect.Parameter.KEYWORD_ONLY) for each in every]


@contextmanager
def world(stage: Stage, flags: Flags, prefix: str) -> Iterator[World]:
    """On AWS, deployed or not yet; on an endpoint that knows no stacks, the tables of the template on a DynamoDB Local."""
    with _refusals():
        try:
            found = aws.world(address(aws.SAMCONFIG, stage.value, flags))
        except NoSuchStack:
            if flags.endpoint is None or flags.stack is not None:
                raise
            with here.world(flags.endpoint, prefix) as found:
                yield found
        else:
            yield found


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RemodelError as problem:
        err.print(f"[red]{type(problem).__name__}[/red]: {problem}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from problem
    except (ClientError, BotoCoreError) as problem:
        told = f"expected AWS to do what the verb asks, but: {problem}: see the credentials and their permissions"
        err.print(f"[red]{type(problem).__name__}[/red]: {told}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from problem
    except KeyboardInterrupt:
        err.print("stopped: the same command goes on from here")
        raise typer.Exit(1) from None


def say(answer: Any, as_json: bool, show: Callable[[], None]) -> None:
    if as_json:
        print(json.dumps(answer, indent=2, default=_plain))
    else:
        show()


def _plain(value: object) -> str:
    """What JSON has no form for: binary is base64, as in DynamoDB's own JSON."""
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def watching(quiet: bool) -> Callable[[str], None]:
    """What is being done, line by line, for a person only."""
    return (lambda _: None) if quiet else (lambda told: err.print(told, style="dim", highlight=False, soft_wrap=True))
