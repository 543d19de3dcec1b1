"""The failure destination of the event sources: what Lambda leaves in S3, an object a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.failed import Batch, Batches

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Bucket:
    """`name` None: nothing is deployed, so nothing is in it."""

    def __init__(self, client: S3Client, name: str | None, batches: Batches) -> None:
        self._client, self._name, self._batches = client, name or "", batches

    def look(self) -> list[str]:
        if not self._name:
            return []
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def batch(self, name: str) -> Batch:
        return self._batches.read(self._client.get_object(Bucket=self._name, Key=name)["Body"].read())

    def discard(self, name: str) -> None:
        self._client.delete_object(Bucket=self._name, Key=name)

    def empty(self) -> None:
        if not self._name:
            return
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._name):
            versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if versions:
                objects: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
                self._client.delete_objects(Bucket=self._name, Delete={"Objects": objects, "Quiet": True})
