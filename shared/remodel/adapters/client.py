"""The one client of a process, as lean as botocore lets it be.

What a request costs is mostly botocore's own CPU. So there is no boto3 (which is this session, and 70 ms of imports that a
function has no use for), and no walk through every value of a request or an answer: an item in wire form is what JSON makes
of it already, but for binary. How botocore is told so is nobody's promise. Where a later one does not ask, it walks
through everything itself, as it did before (`tests/contract/test_client.py`).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.serialize import JSONSerializer
from botocore.session import Session, get_session

from remodel.adapters.dynamodb import CONFIG
from remodel.core.wire import decoded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NAME = Config(user_agent="remodel")
"""Without one botocore puts together for each request anew what it runs on."""


def make_client(endpoint: str | None = None) -> DynamoDBClient:
    """Of the account and Region that the environment names."""
    session = get_session()
    session.register_component("response_parser_factory", _Parsers())
    client: Any = session.create_client("dynamodb", config=CONFIG.merge(NAME), endpoint_url=endpoint)
    client._serializer = _Bodies()
    made: DynamoDBClient = client
    return made


def make_plain_client(service: str) -> Any:
    """Of another service, as botocore makes it."""
    return _plain_session().create_client(service)


@cache
def _plain_session() -> Session:
    """One for all, since it reads botocore's tables of endpoints."""
    return get_session()


class _Bodies(JSONSerializer):
    """botocore looks up the shape of each value of each item, only to find that it is text. Not one name of DynamoDB's
    API differs between Python and the wire."""

    def serialize_to_request(self, parameters: Mapping[str, Any], operation_model: Any) -> Any:
        request = super().serialize_to_request({}, operation_model)
        request["body"] = json.dumps(parameters, default=_base64).encode()
        return request


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"expected a DynamoDB value in wire form, found {type(value).__name__}")


class _Items(JSONParser):
    """botocore asks each value of an item for each of ten types, only to find again what it has in hand."""

    _BINARY = re.compile(rb'"BS?"\s*:')
    _has_binary = True

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:
        self._has_binary = self._BINARY.search(raw_body) is not None
        return super()._handle_json_body(raw_body, shape)  # type: ignore[misc]

    def _handle_map(self, shape: Any, value: Mapping[str, Any]) -> Any:
        if shape.value.name != "AttributeValue":
            return super()._handle_map(shape, value)  # type: ignore[misc]
        return {name: decoded(each) for name, each in value.items()} if self._has_binary else value


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        return _Items() if protocol_name == "json" else super().create_parser(protocol_name)
