"""The functions at their whole range of work, watched once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud.cloud import Cloud
from tests.conftest import Handlers, emptied
from tests.template.watched import Range, Watched, Watcher


@pytest.fixture(scope="session")
def watched(shared_cloud: Cloud) -> Iterator[Watched]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield Range(Watcher(emptied(shared_cloud), Handlers(shared_cloud, monkeypatch)), monkeypatch).run()
