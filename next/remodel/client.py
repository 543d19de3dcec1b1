"""The one DynamoDB client of a process, with as little CPU for a request as Python allows.

botocore takes longer for a request than the engine for the rows in it: it looks up the shape of every value, resolves the
endpoint anew, and signs and sends through many layers. An item in wire form is already what JSON makes of it, except for binary.
So the operations that carry items are signed and sent here, over a connection for each thread; botocore does the rest: credentials,
Region, endpoint, and every other operation. botocore does not promise the method that is replaced here. A version that does not
call it sends these operations itself, as it does where the environment names a proxy.

A client sends each request once. Retries are in one place, `call`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import ssl
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.parsers import ResponseParserError
from botocore.session import Session, get_session
from botocore.utils import get_environ_proxies
from urllib3.util.wait import wait_for_read

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECT_TIMEOUT, READ_TIMEOUT = 2, 10
"""Seconds. Short: one hung request must not use up an invocation."""

CONFIG = Config(
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=50,
    parameter_validation=False,
    user_agent="remodel",
)

LEAN = {"BatchGetItem", "BatchWriteItem", "UpdateItem", "Query", "Scan"}
"""The operations that carry items."""


def make_client(endpoint: str | None = None) -> DynamoDBClient:
    """A client for the account and Region that the environment names."""
    session = get_session()
    client: Any = session.create_client("dynamodb", config=CONFIG, endpoint_url=endpoint)
    if not get_environ_proxies(client.meta.endpoint_url):
        plain: Callable[[str, Any], Any] = client._make_api_call
        lean = _Lean(session, client.meta.endpoint_url, client.meta.region_name)
        client._make_api_call = lambda name, asked: lean.send(name, asked) if name in LEAN else plain(name, asked)
    made: DynamoDBClient = client
    return made


def make_plain_client(service: str) -> Any:
    """A client of another service, as botocore makes it, with the same configuration."""
    return _plain_session().create_client(service, config=CONFIG)


@cache
def _plain_session() -> Session:
    """One session for all services: each session reads botocore's tables of endpoints."""
    return get_session()


class _Lean:
    """Signs requests, sends them, and reads the answers."""

    def __init__(self, session: Session, endpoint: str, region: str) -> None:
        self._credentials, self._region = session.get_credentials(), region
        self._url, self._tls = urlsplit(endpoint), None
        if self._url.scheme == "https":
            bundle = session.get_config_variable("ca_bundle") or get_cert_path(True)
            self._tls = ssl.create_default_context(cafile=bundle)
        self._key: tuple[tuple[str, str], bytes] = ("", ""), b""
        self._thread = threading.local()

    def send(self, operation: str, request: Any) -> Any:
        """Raises what botocore raises. Text stays UTF-8: escaped it takes up to three times the bytes of a request's limit, and
        a lone surrogate fails here instead of being replaced silently."""
        body = _ENCODER.encode(request).encode()
        try:
            status, answer = self._exchange(body, self._signed(operation, body))
        except (OSError, HTTPException) as problem:
            if (connection := self._held()) is not None:
                connection.close()
            raise HTTPClientError(error=problem) from problem
        return _read(operation, status, answer)

    def _exchange(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = self._held()
        # A connection that the other side has closed meanwhile can be read from at once.
        if connection is None or connection.sock is None or wait_for_read(connection.sock, 0):
            connection = self._thread.connection = self._connected()
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _held(self) -> HTTPConnection | None:
        """The connection of this thread."""
        return getattr(self._thread, "connection", None)

    def _connected(self) -> HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._tls is None:
            connection = HTTPConnection(host, port, timeout=CONNECT_TIMEOUT)
        else:
            connection = HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT, context=self._tls)
        connection.connect()
        connection.sock.settimeout(READ_TIMEOUT)
        return connection

    def _signed(self, operation: str, body: bytes) -> dict[str, str]:
        """The headers of a request, with AWS's Signature Version 4."""
        if self._credentials is None:
            raise NoCredentialsError
        held = self._credentials.get_frozen_credentials()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {"content-type": "application/x-amz-json-1.0", "host": self._url.netloc, "x-amz-date": now}
        if held.token:
            headers["x-amz-security-token"] = held.token
        headers["x-amz-target"] = f"DynamoDB_20120810.{operation}"
        names, scope = ";".join(headers), f"{now[:8]}/{self._region}/dynamodb/aws4_request"
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.digest(
            self._signing_key(held.secret_key or "", scope),
            f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}".encode(),
            "sha256",
        )
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={held.access_key}/{scope}, SignedHeaders={names}, Signature={signature.hex()}"
        )
        return headers | {"user-agent": "remodel"}

    def _signing_key(self, secret: str, scope: str) -> bytes:
        """The same for a whole day."""
        known, key = self._key
        if known != (secret, scope):
            key = f"AWS4{secret}".encode()
            for part in scope.split("/"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (secret, scope), key
        return key


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"expected a DynamoDB value in wire form, found {type(value).__name__}")


_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_base64)
_BINARY = re.compile(rb'"BS?"\s*:')


def _read(operation: str, status: int, body: bytes) -> Any:
    """The answer. Raises ClientError for an error that DynamoDB names, and ResponseParserError for what is no answer of it."""
    try:
        answer = json.loads(body, object_hook=_with_bytes if _BINARY.search(body) else None)
    except ValueError:
        answer = None
    if status < 300 and isinstance(answer, dict):
        return answer
    if status < 300:
        raise ResponseParserError(f"expected a JSON object, found {body[:100]!r}")
    told = answer if isinstance(answer, dict) else {}
    code, message = str(told.get("__type", status)), told.get("message") or told.get("Message", "")
    error: Any = {"Error": {"Code": code.rpartition("#")[2], "Message": message}}
    raise ClientError(error | {"ResponseMetadata": {"HTTPStatusCode": status}}, operation)


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """A typed value that is binary, decoded; an attribute or a table with the name `B` or `BS` holds no text."""
    match found:
        case {"B": str(text)} if len(found) == 1:
            return {"B": b64decode(text)}
        case {"BS": [*texts]} if len(found) == 1 and all(isinstance(each, str) for each in texts):
            return {"BS": [b64decode(each) for each in texts]}
    return found
