"""The store under test: in memory, and on DynamoDB Local."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from remodel.client import make_client
from remodel.dynamodb import DynamoStore
from remodel.store import Store
from remodel_testing.memory import MemoryStore
from tests.contract import tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session")
def client(endpoint: str) -> DynamoDBClient:
    """The product's own client, on tables that exist."""
    made = make_client(endpoint)
    tables.create(made)
    return made


@pytest.fixture
def dynamodb(client: DynamoDBClient) -> DynamoStore:
    tables.empty(client)
    return DynamoStore(client, tables.PHYSICAL, metered=True)


@pytest.fixture(params=["memory", "dynamodb-local"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore({name: each.memory() for name, each in tables.TABLES.items()})
    made: DynamoStore = request.getfixturevalue("dynamodb")
    return made
