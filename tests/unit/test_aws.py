"""What the runner reads and writes on AWS beside DynamoDB, on moto: the bucket of failed batches, the read flag, samconfig.toml."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
from moto import mock_aws

from runner import samconfig
from runner.aws import Parameter
from runner.bucket import Bucket
from runner.world import NEW, OLD, Failed

SAMCONFIG = """# What a person wrote.
version = 0.1

[dev.deploy.parameters]
stack_name = "remodel-dev"  # and why
parameter_overrides = "Stage=dev Text='a b'"
"""


@mock_aws
def test_failed_batches_are_found_read_and_discarded() -> None:
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(Bucket="failed", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    arn = "arn:aws:lambda:eu-west-1:1:function:remodel-dev-ReplicateActuals-AbC123"
    note = {"requestContext": {"functionArn": arn}, "payload": json.dumps({"Records": [{"eventID": "1"}]})}
    client.put_object(Bucket="failed", Key="aws/lambda/1", Body=json.dumps(note))
    bucket = Bucket(client, "failed", ["act", "actuals", "links"])

    (failed,) = bucket.look()
    assert failed == Failed("aws/lambda/1", "actuals")
    assert bucket.records(failed) == [{"eventID": "1"}]
    bucket.discard(failed)
    assert bucket.look() == []


@mock_aws
def test_without_a_stack_there_is_no_bucket_to_look_into() -> None:
    assert Bucket(boto3.client("s3", region_name="eu-west-1"), None, []).look() == []


@mock_aws
def test_the_read_flag_is_a_parameter() -> None:
    flag = Parameter(boto3.client("ssm", region_name="eu-west-1"), "/remodel/dev/read")
    assert flag.read() is None
    flag.write(OLD)
    flag.write(NEW)
    assert flag.read() == NEW


def test_parameters_are_written_beside_what_a_person_wrote(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text(SAMCONFIG)
    assert samconfig.parameters(path, "dev") == {"Stage": "dev", "Text": "a b"}

    samconfig.write(path, "dev", {"LinksStreamArn": "arn:a:b/c"})

    assert samconfig.parameters(path, "dev") == {"Stage": "dev", "Text": "a b", "LinksStreamArn": "arn:a:b/c"}
    assert path.read_text() == SAMCONFIG.replace("'a b'\"", "'a b' LinksStreamArn=arn:a:b/c\"")


def test_a_stage_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    assert samconfig.parameters(path, "dev") == {}
    samconfig.write(path, "dev", {"Stage": "dev"})
    assert samconfig.parameters(path, "dev") == {"Stage": "dev"}
