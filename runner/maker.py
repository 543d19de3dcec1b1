"""Which stack has made a table, as CloudFormation says it. A deployment that stops making a table deletes it, rows and all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runner.errors import NotReady, TableOfAnotherStack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def check(client: CloudFormationClient, stack: str, tables: Mapping[str, str]) -> None:
    """`tables`: physical names by the template's logical ids. Raises TableOfAnotherStack where another stack of this template
    has made one, and NotReady where CloudFormation does not say. A stack of the application's own may."""
    for logical, table in tables.items():
        try:
            owner = _maker(client, table)
            is_ours = owner not in ("", stack) and _made(client, owner, logical) == table
        except (ClientError, BotoCoreError) as problem:
            raise NotReady(
                f"expected CloudFormation to say which stack has made {table}, but: {problem}: allow yourself "
                "cloudformation:DescribeStackResources and cloudformation:DescribeStackResource"
            ) from problem
        if is_ours:
            raise TableOfAnotherStack(
                f"expected {table} made by no stack of this template but {stack!r}, found {owner!r}: it would delete the table "
                "when it is deployed without it; name that stack as stack_name in samconfig.toml"
            )


def _maker(client: CloudFormationClient, table: str) -> str:
    """Empty where no stack has."""
    try:
        found = client.describe_stack_resources(PhysicalResourceId=table)["StackResources"]
    except ClientError as problem:
        if _is_unknown(problem):
            return ""
        raise
    return found[0]["StackName"] if found else ""


def _made(client: CloudFormationClient, stack: str, logical: str) -> str:
    """Asked for by its id, since a list of a stack's resources ends after a hundred."""
    try:
        answer = client.describe_stack_resource(StackName=stack, LogicalResourceId=logical)
    except ClientError as problem:
        if _is_unknown(problem):
            return ""
        raise
    return answer["StackResourceDetail"].get("PhysicalResourceId", "")


def _is_unknown(problem: ClientError) -> bool:
    return problem.response["Error"]["Code"] == "ValidationError"
