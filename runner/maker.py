"""Which stack has made a table, as CloudFormation says it. A deployment that stops making a table deletes it, rows and all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runner.errors import NotReady, TableOfAnotherStack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def check(client: CloudFormationClient, stack: str, tables: Mapping[str, str]) -> None:
    """`tables`: physical names by the template's logical ids. Raises TableOfAnotherStack where another stack of this template
    has made one, and NotReady where CloudFormation does not say. A stack of the application's own may."""
    for logical, table in tables.items():
        try:
            found = _told(client.describe_stack_resources, PhysicalResourceId=table).get("StackResources")
            owner = found[0]["StackName"] if found else stack
            # Asked for by its id, since a list of a stack's resources ends after a hundred.
            asked = {"StackName": owner, "LogicalResourceId": logical}
            made = {} if owner == stack else _told(client.describe_stack_resource, **asked)
        except (ClientError, BotoCoreError) as problem:
            raise NotReady(
                f"expected CloudFormation to say which stack has made {table}, but: {problem}: allow yourself "
                "cloudformation:DescribeStackResources and cloudformation:DescribeStackResource"
            ) from problem
        if made.get("StackResourceDetail", {}).get("PhysicalResourceId") == table:
            raise TableOfAnotherStack(
                f"expected {table} made by no stack of this template but {stack!r}, found {owner!r}: it would delete the table "
                "when it is deployed without it; name that stack as stack_name in samconfig.toml"
            )


def _told(ask: Callable[..., Any], **asked: str) -> Any:
    """Nothing where CloudFormation knows no such thing."""
    try:
        return ask(**asked)
    except ClientError as problem:
        if problem.response["Error"]["Code"] == "ValidationError":
            return {}
        raise
