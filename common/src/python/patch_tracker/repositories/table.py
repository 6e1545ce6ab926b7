"""A DynamoDB table with typed calls, complete batches, retries and its own errors.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

from lambda_core.retry import AWS, Retry, RetryPolicy
from patch_tracker.repositories.errors import DatabaseError, classify, database_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]
"""Attributes by name: str, int, bool, bytes, None, sets of str, lists and dicts of these."""

type Key = Mapping[str, str]

_GET_BATCH: Final = 100
_WRITE_BATCH: Final = 25
_TRANSACTION: Final = 100
_UNFINISHED_TRIES: Final = 12

_to_dynamo = TypeSerializer().serialize
_from_dynamo = TypeDeserializer().deserialize


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an item to the format of DynamoDB's API."""
    return {name: _to_dynamo(value) for name, value in item.items()}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    """Convert an item from the format of DynamoDB's API to plain values."""
    return {name: _plain(_from_dynamo(value)) for name, value in attributes.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of an item
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, Binary):
        return bytes(value.value)  # type: ignore[attr-defined]  # missing in the stubs
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Update:
    """Changes of one item.

    Attributes
    ----------
    set_values
        Attributes to set; the value None removes an attribute.
    set_if_missing
        Attributes to set if they do not exist.
    add
        Numbers to add to attributes, and members to add to sets.
    only_if
        Condition: attributes and their expected values; None if the attribute must not exist.
    """

    key: Key
    set_values: Mapping[str, Any] | None = None
    set_if_missing: Mapping[str, Any] | None = None
    add: Mapping[str, Any] | None = None
    only_if: Mapping[str, Any] | None = None

    def request(self, table: str) -> dict[str, Any]:
        """Return the parameters of `UpdateItem`."""
        expression = _Expression()
        clauses: dict[str, list[str]] = {"SET": [], "REMOVE": [], "ADD": []}
        for name, value in (self.set_values or {}).items():
            alias = expression.name(name)
            if value is None:
                clauses["REMOVE"].append(alias)
            else:
                clauses["SET"].append(f"{alias} = {expression.value(value)}")
        for name, value in (self.set_if_missing or {}).items():
            alias = expression.name(name)
            clauses["SET"].append(f"{alias} = if_not_exists({alias}, {expression.value(value)})")
        for name, value in (self.add or {}).items():
            clauses["ADD"].append(f"{expression.name(name)} {expression.value(value)}")
        request: dict[str, Any] = {
            "TableName": table,
            "Key": to_attributes(self.key),
            "UpdateExpression": " ".join(
                f"{clause} {', '.join(parts)}" for clause, parts in clauses.items() if parts
            ),
        }
        return request | expression.condition(self.only_if) | expression.parameters()


@dataclass(frozen=True, slots=True)
class Put:
    """An item that replaces the stored one; `only_if` is a condition as in `Update`."""

    item: Item
    only_if: Mapping[str, Any] | None = None

    def request(self, table: str) -> dict[str, Any]:
        """Return the parameters of `PutItem`."""
        expression = _Expression()
        request = {"TableName": table, "Item": to_attributes(self.item)}
        return request | expression.condition(self.only_if) | expression.parameters()


class _Expression:
    """Placeholders for the names and values of an expression, so that nothing needs quoting."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, name: str) -> str:
        alias = next((alias for alias, known in self._names.items() if known == name), None)
        if alias is None:
            alias = f"#n{len(self._names)}"
            self._names[alias] = name
        return alias

    def value(self, value: Any) -> str:  # noqa: ANN401 - any value of an item
        alias = f":v{len(self._values)}"
        self._values[alias] = _to_dynamo(value)
        return alias

    def condition(self, only_if: Mapping[str, Any] | None) -> dict[str, str]:
        parts = [
            f"attribute_not_exists({self.name(name)})"
            if value is None
            else f"{self.name(name)} = {self.value(value)}"
            for name, value in (only_if or {}).items()
        ]
        return {"ConditionExpression": " AND ".join(parts)} if parts else {}

    def parameters(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._names:
            found["ExpressionAttributeNames"] = self._names
        if self._values:
            found["ExpressionAttributeValues"] = self._values
        return found


@dataclass(frozen=True, slots=True)
class QueryPage:
    """Items of a query, and the key after which the next page starts; None at the end."""

    items: list[Item]
    last_key: Item | None


class DynamoTable:
    """A table. Threads can share it.

    Parameters
    ----------
    client
        A client from `lambda_core.aws.client`, which does not retry on its own.
    name
        Name of the table.
    retry
        When to retry a failed call.
    on_retry
        Called before each retry.
    sleep
        Replaced in tests.

    Attributes
    ----------
    counts : Counter
        `writes` (items put, updated or deleted) and `reads` (calls that read).
    """

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        *,
        retry: RetryPolicy = AWS,
        on_retry: Callable[[Retry], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._name = name
        self._retry = retry
        self._on_retry = on_retry
        self._sleep = sleep
        self.counts: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """Name of the table."""
        return self._name

    @database_errors
    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """Return an item, or None if it does not exist."""
        self.counts["reads"] += 1
        response = self._call(
            lambda: self._client.get_item(
                TableName=self.name, Key=to_attributes(key), ConsistentRead=consistent
            )
        )
        return from_attributes(response["Item"]) if "Item" in response else None

    @database_errors
    def get_many(self, keys: Iterable[Key], *, consistent: bool = False) -> list[Item]:
        """Return those of many items that exist, in any order. Duplicate keys are read once.

        Raises
        ------
        DatabaseError
            If DynamoDB repeatedly left keys unprocessed.
        """
        unique = {tuple(sorted(key.items())): to_attributes(key) for key in keys}
        found: list[Item] = []
        for batch in batched(unique.values(), _GET_BATCH):
            waiting: dict[str, Any] = {
                self.name: {"Keys": list(batch), "ConsistentRead": consistent}
            }
            stuck = 0
            while waiting:
                self.counts["reads"] += 1
                response = self._call(partial(self._client.batch_get_item, RequestItems=waiting))
                items = response["Responses"].get(self.name, [])
                found += [from_attributes(item) for item in items]
                left = dict(response.get("UnprocessedKeys") or {})
                if left:
                    requested, missing = (len(part[self.name]["Keys"]) for part in (waiting, left))
                    stuck = self._pause(stuck, "read", requested, missing)
                waiting = left
        return found

    @database_errors
    def query(
        self,
        index: str | None,
        key: tuple[str, str],
        *,
        begins_with: tuple[str, str] | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        after: Item | None = None,
        consistent: bool = False,
    ) -> QueryPage:
        """Return one page of the items of a partition, ordered by their sort key.

        Parameters
        ----------
        index
            Name of the index, or None for the table itself.
        key
            Name and value of the partition key.
        begins_with
            Name of the sort key, and the prefix that its value must have.
        after
            `last_key` of the previous page.
        consistent
            Read consistently. Has no effect on an index, which is always slightly behind.
        """
        expression = _Expression()
        condition = f"{expression.name(key[0])} = {expression.value(key[1])}"
        if begins_with:
            name, start = expression.name(begins_with[0]), expression.value(begins_with[1])
            condition += f" AND begins_with({name}, {start})"
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ScanIndexForward": not newest_first,
        } | expression.parameters()
        if index:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = consistent
        if limit is not None:
            request["Limit"] = limit
        if after is not None:
            request["ExclusiveStartKey"] = to_attributes(after)
        self.counts["reads"] += 1
        response = self._call(lambda: self._client.query(**request))
        last = response.get("LastEvaluatedKey")
        return QueryPage(
            [from_attributes(item) for item in response["Items"]],
            from_attributes(last) if last else None,
        )

    def query_all(
        self, index: str | None, key: tuple[str, str], *, consistent: bool = False
    ) -> Iterator[Item]:
        """Yield all items of a partition, ordered by their sort key."""
        after: Item | None = None
        while True:
            page = self.query(index, key, after=after, consistent=consistent)
            yield from page.items
            if page.last_key is None:
                return
            after = page.last_key

    def scan_all(self) -> Iterator[Item]:
        """Yield all items of the table in any order, for exports and comparisons."""
        after: Item | None = None
        while True:
            page = self._scan_page(after)
            yield from page.items
            if page.last_key is None:
                return
            after = page.last_key

    @database_errors
    def _scan_page(self, after: Item | None) -> QueryPage:
        request: dict[str, Any] = {"TableName": self.name}
        if after is not None:
            request["ExclusiveStartKey"] = to_attributes(after)
        self.counts["reads"] += 1
        response = self._call(lambda: self._client.scan(**request))
        last = response.get("LastEvaluatedKey")
        return QueryPage(
            [from_attributes(item) for item in response["Items"]],
            from_attributes(last) if last else None,
        )

    @database_errors
    def put(self, put: Put) -> None:
        """Write an item.

        Raises
        ------
        ConditionFailedError
            If the condition is not met.
        """
        request = put.request(self.name)
        self._call(lambda: self._client.put_item(**request))
        self.counts["writes"] += 1

    @database_errors
    def update(self, update: Update) -> None:
        """Change an item, or create it.

        Without a condition, use `add` only for sets: if a response is lost, the retry adds a number
        twice.

        Raises
        ------
        ConditionFailedError
            If the condition is not met.
        """
        request = update.request(self.name)
        self._call(lambda: self._client.update_item(**request))
        self.counts["writes"] += 1

    @database_errors
    def delete(self, key: Key, *, only_if: Mapping[str, Any] | None = None) -> None:
        """Delete an item if it exists."""
        expression = _Expression()
        request: dict[str, Any] = {"TableName": self.name, "Key": to_attributes(key)}
        request |= expression.condition(only_if) | expression.parameters()
        self._call(lambda: self._client.delete_item(**request))
        self.counts["writes"] += 1

    @database_errors
    def write_many(self, puts: Sequence[Item] = (), deletes: Sequence[Key] = ()) -> None:
        """Put and delete many items, in any order and not atomically.

        Raises
        ------
        DatabaseError
            If DynamoDB repeatedly left items unprocessed.
        """
        requests: list[dict[str, Any]] = [{"PutRequest": {"Item": to_attributes(i)}} for i in puts]
        requests += [{"DeleteRequest": {"Key": to_attributes(key)}} for key in deletes]
        for batch in batched(requests, _WRITE_BATCH):
            waiting: dict[str, Any] = {self.name: list(batch)}
            stuck = 0
            while waiting:
                response = self._call(partial(self._client.batch_write_item, RequestItems=waiting))
                left = dict(response.get("UnprocessedItems") or {})
                requested, missing = (len(part.get(self.name, ())) for part in (waiting, left))
                self.counts["writes"] += max(0, requested - missing)
                if missing:
                    stuck = self._pause(stuck, "write", requested, missing)
                waiting = left if missing else {}

    def transaction(self) -> Transaction:
        """Start a transaction, which can include other tables."""
        return Transaction(self)

    @database_errors
    def commit(self, actions: Sequence[dict[str, Any]]) -> None:
        """Execute either all actions or none. Called by `Transaction.commit`."""
        if len(actions) > _TRANSACTION:
            raise ValueError(f"a transaction has at most {_TRANSACTION} actions")
        self._call(lambda: self._client.transact_write_items(TransactItems=list(actions)))  # type: ignore[arg-type]  # built from requests

    def _call[T](self, function: Callable[[], T]) -> T:
        return self._retry.call(
            function, retry_on=classify, on_retry=self._on_retry, sleep=self._sleep
        )

    def _pause(self, stuck: int, what: str, requested: int, left: int) -> int:
        """Wait before retrying unprocessed items; longer if nothing was processed.

        Returns how many times in a row nothing was processed.
        """
        stuck = stuck + 1 if left >= requested else 0
        if stuck == _UNFINISHED_TRIES:
            failed = DatabaseError(
                f"table {self.name} left {left} items of a {what} batch unprocessed "
                f"{_UNFINISHED_TRIES} times: its capacity is exhausted; increase it or try later",
                table=self.name,
                operation=what,
            )
            failed.transient = True
            raise failed
        self._sleep(RetryPolicy(base_seconds=0.05, cap_seconds=5.0).pause(stuck + 1))
        return stuck


class Transaction:
    """Up to 100 writes that happen all or not at all; at most one per item."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table
        self._actions: list[dict[str, Any]] = []
        self._counted: list[DynamoTable] = []

    def put(self, put: Put, table: DynamoTable | None = None) -> Transaction:
        """Add an item that replaces the stored one."""
        return self._add("Put", put.request((table or self._table).name), table)

    def update(self, update: Update, table: DynamoTable | None = None) -> Transaction:
        """Add changes to an item."""
        return self._add("Update", update.request((table or self._table).name), table)

    def commit(self) -> None:
        """Execute all writes.

        Raises
        ------
        ConditionFailedError
            If a condition is not met. Nothing was written.
        DatabaseError
            If the call failed.
        """
        self._table.commit(self._actions)
        for table in self._counted:
            table.counts["writes"] += 1

    def _add(self, action: str, request: dict[str, Any], table: DynamoTable | None) -> Transaction:
        self._actions.append({action: request})
        self._counted.append(table or self._table)
        return self
