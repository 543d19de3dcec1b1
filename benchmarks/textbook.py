"""The textbook handler for the same job, as AWS's own samples for streams are written, for actuals only.

One record at a time, through boto3's Table resource: images are deserialised, the links of the measure are found by a
query on its index, each new row is a `put_item`, each removed one a `delete_item`. It has no versions, so records that
come twice or late overwrite newer ones, and a link that comes after its rows is never joined. What it writes for a batch
that comes once and in order is what the product writes to the new tables.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import TypeDeserializer

from local_cloud.worker import Context

NAMESPACE = uuid5(NAMESPACE_DNS, "measure-data.purposepath")


class Textbook:
    """`links`, `data`: the names of the old table of links and of the new one of data rows."""

    def __init__(self, endpoint: str, links: str, data: str) -> None:
        self.resource = boto3.resource("dynamodb", endpoint_url=endpoint)
        self._links, self._data = self.resource.Table(links), self.resource.Table(data)
        self._deserializer = TypeDeserializer()

    def handler(self, event: Any, _context: Any = None) -> None:
        for record in event["Records"]:
            self.process(record)

    def process(self, record: Any) -> None:
        body = record["dynamodb"]
        if record["eventName"] == "REMOVE":
            old = self._row(body["OldImage"])
            for link in self._links_of(old["measure_id"]):
                self._data.delete_item(Key={"id": new_id(old["id"], link)})
        else:
            row = self._row(body["NewImage"])
            for link in self._links_of(row["measure_id"]):
                self._data.put_item(Item=measure_data(row, link))

    def _row(self, image: Any) -> dict[str, Any]:
        return {name: self._deserializer.deserialize(value) for name, value in image.items()}

    def _links_of(self, measure_id: str) -> list[dict[str, Any]]:
        """First of all the one that carries the old ids on."""
        answer = self._links.query(IndexName="measure-index", KeyConditionExpression=Key("measure_id").eq(measure_id))
        links: list[dict[str, Any]] = sorted(answer["Items"], key=lambda link: (link["linked_at"], link["id"]))
        return [{**link, "is_first": n == 0} for n, link in enumerate(links)]


def new_id(id: str, link: dict[str, Any]) -> str:
    return id if link["is_first"] else str(uuid5(NAMESPACE, f"{id}:{link['id']}"))


def measure_data(row: dict[str, Any], link: dict[str, Any]) -> dict[str, Any]:
    new = {
        "id": new_id(row["id"], link),
        "tenant_id": row.get("tenant_id") or link["tenant_id"],
        "measure_link_id": link["id"],
        "measure_link_category_key": f"{link['id']}#Actual",
        "data_category": "Actual",
        "actual_subtype": "Measured",
        "post_value": row["actual_value"],
        "post_date": row["measurement_date"],
        "original_value": row.get("original_value"),
        "is_manual_override": row.get("is_manual_override", False),
        "override_comment": row.get("override_comment"),
        "data_source": row.get("data_source", "Manual"),
        "source_reference_id": row.get("source_reference_id"),
        "triggers_replan": row.get("triggers_replan", False),
        "replan_threshold_exceeded": row.get("replan_threshold_exceeded", False),
        "auto_adjustment_applied": row.get("auto_adjustment_applied"),
        "recorded_by": row["recorded_by"],
        "recorded_at": row["recorded_at"],
        "created_by": row["recorded_by"],
        "created_at": row["recorded_at"],
    }
    return {name: value for name, value in new.items() if value is not None}


class Idempotent(Textbook):
    """The same with each record under Powertools' idempotency: one record of what was done, put before and updated after."""

    def __init__(self, endpoint: str, links: str, data: str, seen: str) -> None:
        super().__init__(endpoint, links, data)
        self.client = boto3.client("dynamodb", endpoint_url=endpoint)
        # A record without an eventID is a defect of the benchmark, not something to let pass.
        config = IdempotencyConfig(event_key_jmespath="eventID", raise_on_no_idempotency_key=True)
        config.register_lambda_context(Context("bench", time.time() + 900))  # type: ignore[arg-type]
        layer = DynamoDBPersistenceLayer(table_name=seen, boto3_client=self.client)
        wrap = idempotent_function(data_keyword_argument="record", config=config, persistence_store=layer)
        self._once = wrap(self._done)

    def _done(self, record: Any) -> None:
        super().process(record)

    def process(self, record: Any) -> None:
        self._once(record=record)


class Transactional:
    """The index and the new rows of a change in one transaction, each change with what it writes worked out beforehand.

    The least that a design with transactions in place of notes and a second look would send: it would have to read, too.
    """

    def __init__(self, endpoint: str, index: str, data: str) -> None:
        self.client = boto3.client("dynamodb", endpoint_url=endpoint)
        self._index, self._data = index, data

    def prepared(self, entry: dict[str, Any], rows: list[dict[str, Any]], gone: list[str]) -> list[Any]:
        """What one change sends: its index entry, guarded by version, and its new rows or the ids of those that go."""
        guard = {"ConditionExpression": "attribute_not_exists(version) OR version < :version"}
        put = {"TableName": self._index, "Item": entry, "ExpressionAttributeValues": {":version": entry["version"]}}
        puts: list[Any] = [{"Put": {"TableName": self._data, "Item": row}} for row in rows]
        deletes: list[Any] = [{"Delete": {"TableName": self._data, "Key": {"id": {"S": id}}}} for id in gone]
        return [{"Put": {**put, **guard}}, *puts, *deletes]

    def handler(self, changes: list[list[Any]]) -> None:
        for each in changes:
            self.client.transact_write_items(TransactItems=each)
