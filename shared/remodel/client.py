"""The one DynamoDB client of a process, as lean as botocore lets it be.

Most of what a request costs here is botocore's own CPU. So this module needs no boto3 (70 ms of imports), and it does not
walk through the values of requests and answers: an item in wire form is already what JSON makes of it, except for binary.
botocore does not promise the methods that are replaced here. A version that does not call them walks through the values
itself, as it does for other clients.

A client sends each request once. Retries are in one place, `call`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.serialize import JSONSerializer
from botocore.session import Session, get_session

from remodel.items import item_from_event

CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=50,
    parameter_validation=False,
    user_agent="remodel",
)
"""Timeouts are short: one hung request must not use up an invocation. botocore does not check the type of each value,
which takes as long as the rest of a request; DynamoDB checks it. botocore also does not build a user agent per request."""


def make_client(endpoint: str | None = None) -> Any:
    """A client of DynamoDB for the account and Region that the environment names."""
    session = get_session()
    session.register_component("response_parser_factory", _Parsers())
    client: Any = session.create_client("dynamodb", config=CONFIG, endpoint_url=endpoint)
    client._serializer = _Bodies()
    return client


def make_plain_client(service: str) -> Any:
    """A client of another service, as botocore makes it, with the same configuration."""
    return _plain_session().create_client(service, config=CONFIG)


@cache
def _plain_session() -> Session:
    """One session for all services: each session reads botocore's tables of endpoints."""
    return get_session()


class _Bodies(JSONSerializer):
    """botocore looks up the shape of every value, only to find that it is text. DynamoDB's API has the same names in
    Python and on the wire. Text stays UTF-8, because escaped it takes up to three times the bytes of a request's limit,
    and a lone surrogate fails here instead of being replaced silently."""

    def serialize_to_request(self, parameters: Mapping[str, Any], operation_model: Any) -> Any:
        request = super().serialize_to_request({}, operation_model)
        request["body"] = json.dumps(parameters, default=_base64, ensure_ascii=False).encode()
        return request


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"expected a DynamoDB value in wire form, found {type(value).__name__}")


class _Items(JSONParser):
    """botocore tries ten types for every value of an item. An answer without binary needs none of this.

    botocore makes one parser for each answer, so the flag below is not shared between threads."""

    _BINARY = re.compile(rb'"BS?"\s*:')
    _has_binary = True

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:
        self._has_binary = self._BINARY.search(raw_body) is not None
        return super()._handle_json_body(raw_body, shape)  # type: ignore[misc]

    def _handle_map(self, shape: Any, value: Mapping[str, Any]) -> Any:
        if shape.value.name != "AttributeValue":
            return super()._handle_map(shape, value)  # type: ignore[misc]
        return item_from_event(value) if self._has_binary else value


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        return _Items() if protocol_name == "json" else super().create_parser(protocol_name)
