"""The generated sections of the template are what their data say, and its YAML says what the data say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.template import _Call, _Loader
from stack.sections import NoSuchSection, renewed, sections
from stack.text import Call, block, flow

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


def test_the_generated_sections_are_current() -> None:
    text = TEMPLATE.read_text()

    assert text == renewed(text), "run `.venv/bin/python -m stack`"


def test_a_section_changed_by_hand_is_noticed() -> None:
    text = TEMPLATE.read_text()
    changed = text.replace("dynamodb:UpdateItem]", "dynamodb:DeleteItem]", 1)

    assert changed != text
    assert renewed(changed) == text


def test_a_template_without_banners_is_named() -> None:
    with pytest.raises(NoSuchSection, match="expected banners of a section"):
        renewed("Resources:\n")


def test_what_is_written_is_read_as_what_was_meant() -> None:
    document = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]
    for resources in sections().values():
        for id, resource in resources.items():
            assert document[id] == _read(resource)


@pytest.mark.parametrize(
    "value", ["on", "1", "a: b", "a:", "", "x # y", "ä", "*", "true", "2012-10-17", "!x", "{}", "a\nb"]
)
@pytest.mark.parametrize("times", [1, 40])
def test_text_stays_text(value: str, times: int) -> None:
    whole = {"key": {"list": [value] * times, "call": Call("Join", ["", [value] * times])}}

    assert yaml.load(block(whole, 2), _Loader) == _read(whole) == yaml.load(flow(whole), _Loader)


def _read(value: Any) -> Any:
    """As the reader has it."""
    match value:
        case Call():
            return _Call(value.name, _read(value.argument))
        case dict():
            return {key: _read(each) for key, each in value.items()}
        case list():
            return [_read(each) for each in value]
        case _:
            return value
