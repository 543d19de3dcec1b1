"""Event source mappings as AWS has them: one that is being made or changed takes no other change until that is done."""

from __future__ import annotations

from typing import Any

import pytest

from runner.mappings import TRIES, Mappings


class InUse(Exception): ...


class Lambda:
    """One mapping, in a passing state for so many looks at the clock."""

    class exceptions:  # noqa: N801 (as boto3 has it)
        ResourceInUseException = InUse

    def __init__(self, state: str, passing: int, then: str) -> None:
        self.state, self.passing, self.then = state, passing, then
        self.asked: list[bool] = []

    def list_event_source_mappings(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 (as boto3 has it)
        return {"EventSourceMappings": [{"UUID": FunctionName, "State": self.state, "EventSourceArn": "arn"}]}

    def update_event_source_mapping(self, UUID: str, Enabled: bool) -> None:  # noqa: N803 (as boto3 has it)
        if self.passing:
            raise InUse
        self.asked.append(Enabled)
        self.state = "Enabled" if Enabled else "Disabled"

    def sleep(self, seconds: float) -> None:
        self.passing -= 1
        if not self.passing:
            self.state = self.then


def mappings(client: Any) -> Mappings:
    return Mappings(client, None, {"links": "it"}, ["links", "people"], client.sleep)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "then", "wanted"),
    [("Disabling", "Disabled", True), ("Creating", "Enabled", False), ("Updating", "Enabled", False)],
)
def test_it_is_changed_once_it_can_be(state: str, then: str, wanted: bool) -> None:
    client = Lambda(state, 3, then)

    mappings(client).switch(wanted)

    assert (client.asked, client.passing) == ([wanted], 0)


@pytest.mark.parametrize(
    ("state", "wanted"), [("Enabled", True), ("Enabling", True), ("Disabled", False), ("Disabling", False)]
)
def test_it_is_left_alone_where_it_is_as_asked(state: str, wanted: bool) -> None:
    client = Lambda(state, 0, state)

    mappings(client).switch(wanted)

    assert client.asked == []


def test_it_is_not_waited_for_without_end() -> None:
    client = Lambda("Updating", 2 * TRIES, "Enabled")

    with pytest.raises(InUse):
        mappings(client).switch(False)

    assert client.passing == TRIES + 1
