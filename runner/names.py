"""What the template calls the parts of a table: logical ids and parameters, made of the table's logical name."""

from __future__ import annotations

import re

STEM = "remodel"
"""What names in an account begin with. For another model than that of `template.yaml`, its name comes next."""


def flag(stem: str, stage: str) -> str:
    """The read flag, a parameter in SSM."""
    return f"/{stem.replace('-', '/', 1)}/{stage}/read"


def camel(table: str) -> str:
    """`two_words` is `TwoWords` in the template."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", table))


def replicator(table: str) -> str:
    """The function on the stream of an old table."""
    return f"Replicate{camel(table)}"


def new_table(table: str) -> str:
    """A new table, where the stack makes it."""
    return f"New{camel(table)}"


def name_parameter(table: str) -> str:
    return f"{camel(table)}Table"


def stream_parameter(table: str) -> str:
    return f"{camel(table)}StreamArn"


def command(words: str, where: str) -> str:
    """What a person types: a verb with its options, for the stage that the options in `where` lead to."""
    verb, dash, options = words.partition(" --")
    return " ".join(filter(None, ("remodel", verb, where))) + dash + options
