"""How a table that a verb makes is kept: its key, its tags, and what protects it. DynamoDB Local knows no recovery."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def keeping(key: str = "", tags: Mapping[str, str] = MappingProxyType({}), protected: bool = False) -> dict[str, Any]:
    """As `create_table` takes it, in step with the tables of the template. `key`: ARN of the customer's key, empty for
    DynamoDB's own. `protected`: from deletion."""
    sse = {"Enabled": True, "SSEType": "KMS", **({"KMSMasterKeyId": key} if key else {})}
    options = {"SSESpecification": sse, "DeletionProtectionEnabled": protected}
    return {**options, **({"Tags": listed(tags)} if tags else {})}


def listed(tags: Mapping[str, str]) -> list[Any]:
    """Tags as AWS takes them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def switch_on(dynamodb: DynamoDBClient, table: str) -> None:
    """Does nothing where there is no such thing, or it is not allowed: `plan` says that it is off."""
    with suppress(ClientError):
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )


def status(dynamodb: DynamoDBClient, table: str) -> str:
    """ENABLED, DISABLED, or empty where this DynamoDB knows nothing of it."""
    try:
        told = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    except ClientError:
        return ""
    return told.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus", "")
