"""The verb that comes first: `remodel new-model`, a page of a model made of the tables that there are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runner.options import Endpoint, ending, option

app = typer.Typer()


@app.command("new-model")
def new_model(
    sources: Annotated[list[str], typer.Argument(metavar="TABLE...", help="Tables, or files with rows as JSON.")],
    name: Annotated[str | None, option("--name", "Of the model. Default: that of the first table.")] = None,
    key: Annotated[
        list[str] | None, option("--key", "Of a file: its key attributes, as PK,SK. Given once, of all; else in order.")
    ] = None,
    sample: Annotated[int, option("--sample", "Rows of each table to read.", min=1)] = 1_000,
    region: Annotated[str | None, option("--region", "Default: that of AWS's settings.")] = None,
    profile: Annotated[str | None, option("--profile", "Of AWS's credentials. Default: likewise.")] = None,
    endpoint: Endpoint = None,
) -> None:
    """The first page of a model, on standard output, made of some rows of the old tables, for you to edit. Reads, never writes.

    Example: remodel new-model shop-table --name shop > shop/model.py
    """
    with ending(resumes=False):
        from newmodel import page, samples
        from runner.address import Address
        from runner.aws import clients

        found, keys = [], list(key or [""])
        for each in sources:
            if (path := Path(each)).is_file():
                its = keys.pop(0) if len(keys) > 1 else keys[0]
                found.append(samples.of_file(path, [part for part in its.split(",") if part], sample))
            else:
                place = Address("", "", region, profile, endpoint, {}, {})
                found.append(samples.of_table(clients(place)("dynamodb"), each, sample))
        sys.stdout.write(page.page(name or page.slug(found[0].name), found))
