"""What goes over the wire: requests counted as they are sent, and the write units that DynamoDB takes for them.

A put takes a unit for each KB of the item as DynamoDB sizes it, a delete one; a write whose condition fails costs the
same. Secondary indexes are left out: they cost whoever writes the same rows the same.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

UNIT = 1_024

_PARAMETER = re.compile(r"""["'](\w+)["']\s*[=:<]\s*\?""")


class Wire:
    """Keeps what a client sends; looks into it only when asked, so that counting takes no time while something is measured."""

    def __init__(self, client: Any) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.also(client)

    def also(self, client: Any) -> None:
        """Counts what this client sends, too."""
        client.meta.events.register("before-send.dynamodb", self._send)

    def _send(self, request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        name = target.decode() if isinstance(target, bytes) else str(target)
        self.sent.append((name.split(".")[-1], bytes(request.body)))

    @property
    def calls(self) -> Counter[str]:
        return Counter(name for name, _body in self.sent)

    @property
    def units(self) -> int:
        return sum(units(name, json.loads(body)) for name, body in self.sent)


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
        case "BatchExecuteStatement":
            for each in request["Statements"]:
                named = zip(_PARAMETER.findall(each["Statement"]), each["Parameters"], strict=True)
                yield 1, {} if each["Statement"].startswith("DELETE") else dict(named)


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
            return len(inner) * 3 // 4
        case "M":
            return 3 + size(inner) + len(inner)
        case "L":
            return 3 + sum(1 + _size(each) for each in inner)
        case _:
            return 1
