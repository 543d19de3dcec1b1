"""What `prepare` tells the next deployment: the streams, and never to stop making a table that a stack has made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError, WaiterError

from runner import aws, samconfig
from runner.address import Address, Flags, address
from runner.errors import NotReady, SamconfigUnwritable, StackOfAnotherStage, TableOfAnotherStack
from runner.stack import Deployment

HEAD = 'version = 0.1\n[dev.deploy.parameters]\nstack_name = "mine"\nregion = "eu-west-2"\n'
FACTS = {"LinksStreamArn": "arn:a", "CreateNewTables": "false"}
TABLES = {"NewLinks": "links", "NewData": "data"}
ADDRESS = Address("dev", "mine", None, None, None, {}, {})


class CloudFormation:
    """`stacks`: physical names by logical ids, by stack. It lists a hundred resources of a stack, as AWS does."""

    def __init__(self, stacks: dict[str, dict[str, str]], refuses: str = "") -> None:
        self._stacks, self._refuses = stacks, refuses

    def describe_stack_resources(self, PhysicalResourceId: str) -> Any:  # noqa: N803
        for stack, names in self._stacks.items():
            if PhysicalResourceId in names.values():
                return {"StackResources": [{"StackName": stack, "LogicalResourceId": each} for each in names][:100]}
        raise self._problem("describe_stack_resources")

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> Any:  # noqa: N803
        if LogicalResourceId in self._stacks[StackName]:
            return {"StackResourceDetail": {"PhysicalResourceId": self._stacks[StackName][LogicalResourceId]}}
        raise self._problem("describe_stack_resource")

    def get_paginator(self, name: str) -> Any:
        assert name == "list_stack_resources"
        return self

    def paginate(self, StackName: str) -> Any:  # noqa: N803
        if StackName not in self._stacks:
            raise self._problem("list_stack_resources")
        status = {"Gone": "DELETE_COMPLETE", "Kept": "DELETE_SKIPPED"}
        names = self._stacks[StackName].items()
        return [
            {
                "StackResourceSummaries": [
                    {
                        "LogicalResourceId": each,
                        "PhysicalResourceId": name,
                        "ResourceStatus": status.get(each, "UPDATE_COMPLETE"),
                    }
                    for each, name in names
                ]
            }
        ]

    def _problem(self, call: str) -> ClientError:
        code = "AccessDenied" if self._refuses == call else "ValidationError"
        return ClientError({"Error": {"Code": code, "Message": "no"}}, call)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "samconfig.toml"
    path.write_text(HEAD)
    return path


def deployment(config: Path, client: Any, names: dict[str, str], place: Address = ADDRESS) -> Deployment:
    none: Any = None
    return Deployment(client, none, replace(place, config=config), names, TABLES)


def test_tables_that_no_stack_has_made_are_not_made_by_ours(config: Path) -> None:
    ours = deployment(config, CloudFormation({}), {})

    assert ours.missing(FACTS) == "write CreateNewTables, LinksStreamArn to samconfig.toml, for the next deployment"
    ours.connect(FACTS)
    assert samconfig.settings(config, "dev").parameters == FACTS
    assert ours.missing(FACTS) == ""


def test_tables_that_our_stack_has_made_stay_its_own(config: Path) -> None:
    ours = deployment(config, CloudFormation({}), {"NewLinks": "links"})

    ours.connect(FACTS)

    assert samconfig.settings(config, "dev").parameters == {"LinksStreamArn": "arn:a"}


@pytest.mark.parametrize("value", ["false", "True"])
def test_what_would_delete_them_is_put_right(config: Path, value: str) -> None:
    samconfig.write(config, "dev", {"CreateNewTables": value})
    ours = deployment(config, CloudFormation({}), {"NewData": "data"})

    assert "CreateNewTables" in ours.missing(FACTS)
    ours.connect(FACTS)

    assert samconfig.settings(config, "dev").parameters["CreateNewTables"] == "true"
    assert ours.missing(FACTS) == ""


@pytest.mark.parametrize("others", [0, 200])
def test_tables_of_another_stack_of_this_template_are_refused_and_the_file_stays(config: Path, others: int) -> None:
    names = {f"Other{each}": f"other-{each}" for each in range(others)} | {"NewLinks": "links"}
    ours = deployment(config, CloudFormation({"forgotten": names}), {})

    for ask in (ours.missing, ours.connect):
        with pytest.raises(
            TableOfAnotherStack, match="expected links made by no .*'mine', found 'forgotten'.*stack_name"
        ):
            ask(FACTS)
    assert config.read_text() == HEAD


@pytest.mark.parametrize("names", [{"Links": "links"}, {"NewLinks": "another", "Links": "links"}])
def test_tables_of_the_applications_own_stack_are_welcome(config: Path, names: dict[str, str]) -> None:
    deployment(config, CloudFormation({"application": names}), {}).connect(FACTS)

    assert samconfig.settings(config, "dev").parameters == FACTS


@pytest.mark.parametrize("call", ["describe_stack_resources", "describe_stack_resource"])
def test_where_nobody_says_who_has_made_a_table_nothing_is_written(config: Path, call: str) -> None:
    ours = deployment(config, CloudFormation({"application": {"Links": "links"}}, refuses=call), {})

    with pytest.raises(NotReady, match="expected CloudFormation to say which stack has made .*allow yourself"):
        ours.connect(FACTS)
    assert config.read_text() == HEAD


def test_a_deployment_to_another_place_is_told_nothing(config: Path) -> None:
    place = replace(ADDRESS, contradiction="--region a beside region b there")

    with pytest.raises(
        SamconfigUnwritable, match="expected samconfig.toml .*found --region a beside region b there: correct"
    ):
        deployment(config, CloudFormation({}), {}, place).missing(FACTS)


def test_a_sandbox_makes_everything_itself(config: Path) -> None:
    client: Any = None

    assert deployment(config, client, {}, replace(ADDRESS, stage="sandbox")).missing(FACTS) == ""


def test_a_stack_of_another_name_in_another_region_is_found_and_keeps_its_tables(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report: its tables were taken for given, and the next deployment deleted them."""
    there = CloudFormation({"mine": {"NewMeasureLinks": "purposepath-measure-links"}})

    def clients(place: Address) -> Any:
        here = there if place.region == "eu-west-2" else CloudFormation({})
        return lambda service, *rest: here if service == "cloudformation" else MagicMock()

    monkeypatch.setattr(aws, "clients", clients)
    stack = aws.world(address(config, "dev", Flags())).stack

    assert "CreateNewTables" not in stack.missing(FACTS)
    stack.connect(FACTS)
    assert samconfig.settings(config, "dev").parameters == {"LinksStreamArn": "arn:a"}

    config.write_text(HEAD.replace("mine", "remodel-dev"))
    with pytest.raises(TableOfAnotherStack, match="purposepath-measure-links"):
        aws.world(address(config, "dev", Flags())).stack.connect(FACTS)


def test_a_stack_of_another_stage_is_refused_by_name(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, functions = CloudFormation({"mine": {"Backfill": "it"}}), MagicMock()
    variables = {"POWERTOOLS_METRICS_NAMESPACE": "Remodel/staging"}
    functions.get_function_configuration.return_value = {"Environment": {"Variables": variables}}
    clients = {"cloudformation": there, "lambda": functions}
    monkeypatch.setattr(aws, "clients", lambda place: lambda service, *rest: clients.get(service, MagicMock()))

    with pytest.raises(
        StackOfAnotherStage, match="expected a stack of stage dev, found one of stage staging: give --stage"
    ):
        aws.world(address(config, "dev", Flags()))


def test_a_table_that_is_gone_was_not_made() -> None:
    there = CloudFormation({"mine": {"NewLinks": "links", "Gone": "gone", "Kept": "kept"}})

    assert aws._resources(there, "mine") == {"NewLinks": "links"}


def test_a_stack_goes_and_one_that_cannot_names_what_holds_it(config: Path) -> None:
    client = MagicMock()
    it = deployment(config, client, {**TABLES, "Failed": "bucket"})

    assert it.removals() == ["stack mine, with 3 resources, its tables left out"]
    it.remove()
    client.delete_stack.assert_called_once_with(StackName="mine")

    client.get_waiter.return_value.wait.side_effect = WaiterError("stack_delete_complete", "failed", {})
    stuck = {"LogicalResourceId": "Failed", "ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": "not empty"}
    gone = {"LogicalResourceId": "Topic", "ResourceStatus": "DELETE_COMPLETE"}
    client.get_paginator.return_value.paginate.return_value = [{"StackResourceSummaries": [gone, stuck]}]
    with pytest.raises(NotReady, match=r"expected stack 'mine' to be deleted, found Failed: not empty: remove what"):
        it.remove()


def test_what_was_never_deployed_is_not_removed(config: Path) -> None:
    client = MagicMock()
    it = deployment(config, client, {})

    it.remove()

    assert (it.removals(), client.delete_stack.called) == ([], False)
