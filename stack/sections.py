"""The sections of `template.yaml` that are written from data, each between its own two banners."""

from __future__ import annotations

import re
from typing import Any

from stack import alarms, dashboard
from stack.access import roles
from stack.text import block

BACKSLASH = "\\"


class NoSuchSection(Exception):
    """The template lacks the banners between which a generated section stands."""


def sections() -> dict[str, dict[str, Any]]:
    """Resources by the name of the section in which they stand."""
    return {"ALARMS": alarms.resources(), "DASHBOARD": dashboard.resources(), "ROLES": roles()}


def renewed(template: str) -> str:
    """The template with its generated sections written anew. Raises NoSuchSection."""
    for name, resources in sections().items():
        between = re.compile(
            rf"(  # -+ {name}: written by `python -m stack`\n).*?(\n  # -+ END OF {name}\n)", re.DOTALL
        )
        if not between.search(template):
            raise NoSuchSection(f"expected banners of a section {name} in the template, found none")
        text = "\n".join(block({id: resource}, 2) for id, resource in resources.items())
        template = between.sub(rf"\g<1>\n{text.replace(BACKSLASH, BACKSLASH * 2)}\g<2>", template)
    return template
