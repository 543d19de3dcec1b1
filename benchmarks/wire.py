"""What goes over the wire: requests counted as they are sent, and the write units that DynamoDB takes for them.

A put takes a unit for each KB of the item as DynamoDB sizes it, a delete one; a write whose condition fails costs the
same. Of an update, what is sent is taken for the item: the item itself is not known here. Secondary indexes are left out:
they cost whoever writes the same rows the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

UNIT = 1_024


class Wire:
    """Keeps what a client sends; looks into it only when asked, so that counting takes no time while something is measured."""

    def __init__(self, client: Any = None) -> None:
        self._sent: list[tuple[str, Any]] = []
        if client is not None:
            self.also(client)

    def also(self, client: Any) -> None:
        """Counts what this client sends, too."""
        if is_ours(client):
            listen(client, lambda name, request: self._sent.append((name, request)))
        else:
            client.meta.events.register("before-send.dynamodb", self._send)

    def taken(self) -> Wire:
        """What was kept until now, apart from what follows."""
        before = Wire()
        before._sent, self._sent = self._sent, []
        return before

    def _send(self, request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else str(target)
        self._sent.append((name.split(".")[-1], bytes(request.body)))

    @property
    def sent(self) -> Iterator[tuple[str, Any]]:
        """Operations and requests, in wire form."""
        return ((name, json.loads(body) if isinstance(body, bytes) else body) for name, body in self._sent)

    @property
    def calls(self) -> Counter[str]:
        return Counter(name for name, _body in self._sent)

    @property
    def units(self) -> int:
        return sum(units(name, request) for name, request in self.sent)

    def reads_of(self, tables: Collection[str]) -> int:
        """Rows that were asked for by key of these tables, and queries of them."""
        return sum(_reads(name, request, tables) for name, request in self.sent)

    @property
    def least_read_units(self) -> float:
        """Of a client that reads by small, eventually consistent queries and does not meter them: half a unit each."""
        return self.calls["Query"] / 2


def is_ours(client: Any) -> bool:
    """Whether it is the product's client, which sends what carries items past botocore and its events."""
    return "_make_api_call" in vars(client)


def listen(client: Any, keep: Callable[[str, Any], None]) -> None:
    """Has every operation and request of the product's client told, before it is sent."""
    send = client._make_api_call

    def told(name: str, request: Any) -> Any:
        keep(name, request)
        return send(name, request)

    client._make_api_call = told


def _reads(operation: str, request: Any, tables: Collection[str]) -> int:
    match operation:
        case "BatchGetItem":
            return sum(len(asked["Keys"]) for table, asked in request["RequestItems"].items() if table in tables)
        case "Query" | "Scan" | "GetItem":
            return int(request["TableName"] in tables)
    return 0


def units(operation: str, request: Any) -> int:
    """The write units of one request, in wire form."""
    return sum(times * max(1, -(-size(item) // UNIT)) for times, item in _written(operation, request))


def _written(operation: str, request: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """How many units a KB takes, and the item (of a delete, nothing: one unit)."""
    match operation:
        case "PutItem":
            yield 1, request["Item"]
        case "UpdateItem":
            yield 1, {**request["Key"], **request.get("ExpressionAttributeValues", {})}
        case "DeleteItem":
            yield 1, {}
        case "BatchWriteItem":
            for each in (each for table in request["RequestItems"].values() for each in table):
                yield 1, each["PutRequest"]["Item"] if "PutRequest" in each else {}
        case "TransactWriteItems":
            for each in request["TransactItems"]:
                yield 2, each["Put"]["Item"] if "Put" in each else {}


def size(item: dict[str, Any]) -> int:
    """Bytes of an item, as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    ((kind, inner),) = value.items()
    match kind:
        case "S":
            return len(inner.encode())
        case "N":
            return len(inner.strip("-0.").replace(".", "")) // 2 + 2
        case "B":
            return len(inner) if isinstance(inner, bytes) else len(inner) * 3 // 4
        case "SS":
            return sum(len(each.encode()) for each in inner)
        case "M":
            return 3 + size(inner) + len(inner)
        case "L":
            return 3 + sum(1 + _size(each) for each in inner)
        case _:
            return 1
