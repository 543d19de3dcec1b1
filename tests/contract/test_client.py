"""The lean client reads what boto3 reads, whatever the type."""

from __future__ import annotations

import pytest

from local_cloud.cloud import Cloud
from remodel.adapters.client import make_client
from remodel.core.wire import Item

EVERYTHING: Item = {
    "id": {"S": "one ✓"},
    "number": {"N": "-12345678901234567890123456789012345678"},
    "binary": {"B": b"\x00\xff"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "list": {"L": [{"B": b"in a list"}, {"L": []}, {"M": {"B": {"BS": [b"1", b"2"]}}}]},
    "map": {"M": {"S": {"S": ""}, "N": {"NS": ["1", "2"]}}},
    "texts": {"SS": ["a", "b"]},
}


def test_items_come_as_boto3_reads_them(cloud: Cloud) -> None:
    table = cloud.tables["actuals"]
    lean = make_client(cloud.endpoint)
    lean.put_item(TableName=table, Item=EVERYTHING)
    key = {"id": EVERYTHING["id"]}

    for made in (cloud.dynamodb, lean):
        assert made.get_item(TableName=table, Key=key)["Item"] == EVERYTHING
    requests = {table: {"Keys": [key]}}
    assert cloud.dynamodb.batch_get_item(RequestItems=requests)["Responses"] == {table: [EVERYTHING]}
    assert lean.batch_get_item(RequestItems=requests)["Responses"] == {table: [EVERYTHING]}
    page, plain = lean.scan(TableName=table, Limit=1), cloud.dynamodb.scan(TableName=table, Limit=1)
    assert (page["Items"], page.get("LastEvaluatedKey")) == (plain["Items"], plain.get("LastEvaluatedKey"))


def test_errors_come_as_boto3_reads_them(cloud: Cloud) -> None:
    lean = make_client(cloud.endpoint)
    with pytest.raises(lean.exceptions.ResourceNotFoundException):
        lean.get_item(TableName="of-nobody", Key={"id": {"S": "1"}})
    statement = "INSERT INTO \"{}\" VALUE {{'id': ?}}".format(cloud.tables["actuals"])
    asked = [{"Statement": statement, "Parameters": [{"S": "twice"}]}]

    lean.batch_execute_statement(Statements=asked)  # type: ignore[arg-type]

    error = lean.batch_execute_statement(Statements=asked)["Responses"][0]["Error"]  # type: ignore[arg-type]
    assert error["Code"] == "DuplicateItem"
