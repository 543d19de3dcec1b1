"""The store on DynamoDB, through boto3's low-level client: typed values go in and out as they are.

One call here is one request. botocore retries what fails as a whole; what fails item by item comes back to the engine.
Guarded writes are PartiQL batches, the one API that carries a condition per item, 25 to a request, without a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from remodel.core.entry import GROUP, NAME
from remodel.core.errors import NotAllowed, Rejected, RemodelError, TableNotFound, Unavailable
from remodel.core.model import NewKey
from remodel.core.record import KEY
from remodel.core.wire import Item
from remodel.ports import Guarded, Outcome, Page, Spent, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 3},
    max_pool_connections=50,
    parameter_validation=False,
)
"""Short enough that one hung request does not eat an invocation. botocore does not walk through every value to check its
type: the model and `core.wire` have, DynamoDB does, and it takes as long as all else that a request needs.
"""

_THROTTLED = {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}
_PASSING = _THROTTLED | {
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflictException",
    "TransactionInProgressException",
    "ExpiredTokenException",
}
_DENIED = {
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
}

_OUTCOMES = {
    None: Outcome.DONE,
    "ConditionalCheckFailed": Outcome.CONDITION_FAILED,
    "DuplicateItem": Outcome.CONDITION_FAILED,
    "ValidationError": Outcome.REJECTED,
    "ItemCollectionSizeLimitExceeded": Outcome.REJECTED,
}


class DynamoStore:
    """`tables`: the physical name of each table of the model, of `index` and of `quarantine`.

    `metered`: asks with every write what it consumed.
    """

    def __init__(self, client: DynamoDBClient, tables: Mapping[str, str], metered: bool = False) -> None:
        self._client = client
        self._metering: Any = {"ReturnConsumedCapacity": "TOTAL"} if metered else {}
        self._units, self._throttled = 0.0, 0
        self._tables = dict(tables)
        self._names = {physical: name for name, physical in tables.items()}

    def get(self, table: str, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        name = self._tables[table]
        request: Any = {name: {"Keys": list(keys), "ConsistentRead": True}}
        answer = self._call(table, lambda: self._client.batch_get_item(RequestItems=request))
        unprocessed: dict[str, Any] = dict(answer.get("UnprocessedKeys", {}))
        left: Any = unprocessed.get(name, {}).get("Keys", [])
        found: Any = answer["Responses"].get(name, [])
        return found, left

    def write(self, writes: Sequence[Write]) -> list[Write]:
        request: dict[str, list[Any]] = {}
        for each in writes:
            request.setdefault(self._tables[each.key.table], []).append(_request(each))
        answer = self._call(
            writes[0].key.table, lambda: self._client.batch_write_item(RequestItems=request, **self._metering)
        )
        left = {
            NewKey(self._names[name], _id(each))
            for name, requests in answer.get("UnprocessedItems", {}).items()
            for each in requests
        }
        self._throttled += len(left)
        return [each for each in writes if each.key in left]

    def guard(self, writes: Sequence[Guarded]) -> list[Outcome]:
        statements: Any = [_statement(self._tables[each.table], each) for each in writes]
        answer = self._call(
            writes[0].table, lambda: self._client.batch_execute_statement(Statements=statements, **self._metering)
        )
        outcomes = [
            _outcome(self._tables[each.table], one.get("Error"))
            for each, one in zip(writes, answer["Responses"], strict=True)
        ]
        self._throttled += outcomes.count(Outcome.AGAIN)
        return outcomes

    def query(self, table: str, group: str, start: Item | None, prefix: str = "") -> Page:
        return self._page(table, self._client.query, start, ConsistentRead=True, **_equals(GROUP, group, prefix))

    def find(self, table: str, index: str, attribute: str, value: str, start: Item | None) -> Page:
        return self._page(table, self._client.query, start, IndexName=index, **_equals(attribute, value))

    def scan(self, table: str, segment: int, total: int, start: Item | None, limit: int | None = None) -> Page:
        limits = {"Limit": limit} if limit else {}
        return self._page(table, self._client.scan, start, Segment=segment, TotalSegments=total, **limits)

    def stream_view(self, table: str) -> str | None:
        answer = self._call(table, lambda: self._client.describe_table(TableName=self._tables[table]))
        stream = answer["Table"].get("StreamSpecification", {})
        return stream.get("StreamViewType") if stream.get("StreamEnabled") else None

    def spent(self) -> Spent:
        return Spent(self._units, self._throttled)

    def _page(self, table: str, operation: Callable[..., Any], start: Item | None, **request: Any) -> Page:
        if start is not None:
            request["ExclusiveStartKey"] = start
        answer = self._call(table, lambda: operation(TableName=self._tables[table], **request))
        return Page(answer["Items"], answer.get("LastEvaluatedKey"))

    def _call(self, table: str, request: Callable[[], Any]) -> Any:
        try:
            answer: Any = request()
        except ClientError as problem:
            self._throttled += _code(problem) in _THROTTLED
            raise _named(self._tables[table], problem) from problem
        except (HTTPClientError, BotoCoreError) as problem:
            raise Unavailable(f"expected DynamoDB to answer for table {self._tables[table]!r}: {problem}") from problem
        self._units += sum(each["CapacityUnits"] for each in answer.get("ConsumedCapacity") or () if self._metering)
        return answer


def _named(table: str, problem: ClientError) -> RemodelError:
    code = _code(problem)
    message = problem.response.get("Error", {}).get("Message", "")
    if code == "ResourceNotFoundException":
        return _missing(table)
    if code in _DENIED:
        return NotAllowed(f"expected to be allowed to use table {table!r}, but: {message}: check the function's role")
    if code in _PASSING or problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return Unavailable(f"DynamoDB answered {code} for table {table!r}: {message}")
    return Rejected(f"{code}: {message}")


def _code(problem: ClientError) -> str:
    return problem.response.get("Error", {}).get("Code", "")


def _missing(table: str) -> TableNotFound:
    return TableNotFound(
        f"expected table {table!r} (or its index) to exist in this Region and account, found none: "
        "check the *_TABLE environment variables and the stack's parameters"
    )


def _outcome(table: str, error: Any) -> Outcome:
    code = error.get("Code") if error else None
    if code == "ResourceNotFound":
        raise _missing(table)
    if code == "AccessDenied":
        raise NotAllowed(f"expected to be allowed PartiQL on table {table!r}: check the function's role")
    return _OUTCOMES.get(code, Outcome.AGAIN)


def _request(write: Write) -> dict[str, Any]:
    if write.item is None:
        return {"DeleteRequest": {"Key": {KEY: {"S": write.key.id}}}}
    return {"PutRequest": {"Item": write.item}}


def _id(request: Any) -> str:
    item = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    id: str = item[KEY]["S"]
    return id


def _statement(table: str, write: Guarded) -> dict[str, Any]:
    where = " AND ".join(f'"{name}"=?' for name in write.key)
    values = list(write.key.values())
    if write.condition is not None:
        where += f' AND "{write.condition.attribute}" {write.condition.operator} ?'
        values.append(write.condition.value)
    if write.attributes is None:
        return {"Statement": f'DELETE FROM "{table}" WHERE {where}', "Parameters": values}  # noqa: S608
    if write.condition is None:
        whole = {**write.key, **write.attributes}
        pairs = ", ".join(f"'{name}': ?" for name in whole)
        return {"Statement": f'INSERT INTO "{table}" VALUE {{{pairs}}}', "Parameters": list(whole.values())}
    sets = " ".join(f'SET "{name}"=?' for name in write.attributes)
    drops = "".join(f' REMOVE "{name}"' for name in write.drop)
    values = [*write.attributes.values(), *values]
    return {"Statement": f'UPDATE "{table}" {sets}{drops} WHERE {where}', "Parameters": values}


def _equals(attribute: str, value: str, prefix: str = "") -> dict[str, Any]:
    request: dict[str, Any] = {
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": {"#key": attribute},
        "ExpressionAttributeValues": {":value": {"S": value}},
    }
    if prefix:
        request["KeyConditionExpression"] += " AND begins_with(#name, :prefix)"
        request["ExpressionAttributeNames"]["#name"] = NAME
        request["ExpressionAttributeValues"][":prefix"] = {"S": prefix}
    return request
