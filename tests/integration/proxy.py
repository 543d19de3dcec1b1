"""A loopback proxy before DynamoDB Local that misbehaves as DynamoDB does, by seed.

It throttles, answers 500, leaves part of a batch unprocessed, drops the connection before or *after* the request was applied,
and delays. Streams and table administration pass untouched.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse

BATCHES = {"BatchGetItem", "BatchWriteItem"}
DATA = BATCHES | {"UpdateItem", "Query", "Scan"}


class Faults:
    """What happens to a request: each kind with this chance."""

    def __init__(self, seed: int, chance: float) -> None:
        self.random, self.chance, self.met = random.Random(seed), chance, Counter[str]()
        self._lock = threading.Lock()

    def draw(self, operation: str) -> str:
        with self._lock:
            kinds = ["throttle", "error", "drop before", "drop after", "delay", "part"]
            kind = self.random.choice(kinds) if self.random.random() < self.chance * len(kinds) else ""
            if operation not in DATA or (kind == "part" and operation not in BATCHES):
                return ""
            if kind:
                self.met[kind] += 1
            return kind


def _handler(  # noqa: C901 (a class of small methods)
    upstream: str, faults: Faults
) -> type[BaseHTTPRequestHandler]:
    where = urlparse(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = self.headers.get("X-Amz-Target", ".").split(".")[-1]
            kind = faults.draw(operation)
            if kind == "throttle":
                self._answer(
                    400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow down"}
                )
            elif kind == "error":
                self._answer(500, {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "oh"})
            elif kind == "drop before":
                self._drop()
            elif kind == "part":
                self._answer(200, self._part(operation, json.loads(body)))
            else:
                if kind == "delay":
                    time.sleep(0.3)
                status, answer = self._forward(body)
                if kind == "drop after":
                    self._drop()
                else:
                    self._send(status, answer)

        def _part(self, operation: str, request: Any) -> Any:
            """Only every other item is passed on; the rest comes back as DynamoDB gives it back."""
            items = request["RequestItems"]
            if operation == "BatchWriteItem":
                kept = {table: each[::2] for table, each in items.items()}
                left = {table: each[1::2] for table, each in items.items() if each[1::2]}
                answer = self._ask({**request, "RequestItems": kept})
                return {**answer, "UnprocessedItems": left}
            kept = {table: {**each, "Keys": each["Keys"][::2]} for table, each in items.items()}
            left = {table: {**each, "Keys": each["Keys"][1::2]} for table, each in items.items() if each["Keys"][1::2]}
            return {**self._ask({**request, "RequestItems": kept}), "UnprocessedKeys": left}

        def _ask(self, request: Any) -> Any:
            return json.loads(self._forward(json.dumps(request).encode())[1])

        def _forward(self, body: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=60)
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")
            }
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            answer = response.status, response.read()
            connection.close()
            return answer

        def _answer(self, status: int, answer: Any) -> None:
            self._send(status, json.dumps(answer).encode())

        def _send(self, status: int, answer: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _drop(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, format: str, *args: Any) -> None: ...

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ValueError):
                self.close_connection = True

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                self.close_connection = True

    return Handler


@contextmanager
def misbehaving(upstream: str, faults: Faults) -> Iterator[str]:
    """The endpoint of the proxy, for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(upstream, faults))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
