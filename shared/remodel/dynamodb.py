"""The store on DynamoDB, over botocore's low-level client: typed values go in and out as they are.

Each method sends one request (`find`: one per page) and repeats none. What fails as a whole is raised as a named error;
what fails item by item is returned. Threads may share a store.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.parsers import ResponseParserError

from remodel.errors import MissingSetting, NotAllowed, Rejected, RemodelError, TableNotFound, Unanswered, Unavailable
from remodel.items import Item, Wire
from remodel.keys import Key, KeySchema
from remodel.store import GROUP, INDEX, NAME, Change, Page, Spent, Stream, Update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

WORKERS = 8
"""Requests in parallel. More do not help: botocore's own CPU is the limit on a function's share of a processor."""

_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "LimitExceededException",
}
_PASSING = _THROTTLED | {
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflictException",
    "TransactionInProgressException",
    "ReplicatedWriteConflictException",
    "ExpiredTokenException",
}
_DENIED = {
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
}


class _ConditionFailed(RemodelError):
    """The condition of an update did not hold."""


@dataclass(frozen=True, slots=True)
class Table:
    """`physical`: the table's name on DynamoDB."""

    physical: str
    schema: KeySchema


class DynamoStore:
    """`tables`: by logical name. `metered`: each request asks for the units that it consumed."""

    def __init__(self, client: DynamoDBClient, tables: Mapping[str, Table], metered: bool = False) -> None:
        """Raises MissingSetting where two tables have one physical name."""
        self._client = client
        self._metering = {"ReturnConsumedCapacity": "TOTAL"} if metered else {}
        self._tables = dict(tables)
        self._names = {table.physical: name for name, table in tables.items()}
        for name, table in tables.items():
            if self._names[table.physical] != name:
                raise MissingSetting(
                    f"expected a table of its own for each of {name!r} and {self._names[table.physical]!r}, "
                    f"found {table.physical!r} for both: check the *_TABLE environment variables"
                )
        self._spent, self._lock = Counter[str](), threading.Lock()
        self._thread = threading.local()

    def schema(self, table: str) -> KeySchema:
        return self._table(table).schema

    def get(self, keys: Sequence[Key], consistent: bool = True) -> tuple[dict[Key, Item], list[Key]]:
        request: dict[str, Any] = {}
        for key in keys:
            table = self._table(key.table)
            asked = request.setdefault(table.physical, {"Keys": [], "ConsistentRead": consistent})
            asked["Keys"].append(table.schema.decode(key.text))
        answer = self._metered("read_units", request, self._client.batch_get_item, RequestItems=request)
        found, left = _field(answer, "Responses"), _field(answer, "UnprocessedKeys")
        unprocessed = [key for name, each in left.items() for key, _ in self._keyed(name, each["Keys"])]
        self._count(throttled=len(unprocessed))
        return {key: item for name, items in found.items() for key, item in self._keyed(name, items)}, unprocessed

    def write(self, changes: Sequence[Change]) -> list[Change]:
        request: dict[str, list[Any]] = {}
        for key, item in changes:
            table = self._table(key.table)
            asked = {"DeleteRequest": {"Key": table.schema.decode(key.text)}}
            request.setdefault(table.physical, []).append({"PutRequest": {"Item": item}} if item is not None else asked)
        answer = self._metered("write_units", request, self._client.batch_write_item, RequestItems=request)
        left = {key for name, each in _field(answer, "UnprocessedItems").items() for key in self._asked(name, each)}
        self._count(throttled=len(left))
        return [change for change in changes if change.key in left]

    def update(self, update: Update) -> Item | None:
        table = self._table(update.key.table)
        request = {"TableName": table.physical, "Key": table.schema.decode(update.key.text), "ReturnValues": "ALL_NEW"}
        request |= _expressions(update, table.schema.names[0])
        try:
            answer = self._metered("write_units", [table.physical], self._client.update_item, **request)
        except _ConditionFailed:
            return None
        item: Item = _field(answer, "Attributes")
        return item

    def query(self, group: str, prefix: str, start: str | None, limit: int) -> Page:
        request = _equals(GROUP, {"S": group})
        if prefix:
            request["KeyConditionExpression"] += " AND begins_with(#name, :prefix)"
            request["ExpressionAttributeNames"]["#name"] = NAME
            request["ExpressionAttributeValues"][":prefix"] = {"S": prefix}
        if start is not None:
            request["ExclusiveStartKey"] = {GROUP: {"S": group}, NAME: {"S": start}}
        items, last = self._page(INDEX, self._client.query, ConsistentRead=True, Limit=limit, **request)
        return Page(items, last[NAME]["S"] if last else None)

    def find(self, table: str, index: str, attribute: str, value: Wire) -> list[Item]:
        request, found = _equals(attribute, value), []
        while True:
            items, last = self._page(table, self._client.query, IndexName=index, **request)
            found.extend(items)
            if not last:
                return found
            request["ExclusiveStartKey"] = last

    def scan(self, table: str, segment: tuple[int, int], start: str | None, limit: int) -> Page:
        schema, (number, total) = self.schema(table), segment
        request: dict[str, Any] = {"Segment": number, "TotalSegments": total, "Limit": limit}
        if start is not None:
            request["ExclusiveStartKey"] = schema.decode(start)
        items, last = self._page(table, self._client.scan, **request)
        return Page(items, schema.encode(last) if last else None)

    def stream(self, table: str) -> Stream | None:
        name = self._table(table).physical
        described = _field(self._send([name], self._client.describe_table, TableName=name), "Table")
        found = described.get("StreamSpecification", {})
        return Stream(found["StreamViewType"], described["LatestStreamLabel"]) if found.get("StreamEnabled") else None

    def spent(self) -> Spent:
        return Spent(**self._spent)

    def together(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        # A job that waits for jobs of its own would wait for ever where its own pool is full.
        if len(jobs) < 2 or getattr(self._thread, "is_worker", False):
            return [job() for job in jobs]
        futures = [self._pool.submit(job) for job in jobs]
        wait(futures)
        return [future.result() for future in futures]

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        def begin() -> None:
            self._thread.is_worker = True

        return ThreadPoolExecutor(WORKERS, "store", begin)

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            raise TableNotFound(f"expected one of the tables {', '.join(sorted(self._tables))}, found {name!r}")
        return self._tables[name]

    def _keyed(self, physical: str, items: Iterable[Item]) -> Iterable[tuple[Key, Item]]:
        name = self._names[physical]
        encode = self._tables[name].schema.encode
        return ((Key(name, encode(item)), item) for item in items)

    def _asked(self, physical: str, requests: Iterable[Mapping[str, Any]]) -> Iterable[Key]:
        """The keys of requests to write: each is a put of an item, or a delete of a key."""
        items = (item for request in requests for content in request.values() for item in content.values())
        return (key for key, _ in self._keyed(physical, items))

    def _page(self, table: str, operation: Callable[..., Any], **request: Any) -> tuple[list[Item], Item | None]:
        name = self._table(table).physical
        answer = self._metered("read_units", [name], operation, TableName=name, **request)
        return _field(answer, "Items"), answer.get("LastEvaluatedKey")

    def _metered(self, units: str, tables: Iterable[str], operation: Callable[..., Any], **request: Any) -> Any:
        answer = self._send(tables, operation, **request, **self._metering)
        consumed = answer.get("ConsumedCapacity") or []
        every = [consumed] if isinstance(consumed, dict) else consumed
        self._count(**{units: sum((each["CapacityUnits"] for each in every), 0.0)})
        return answer

    def _send(self, tables: Iterable[str], operation: Callable[..., Any], **request: Any) -> Any:
        self._count(requests=1)
        try:
            return operation(**request)
        except ClientError as problem:
            self._count(throttled=int(_code(problem) in _THROTTLED))
            raise _named(", ".join(tables), problem) from problem
        except NoCredentialsError as problem:
            raise NotAllowed(f"expected credentials, found none: {problem}") from problem
        except (BotoCoreError, ResponseParserError, UnicodeDecodeError) as problem:
            raise Unanswered(f"expected DynamoDB to answer for {', '.join(tables)}: {problem}") from problem
        except UnicodeEncodeError as problem:
            raise Rejected("expected valid Unicode in every text, found a lone surrogate") from problem

    def _count(self, **used: float) -> None:
        with self._lock:
            self._spent.update(used)


def _expressions(update: Update, key: str) -> dict[str, Any]:
    """Attributes have numbers for names. `key`: an attribute that every item has."""
    names: dict[str, str] = {}
    values: dict[str, Wire] = {}
    clauses = []
    for verb, sign, attributes in (("ADD", "", update.add), ("SET", " =", update.put)):
        numbered = dict(enumerate(attributes.items(), len(names)))
        names |= {f"#{n}": name for n, (name, _) in numbered.items()}
        values |= {f":{n}": value for n, (_, value) in numbered.items()}
        if numbered:
            clauses.append(f"{verb} {', '.join(f'#{n}{sign} :{n}' for n in numbered)}")
    request: dict[str, Any] = {"UpdateExpression": " ".join(clauses)} if clauses else {}
    if update.below is not None:
        names["#below"], bound = update.below
        values[":below"] = {"N": str(bound)}
        request["ConditionExpression"] = "attribute_not_exists(#below) OR #below < :below"
    if update.new:
        names["#new"], request["ConditionExpression"] = key, "attribute_not_exists(#new)"
    named = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    return request | {name: found for name, found in named.items() if found}


def _equals(attribute: str, value: Wire) -> dict[str, Any]:
    return {
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": {"#key": attribute},
        "ExpressionAttributeValues": {":value": value},
    }


def _field(answer: Mapping[str, Any], name: str) -> Any:
    """What DynamoDB always answers. botocore takes a body that is not JSON for an answer without any field, and without
    this check a batch that a proxy swallowed would count as written."""
    if name not in answer:
        raise Unavailable(f"expected an answer of DynamoDB with {name}, found none: something else answered")
    return answer[name]


def _named(tables: str, problem: ClientError) -> RemodelError:
    code = _code(problem)
    message = problem.response.get("Error", {}).get("Message", "")
    if code == "ConditionalCheckFailedException":
        return _ConditionFailed(message)
    if code == "ResourceNotFoundException" or "does not have the specified index" in message:
        return TableNotFound(
            f"expected {tables} to exist in this Region and account, with their indexes, but: {message}: "
            "correct their names in the stack's parameters (`samconfig.toml`), or make them (`remodel prepare`, `sam deploy`)"
        )
    if code in _DENIED:
        return NotAllowed(f"expected to be allowed to use {tables}, but: {message}: check the function's role")
    if code in _PASSING or problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return Unavailable(f"DynamoDB answered {code} for {tables}: {message}")
    return Rejected(f"{code}: {message}")


def _code(problem: ClientError) -> str:
    return problem.response.get("Error", {}).get("Code", "")
