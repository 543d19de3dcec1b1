"""What all tests share: dummy credentials everywhere, and one DynamoDB Local for those that need a real one."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_cloud import emulator
from local_cloud.cloud import Cloud, standing
from remodel import startup
from tests.places import Handlers, Place, template_place
from tests.records import Application

ROOT = Path(__file__).resolve().parents[1]

os.environ.update(emulator.credentials())

# A function never frees what it has made at its start. A test process starts hundreds of functions.
startup.done = lambda: None
gc.set_threshold(startup.YOUNG, startup.MIDDLE, 2)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """A DynamoDB Local of this test process's own."""
    with emulator.running() as url:
        yield url


@pytest.fixture(scope="session")
def shared_cloud(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud(endpoint, tmp_path_factory.mktemp("cloud"))
    cloud.create_tables()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def shared_place(shared_cloud: Cloud) -> Place:
    return template_place(shared_cloud)


@pytest.fixture
def place(shared_place: Place) -> Place:
    """The tables of the template, empty, with streams on, and its functions."""
    return shared_place.emptied()


@pytest.fixture
def handlers(place: Place, monkeypatch: pytest.MonkeyPatch) -> Handlers:
    return Handlers(place, monkeypatch)


@pytest.fixture
def application(handlers: Handlers) -> Application:
    return Application(handlers)


@contextmanager
def stood(endpoint: str, folder: Path, name: str) -> Iterator[Place]:
    """The tables of another model's template."""
    with standing(endpoint, folder, f"test-{name}-", f"{name}.model:MODEL") as cloud:
        cloud.create_tables()
        yield template_place(cloud)


@pytest.fixture(scope="session")
def shared_shop(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with stood(endpoint, tmp_path_factory.mktemp("shop"), "shop") as found:
        yield found


@pytest.fixture
def shop(shared_shop: Place, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The tables of the shop's template, empty, with streams on, and its functions."""
    return Application(Handlers(shared_shop.emptied(), monkeypatch))


@pytest.fixture(scope="session")
def shared_social(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with stood(endpoint, tmp_path_factory.mktemp("social"), "social") as found:
        yield found


@pytest.fixture
def social(shared_social: Place, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The same for the social network."""
    return Application(Handlers(shared_social.emptied(), monkeypatch))
