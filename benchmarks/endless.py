"""A stand-in for DynamoDB that keeps no row: old tables of any size out of thin air, writes that always succeed.

It is there to see whether a row costs more, or a process grows, when there are many. No emulator of three hundred thousand
rows has to be filled for that, and the product goes through its own client all the same. What it says is consistent: the
index holds what a scan shows, and the new tables hold what follows from it. It keeps what is updated in the index: sets, and
pending fan-outs.

Run as `python -m benchmarks.endless STATE ROWS MEASURES LINKS`: it prints its port, and serves until its input ends.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Iterable
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from benchmarks.expected import groups_of, key_of, new_rows
from benchmarks.rows import actual, guid, link, measure, number_of
from measures.model import MODEL
from measures.old import Actual, Link, Person
from remodel.index import SetKey, member_key
from remodel.items import Item
from remodel.keys import Key
from remodel.reading import complete_marker
from remodel.store import GROUP, INDEX, INDEX_KEY, NAME

State = Literal["empty", "settled", "changed"]
"""Of the new tables: nothing, everything, or all but what CHANGED rows say now, and CHANGED rows more."""

PAGE = 1_500
"""Items in 1 MB, about."""

CHANGED, ADDED = 500, 7
"""Rows that have changed, and as many new ones; the number of the link that is new."""


class World:
    """`rows` actuals, spread over `measures` measures with `links` links each. `kept`: items of the index."""

    def __init__(self, state: State, rows: int, measures: int, links: int) -> None:
        self.state, self.rows, self.measures, self.links = state, rows, measures, links
        self._links = [link(n, measure(n // links)) for n in range(measures * links)]
        self._numbers = {f"measure_id=s{measure(n)}": n for n in range(measures)}
        self.kept: dict[Key, Item] = {}
        self._keep(complete_marker(Person.table.name), {})
        for row in self._links:
            self._keep_link(row)

    def _keep(self, key: Key, attributes: Item) -> None:
        self.kept[key] = {**INDEX_KEY.decode(key.text), **attributes}

    def _keep_link(self, row: Item) -> None:
        key = key_of("links", row)
        for group in groups_of("links", row):
            if group.name in MODEL.plans[Link].provider_names:
                part = SetKey(group, Link).part(0)
                before = self.kept.get(part, {}).get("keys", {"SS": []})["SS"]
                self._keep(part, {"keys": {"SS": [*before, key.text]}})
            else:
                self._keep(member_key(group, Link, key), {})

    def old(self, number: int) -> Item:
        """As the new tables know it."""
        return actual(number, measure(number % self.measures))

    def new(self, number: int) -> list[Item]:
        first = number % self.measures * self.links
        return list(new_rows("actuals", self.old(number), self._links[first : first + self.links]).values())

    def entry(self, number: int) -> Item:
        row = self.old(number)
        (group,) = groups_of("actuals", row)
        return INDEX_KEY.decode(member_key(group, Actual, key_of("actuals", row)).text)

    @cached_property
    def _derived(self) -> dict[str, tuple[int, int]]:
        """For new rows whose ids do not say it: of which old row, and which of its new ones."""
        if self.links == 1:
            return {}
        ids = ((row["id"]["S"], n) for n in range(self.rows) for row in self.new(n))
        return {id: (n, place) for place, (id, n) in enumerate(ids)}

    def scan(self, table: str, start: int, limit: int) -> tuple[list[Item], int | None]:
        match table:
            case "actuals":
                end = min(self.rows, start + limit)
                items = [self.old(n) for n in range(start, end)]
            case "measure_data" if self.state != "empty":
                end = min(self.rows, start + limit // self.links)
                items = [row for n in range(start, end) for row in self.new(n)]
            case "links":
                return self._links, None
            case "measure_links" if self.state != "empty":
                return [self._new_link(row) for row in self._links], None
            case _:
                return [], None
        return items, end if end < self.rows else None

    def get(self, table: str, key: Item) -> Item | None:
        match table:
            case "index":
                return self._index(Key(INDEX, INDEX_KEY.encode(key)))
            case "actuals":
                return self._actual(number_of(key["id"]["S"]))
            case "links":
                number = number_of(key["id"]["S"])
                return self._links[number] if number < len(self._links) else link(number, measure(0))
            case "measure_data" if self.state != "empty":
                return self._data(key["id"]["S"])
            case "measure_links" if self.state != "empty":
                number = number_of(key["id"]["S"])
                return self._new_link(self._links[number]) if number < len(self._links) else None
        return None

    def _actual(self, number: int) -> Item | None:
        is_changed = self.state == "changed"
        if number >= self.rows + CHANGED * is_changed:
            return None
        return actual(number, measure(number % self.measures), value=int(is_changed and number < CHANGED))

    def _data(self, id: str) -> Item | None:
        number = self._derived[id][0] if id in self._derived else number_of(id)
        if number >= self.rows:
            return None
        return next((row for row in self.new(number) if row["id"]["S"] == id), None)

    def _index(self, key: Key) -> Item | None:
        if key in self.kept:
            return self.kept[key]
        item = INDEX_KEY.decode(key.text)
        if item[GROUP]["S"] not in self._numbers or not item[NAME]["S"].startswith(f"row/{Actual.kind_label}/"):
            return None
        return item if number_of(item[NAME]["S"].rpartition("/")[2]) < self.rows else None

    def query(self, group: str, prefix: str, start: Item | None, limit: int) -> tuple[list[Item], Item | None]:
        """A page of a partition of the index: of a measure, the rows; of the others, what is kept."""
        if group not in self._numbers or not prefix.startswith("row/"):
            kept = sorted((key, item) for key, item in self.kept.items() if item[GROUP]["S"] == group)
            return [item for _, item in kept if item[NAME]["S"].startswith(prefix)], None
        mine = range(self._numbers[group], self.rows, self.measures)
        first = number_of(start[NAME]["S"].rpartition("/")[2]) // self.measures + 1 if start else 0
        items = [self.entry(n) for n in mine[first : first + min(limit, PAGE)]]
        return items, items[-1] if first + len(items) < len(mine) else None

    def update(self, request: Any) -> Item | None:
        """None where the condition does not hold."""
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        key = Key(INDEX, INDEX_KEY.encode(request["Key"]))
        item = {**request["Key"], **self.kept.get(key, {})}
        bound = item.get(names.get("#below", ""))
        if bound and int(bound["N"]) >= int(values[":below"]["N"]):
            return None
        adds = request["UpdateExpression"].partition("SET")[0]
        for place, name in names.items():
            if place != "#below":
                value = values[f":{place[1:]}"]
                item[name] = _added(item.get(name), value) if f"{place} " in adds else value
        self.kept[key] = item
        return item

    @staticmethod
    def _new_link(row: Item) -> Item:
        return next(iter(new_rows("links", row, []).values()))


def _added(before: Any, value: Any) -> Any:
    if "N" in value:
        return {"N": str(int(before["N"] if before else 0) + int(value["N"]))}
    return {"SS": sorted({*(before["SS"] if before else ()), *value["SS"]})}


def answer(world: World, operation: str, request: Any) -> Any:
    match operation:
        case "DescribeTable":
            view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            return {"Table": {"TableName": request["TableName"], "StreamSpecification": view, "LatestStreamLabel": "1"}}
        case "BatchWriteItem":
            return {"UnprocessedItems": {}}
        case "BatchGetItem":
            found = {
                table: [item for key in asked["Keys"] if (item := world.get(table, key)) is not None]
                for table, asked in request["RequestItems"].items()
            }
            return {"Responses": found, "UnprocessedKeys": {}}
        case "UpdateItem":
            updated = world.update(request)
            return {"Attributes": updated} if updated else None
        case "Query" if "IndexName" in request:
            return {"Items": [], "Count": 0}
        case "Query":
            values = request["ExpressionAttributeValues"]
            prefix = values.get(":prefix", {"S": ""})["S"]
            items, last = world.query(values[":value"]["S"], prefix, request.get("ExclusiveStartKey"), request["Limit"])
            return _paged(items, last)
        case "Scan":
            start, limit = request.get("ExclusiveStartKey"), min(PAGE, request.get("Limit", PAGE))
            items, after = world.scan(request["TableName"], number_of(start["id"]["S"]) if start else 0, limit)
            return _paged(items, None if after is None else {"id": {"S": guid(4, after)}})
    raise ValueError(f"expected an operation that is known here, found {operation}")


def _paged(items: Iterable[Item], last: Item | None) -> Any:
    page: dict[str, Any] = {"Items": list(items)}
    return page if last is None else {**page, "LastEvaluatedKey": last}


_FAILED = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "it did not hold"}


def serve(world: World) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = answer(world, self.headers["X-Amz-Target"].split(".")[-1], body)
            said = json.dumps(_FAILED if found is None else found).encode()
            self.send_response(400 if found is None else 200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None: ...

    socketserver.TCPServer.allow_reuse_address = True
    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main(state: State, *shape: str) -> None:
    server = serve(World(state, *map(int, shape)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
