"""Calls of a table, on moto and, if dynalite supports the call, also on dynalite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from patch_tracker_testing.tables import Tables, new_tables

from lambda_core import aws
from lambda_core.retry import RetryPolicy
from lambda_testing.fault_proxy import (
    Fault,
    FaultProxy,
    aws_error,
    first,
    mutate_json,
    on_operation,
)
from patch_tracker.repositories.errors import ConditionFailedError, DatabaseError
from patch_tracker.repositories.table import DynamoTable, Put, Update

type Name = Callable[[int], str]


@pytest.fixture(params=["moto", "dynalite"])
def both(request: pytest.FixtureRequest) -> DynamoTable:
    """The table Patches on moto and on dynalite."""
    name = "cloud" if request.param == "moto" else "strict_dynamodb"
    return new_tables(request.getfixturevalue(name)).patches_table


def items(count: int, size: int = 10) -> list[dict[str, Any]]:
    return [{"id": f"i{number}", "text": "x" * size, "number": number} for number in range(count)]


def test_items_are_read_as_they_were_written(both: DynamoTable) -> None:
    item = {
        "id": "a",
        "text": "Grüße\0",
        "number": -7,
        "yes": True,
        "bytes": b"\0\xff",
        "set": {"a", "b"},
        "list": ["a", 1, [True, {"b": b"c"}]],
    }
    both.put(Put(item))
    assert both.get({"id": "a"}, consistent=True) == item
    assert both.get({"id": "b"}) is None


def test_batches_of_any_size_are_written_and_read(both: DynamoTable) -> None:
    both.write_many(items(130))
    found = both.get_many([{"id": f"i{number}"} for number in range(140)] * 2, consistent=True)
    assert sorted(item["number"] for item in found) == list(range(130))
    both.write_many(deletes=[{"id": f"i{number}"} for number in range(60)])
    assert sum(1 for _ in both.scan_all()) == 70
    assert both.counts["writes"] == 190


def test_unprocessed_keys_are_read_again(strict_tables: Tables) -> None:
    # DynamoDB returns at most 16 MB (dynalite: 1.4 MB) and leaves the rest unprocessed.
    table = strict_tables.patches_table
    for item in items(60, size=300_000):
        table.put(Put(item))
    before = table.counts["reads"]
    found = table.get_many([{"id": f"i{number}"} for number in range(60)])
    assert len(found) == 60
    assert table.counts["reads"] - before > 1


def test_an_item_that_is_too_large_is_an_error(both: DynamoTable) -> None:
    with pytest.raises(DatabaseError, match="size"):
        both.put(Put({"id": "a", "text": "x" * 410_000}))


def test_an_update_sets_removes_and_adds(both: DynamoTable) -> None:
    key = {"id": "a"}
    both.update(
        Update(
            key,
            set_values={"a": 1, "gone": None},
            set_if_missing={"b": 1},
            add={"n": 2, "s": {"x"}},
        )
    )
    both.update(
        Update(
            key,
            set_values={"a": None},
            set_if_missing={"b": 2},
            add={"n": -1, "s": {"x", "y"}},
        )
    )
    assert both.get(key) == {"id": "a", "b": 1, "n": 1, "s": {"x", "y"}}


def test_a_write_fails_if_its_condition_is_not_met(both: DynamoTable) -> None:
    both.put(Put({"id": "a", "v": 1}, only_if={"id": None}))
    with pytest.raises(ConditionFailedError):
        both.put(Put({"id": "a", "v": 2}, only_if={"id": None}))
    both.update(Update({"id": "a"}, set_values={"v": 3}, only_if={"v": 1}))
    with pytest.raises(ConditionFailedError):
        both.update(Update({"id": "a"}, set_values={"v": 4}, only_if={"v": 1}))
    with pytest.raises(ConditionFailedError):
        both.delete({"id": "a"}, only_if={"v": 1})
    assert both.get({"id": "a"}) == {"id": "a", "v": 3}


def test_a_partition_is_read_in_pages(both: DynamoTable) -> None:
    both.write_many(
        [{"id": f"i{n}", "status_key": "S", "sort": f"{n:02d}"} for n in range(25)]
        + [{"id": "other", "status_key": "T", "sort": "00"}]
    )
    seen: list[str] = []
    after = None
    while True:
        page = both.query(
            "StatusIndex", ("status_key", "S"), newest_first=True, limit=10, after=after
        )
        seen += [item["id"] for item in page.items]
        if (after := page.last_key) is None:
            break
    assert seen == [f"i{n}" for n in reversed(range(25))]
    assert len(list(both.query_all("StatusIndex", ("status_key", "S")))) == 25
    # An index with all attributes would double the cost of every write.
    assert page.items[0].keys() == {"id", "status_key", "sort"}


def test_a_transaction_is_all_or_nothing(tables: Tables) -> None:
    rows, other = tables.patches_table, tables.discussions_table
    rows.transaction().put(Put({"id": "a"})).put(Put({"id": "b", "timestamp": "-"}), other).commit()
    failing = rows.transaction().put(Put({"id": "c"}))
    failing.put(Put({"id": "b", "timestamp": "-"}, only_if={"id": None}), other)
    with pytest.raises(ConditionFailedError):
        failing.commit()
    assert rows.get({"id": "c"}) is None
    assert (rows.counts["writes"], other.counts["writes"]) == (1, 1)


@pytest.fixture
def sleeps() -> list[float]:
    return []


@pytest.fixture
def faulty(
    served_tables: Tables, cloud: str, sleeps: list[float]
) -> Iterator[Callable[..., DynamoTable]]:
    proxies = []

    def through(*faults: Fault) -> DynamoTable:
        proxy = FaultProxy(cloud, faults)
        proxy.__enter__()
        proxies.append(proxy)
        client = aws.client("dynamodb", endpoint_url=proxy.url)
        return DynamoTable(
            client,
            served_tables.names["patches"],
            retry=RetryPolicy(attempts=3),
            sleep=sleeps.append,
        )

    yield through
    for proxy in proxies:
        proxy.__exit__(None, None, None)


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError"]
)
def test_throttled_calls_are_retried(
    faulty: Callable[..., DynamoTable], sleeps: list[float], code: str
) -> None:
    status = 500 if code == "InternalServerError" else 400
    rows = faulty(Fault(first(2), aws_error(code, status=status)))
    rows.put(Put({"id": "a"}))
    assert len(sleeps) == 2
    assert rows.get({"id": "a"}) == {"id": "a"}


def test_unprocessed_items_are_written_later(
    faulty: Callable[..., DynamoTable], served_tables: Tables, sleeps: list[float]
) -> None:
    name = served_tables.names["patches"]
    put = {"PutRequest": {"Item": {"id": {"S": "late"}, "text": {"S": "x"}}}}
    is_batch = on_operation("BatchWriteItem")
    once = first(2)
    rows = faulty(
        Fault(
            lambda request: is_batch(request) and once(request),
            mutate_json(lambda answer: answer | {"UnprocessedItems": {name: [put]}}),
        )
    )
    rows.write_many(items(3))
    assert rows.get({"id": "late"}, consistent=True) is not None
    assert len(sleeps) == 2
    never = faulty(
        Fault(is_batch, mutate_json(lambda answer: answer | {"UnprocessedItems": {name: [put]}}))
    )
    with pytest.raises(DatabaseError, match="unprocessed 12 times") as caught:
        never.write_many(items(3))
    assert caught.value.transient


def test_an_error_of_dynamodb_names_the_table_and_the_operation(tables: Tables) -> None:
    missing = DynamoTable(tables.client, "no-such-table", retry=RetryPolicy(attempts=1))
    with pytest.raises(DatabaseError, match="get in table no-such-table failed") as caught:
        missing.get({"id": "a"})
    assert caught.value.context["operation"] == "get"
    assert not caught.value.transient
