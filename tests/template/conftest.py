"""The functions at their whole range of work, watched once for all tests of this folder, whichever process asks first."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Iterator

import pytest

from tests.places import Handlers, Place
from tests.template.watched import Range, Watched


@pytest.fixture(scope="session")
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker: str) -> Iterator[Watched]:
    """In a run with several workers the first leaves what it saw to the others, in the folder that they share."""
    folder = tmp_path_factory.getbasetemp().parent if worker else tmp_path_factory.getbasetemp()
    kept = folder / "watched.pickle"
    with (folder / "watched.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_watch(request.getfixturevalue("shared_place"))))
    yield pickle.loads(kept.read_bytes())


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """This process's name among several; empty where there is but one."""
    name: str = getattr(request.config, "workerinput", {}).get("workerid", "")
    return name


def _watch(place: Place) -> Watched:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return Range(Handlers(place.emptied(), monkeypatch), monkeypatch).run()
