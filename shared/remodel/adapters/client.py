"""The one client of a process, as lean as botocore lets it be.

What a request costs is mostly botocore's own CPU. So there is no boto3 (which is this session, and 70 ms of imports that a
function has no use for), and no walk through every value of an answer: an item is taken as it came over the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.session import get_session

from remodel.adapters.dynamodb import CONFIG
from remodel.core.wire import decoded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def make_client(endpoint: str | None = None) -> DynamoDBClient:
    """Of the account and Region that the environment names."""
    session = get_session()
    session.register_component("response_parser_factory", _Parsers())
    client: Any = session.create_client("dynamodb", config=CONFIG, endpoint_url=endpoint)
    made: DynamoDBClient = client
    return made


class _Items(JSONParser):
    """botocore asks each value of an item for each of ten types, only to find again what it has in hand.

    Where a later botocore no longer calls this, it does that itself, as it did before.
    """

    def _handle_map(self, shape: Any, value: Mapping[str, Any]) -> Any:
        if shape.value.name == "AttributeValue":
            return {name: decoded(each) for name, each in value.items()}
        return super()._handle_map(shape, value)  # type: ignore[misc]


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        return _Items() if protocol_name == "json" else super().create_parser(protocol_name)
