"""The failure destination of the event sources: what Lambda leaves in S3, an object a batch, with the records in it.

The object is an invocation record: who failed, why, and in `payload`, as text, the event that the function was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from runner.names import replicator
from runner.world import Failed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Bucket:
    """`name` None: nothing is deployed, so nothing is in it. `sources`: old tables, one of which a batch comes from."""

    def __init__(self, client: S3Client, name: str | None, sources: Iterable[str]) -> None:
        self._client, self._name, self._sources = client, name, list(sources)

    def look(self) -> list[Failed]:
        if self._name is None:
            return []
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name)
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return [Failed(key, self._source(key)) for key in keys]

    def records(self, failed: Failed) -> list[Any]:
        return _records(self._note(failed.name))

    def discard(self, failed: Failed) -> None:
        assert self._name is not None
        self._client.delete_object(Bucket=self._name, Key=failed.name)

    def empty(self) -> None:
        if self._name is None:
            return
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._name):
            versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if versions:
                objects: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
                self._client.delete_objects(Bucket=self._name, Delete={"Objects": objects, "Quiet": True})

    def _source(self, key: str) -> str:
        """Whose function failed: its ARN has the logical id in it."""
        arn = str(self._note(key).get("requestContext", {}).get("functionArn", ""))
        found = [name for name in self._sources if replicator(name) in arn]
        return max(found, key=len, default="")

    def _note(self, key: str) -> Any:
        assert self._name is not None
        return json.loads(self._client.get_object(Bucket=self._name, Key=key)["Body"].read())


def _records(note: Any) -> list[Any]:
    """None where they were not kept."""
    payload = note.get("payload") or "{}"
    event = json.loads(payload) if isinstance(payload, str) else payload
    records: list[Any] = event.get("Records", [])
    return records
