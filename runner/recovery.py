"""Point-in-time recovery of a table: asked about, and switched on. DynamoDB Local knows nothing of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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
