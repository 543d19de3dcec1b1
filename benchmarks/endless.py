"""A stand-in for DynamoDB that keeps nothing: old tables of any size out of thin air, writes that always succeed.

It is there to see whether a row costs more, or a process grows, when there are many. No emulator of three hundred thousand
rows has to be filled for that, and the product goes through its own SDK all the same. What it says is consistent: the
index holds what a scan shows, and the new tables hold what follows from it.

Run as `python -m benchmarks.endless ROWS MEASURES LINKS`: it prints its port, and serves until its standard input ends.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.rows import actual, guid, link, measure, number_of
from measures import MODEL
from remodel.core.change import Key
from remodel.core.entry import GROUP, NAME, ROSTER, entry_attributes, entry_key, roster_attributes, roster_key
from remodel.core.roster import Roster, Seat
from remodel.core.version import BACKFILL
from remodel.core.wire import Item

PAGE = 1_500
"""Items in 1 MB, about."""


class World:
    """`rows` actuals, spread over `measures` measures with `links` links each."""

    def __init__(self, rows: int, measures: int, links: int) -> None:
        self.rows, self.measures, self.links = rows, measures, links
        every = [link(n, measure(n // links)) for n in range(measures * links)]
        source = MODEL.sources["links"]
        self._links = every
        self._facts = [
            {row["id"]["S"]: source.facts(source.read(row)) for row in every[n * links : (n + 1) * links]}
            for n in range(measures)
        ]
        self._numbers = {measure(n): n for n in range(measures)}

    def old(self, number: int) -> Item:
        return actual(number, measure(number % self.measures))

    def new(self, number: int) -> list[Item]:
        source, row = MODEL.sources["actuals"], self.old(number)
        return list(source.wanted(source.read(row), self._facts[number % self.measures], None).values())

    def entry(self, number: int) -> Item:
        row = self.old(number)
        kept = {name: row[name] for name in MODEL.sources["actuals"].attributes & row.keys()}
        key = entry_key(Key(row["measure_id"]["S"], "actuals", row["id"]["S"]))
        return {**key, **entry_attributes(BACKFILL, kept, 0)}

    def roster(self, group: str) -> Item | None:
        facts = self._facts[self._numbers[group]] if group in self._numbers else {}
        seats = {id: Seat(BACKFILL, each) for id, each in facts.items()}
        return {**roster_key(group), **roster_attributes(Roster(1, 1, seats))} if seats else None

    def scan(self, table: str, start: int, limit: int) -> tuple[list[Item], int | None]:
        match table:
            case "actuals":
                end = min(self.rows, start + limit)
                items = [self.old(n) for n in range(start, end)]
            case "measure_data":
                end = min(self.rows, start + limit // self.links)
                items = [row for n in range(start, end) for row in self.new(n)]
            case "links" | "measure_links":
                end = len(self._links)
                items = self._links if table == "links" else [self._new_link(row) for row in self._links]
                return items, None
            case _:
                return [], None
        return items, end if end < self.rows else None

    def get(self, key: Item) -> Item | None:
        name = key[NAME]["S"]
        if name == ROSTER:
            return self.roster(key[GROUP]["S"])
        source, _, id = name.partition("#")
        return self.entry(number_of(id)) if source == "actuals" and number_of(id) < self.rows else None

    def group(self, group: str, start: int) -> tuple[list[Item], int | None]:
        """The entries of a group of the index; the others have none."""
        if group not in self._numbers:
            return [], None
        mine = range(self._numbers[group], self.rows, self.measures)
        some = mine[start : start + PAGE]
        return [self.entry(n) for n in some], start + PAGE if start + PAGE < len(mine) else None

    @staticmethod
    def _new_link(row: Item) -> Item:
        source = MODEL.sources["links"]
        found = source.read(row)
        return next(iter(source.wanted(found, {}, found.created_by).values()))


def answer(world: World, operation: str, request: Any) -> Any:
    match operation:
        case "DescribeTable":
            view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
            return {"Table": {"TableName": request["TableName"], "StreamSpecification": view}}
        case "BatchExecuteStatement":
            return {"Responses": [{"TableName": "index"}] * len(request["Statements"])}
        case "BatchWriteItem":
            return {"UnprocessedItems": {}}
        case "BatchGetItem":
            ((table, asked),) = request["RequestItems"].items()
            found = [world.get(key) for key in asked["Keys"]] if table == "index" else []
            return {"Responses": {table: [item for item in found if item is not None]}, "UnprocessedKeys": {}}
        case "Query" if "IndexName" in request:
            return {"Items": [], "Count": 0}
        case "Query":
            group = request["ExpressionAttributeValues"][":value"]["S"]
            return _paged(*world.group(group, _start(request)))
        case "Scan":
            return _paged(*world.scan(request["TableName"], _start(request), request.get("Limit", PAGE)))
    raise ValueError(f"expected an operation that is known here, found {operation}")


def _start(request: Any) -> int:
    return number_of(request["ExclusiveStartKey"]["id"]["S"]) if "ExclusiveStartKey" in request else 0


def _paged(items: Iterable[Item], after: int | None) -> Any:
    page: dict[str, Any] = {"Items": list(items)}
    return page if after is None else {**page, "LastEvaluatedKey": {"id": {"S": guid(4, after)}}}


def serve(world: World) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = json.dumps(answer(world, self.headers["X-Amz-Target"].split(".")[-1], body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None: ...

    socketserver.TCPServer.allow_reuse_address = True
    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


if __name__ == "__main__":
    server = serve(World(*map(int, sys.argv[1:])))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
