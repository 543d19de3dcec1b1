"""What the runner reads and writes on AWS beside DynamoDB, on moto: the bucket of failed batches and the read flag."""

from __future__ import annotations

import json
from typing import Any

import boto3
from moto import mock_aws

from remodel.clock import SystemClock
from runner.aws import Parameter
from runner.bucket import Bucket
from runner.failed import Batch, Batches
from runner.journal import Journal
from runner.recovery import keeping
from runner.world import NEW, OLD

NONE: Any = None


@mock_aws
def test_failed_batches_are_found_read_and_discarded() -> None:
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(Bucket="failed", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    stream = "arn:aws:dynamodb:eu-west-1:1:table/of-actuals/stream/now"
    note = {"DDBStreamBatchInfo": {"streamArn": stream}, "payload": json.dumps({"Records": [{"eventID": "1"}]})}
    client.put_object(Bucket="failed", Key="aws/lambda/1", Body=json.dumps(note))
    bucket = Bucket(client, "failed", Batches({"of-actuals": "actuals"}, NONE))

    assert bucket.look() == ["aws/lambda/1"]
    assert bucket.batch("aws/lambda/1") == Batch("actuals", [{"eventID": "1"}])
    bucket.discard("aws/lambda/1")
    assert bucket.look() == []


@mock_aws
def test_without_a_stack_there_is_no_bucket_to_look_into() -> None:
    assert Bucket(boto3.client("s3", region_name="eu-west-1"), None, NONE).look() == []


@mock_aws
def test_the_read_flag_is_a_parameter() -> None:
    client = boto3.client("ssm", region_name="eu-west-1")
    flag = Parameter(client, "/remodel/dev/read", {"app": "remodel"})
    assert flag.read() is None
    flag.write(OLD)
    flag.write(NEW)
    assert flag.read() == NEW
    tags = client.list_tags_for_resource(ResourceType="Parameter", ResourceId=flag.name)["TagList"]
    assert tags == [{"Key": "app", "Value": "remodel"}]


@mock_aws
def test_what_a_verb_makes_has_the_customers_key_the_tags_and_protection() -> None:
    client, key = boto3.client("dynamodb", region_name="eu-west-1"), "arn:aws:kms:eu-west-1:1:key/mine"
    kept = keeping(key, {"app": "remodel", "stage": "dev"}, protected=True)

    Journal(client, "remodel-dev", SystemClock(), "the test", kept).remember("any", "note", {})

    found = client.describe_table(TableName="remodel-dev")["Table"]
    assert found["SSEDescription"] == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    assert found["DeletionProtectionEnabled"] is True
    tags = client.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]
    assert tags == [{"Key": "app", "Value": "remodel"}, {"Key": "stage", "Value": "dev"}]


def test_without_a_key_dynamodb_has_one_and_a_sandbox_can_be_deleted() -> None:
    assert keeping() == {
        "SSESpecification": {"Enabled": True, "SSEType": "KMS"},
        "DeletionProtectionEnabled": False,
    }


def test_a_versioned_bucket_is_emptied_of_all_versions() -> None:
    """CloudFormation deletes no bucket that holds anything, and a version that was deleted is something."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="failed")
        client.put_bucket_versioning(Bucket="failed", VersioningConfiguration={"Status": "Enabled"})
        for _ in range(2):
            client.put_object(Bucket="failed", Key="a", Body=b"{}")
        client.delete_object(Bucket="failed", Key="a")

        Bucket(client, "failed", NONE).empty()

        assert "Versions" not in client.list_object_versions(Bucket="failed")
        client.delete_bucket(Bucket="failed")
    Bucket(client, None, NONE).empty()
