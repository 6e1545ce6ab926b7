"""The speedups do not change moto's responses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import backends

from local_cloud.moto_patches import speedups
from local_cloud.server import moto_server as local_server

TREE = speedups.TREE


@pytest.fixture(scope="module")
def quick() -> Iterator[Any]:
    with local_server() as url:
        yield client_of(url)


@pytest.fixture
def plain(moto_server: str) -> Any:  # noqa: ANN401 - a client
    return client_of(moto_server)


def client_of(url: str, service: str = "ssm") -> Any:  # noqa: ANN401 - a client
    # The fixture of the module runs before the environment variables of a test are set.
    return boto3.client(  # type: ignore[call-overload]  # any service
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - not a real key
    )


def names(client: Any, **request: Any) -> list[list[str]]:  # noqa: ANN401 - boto3's own
    pages = client.get_paginator("get_parameters_by_path").paginate(**request)
    return [[parameter["Name"] for parameter in page["Parameters"]] for page in pages]


@pytest.mark.parametrize(
    "request_",
    [
        {"Path": TREE},
        {"Path": f"{TREE}/"},
        {"Path": f"{TREE}/regions"},
        {"Path": f"{TREE}/services/"},
        {"Path": f"{TREE}/regions/eu-west-3/services"},
        {"Path": f"{TREE}/regions/eu-west-3/services", "MaxResults": 7},
        {"Path": f"{TREE}/regions/us-east-1/local-zones"},
        {"Path": f"{TREE}/regions/us-east-1/wavelength-zones", "Recursive": True},
        {"Path": f"{TREE}/regions/nowhere"},
        {"Path": f"{TREE}-of-others"},
        {"Path": "/aws/service"},
        {
            "Path": f"{TREE}/regions/eusc-de-east-1",
            "ParameterFilters": [{"Key": "Type", "Values": ["StringList"]}],
        },
    ],
    ids=str,
)
def test_pages_are_unchanged(quick: Any, plain: Any, request_: dict[str, Any]) -> None:  # noqa: ANN401 - clients
    assert names(quick, **request_) == names(plain, **request_)


def test_requests_that_moto_refuses_are_refused(quick: Any) -> None:  # noqa: ANN401 - a client
    with pytest.raises(ClientError, match="less than or equal to 10"):
        quick.get_parameters_by_path(Path=f"{TREE}/regions", MaxResults=11)


def test_parameters_outside_of_the_tree_are_found(quick: Any) -> None:  # noqa: ANN401 - a client
    quick.put_parameter(Name="/mine/a/b", Value="1", Type="String")
    assert names(quick, Path="/mine/a") == [["/mine/a/b"]]


def test_service_names_are_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(backends.list_of_moto_modules())
    monkeypatch.setattr(backends, "list_of_moto_modules", backends.list_of_moto_modules)
    speedups.service_names()
    first, second = (list(backends.list_of_moto_modules()) for _ in range(2))
    assert first == second == before


ITEM: Final = {
    "id": {"S": "é\0"},
    "number": {"N": "-1.50"},
    "true": {"BOOL": True},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
    "bytes": {"B": b"\0\xff"},
    "texts": {"SS": ["b", "a"]},
    "numbers": {"NS": ["2", "1"]},
    "many_bytes": {"BS": [b"\1"]},
    "list": {"L": [{"S": "x"}, {"B": b"y"}, {"L": []}, {"M": {"a": {"N": "1"}}}]},
    "map": {"M": {"S": {"S": "x"}, "b": {"B": b"z"}, "m": {"M": {}}}},
}


def new_table(url: str, name: str) -> Any:  # noqa: ANN401 - a client
    """Create a table and return a client."""
    dynamodb = client_of(url, "dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return dynamodb


@pytest.mark.parametrize(
    "expression",
    [
        "SET " + ", ".join(f"a{number} = :v" for number in range(30)),
        "SET a = :v, b = if_not_exists(b, :v) REMOVE c ADD d :n",
        "SET a = :v SET b = :v",
        "SET a = :v, b = :v REMOVE c SET d = :v",
        "REMOVE a REMOVE b",
        "ADD a :n ADD b :n",
        "SET a = :v ADD b :n ADD c :n SET d = :v",
        "SET a = :v, a = :v",
        "SET id = :v",
    ],
)
def test_updates_are_unchanged(moto_server: str, cloud: str, expression: str) -> None:
    answers = []
    for endpoint in (cloud, moto_server):
        name = f"updates-{uuid.uuid4()}"
        dynamodb = new_table(endpoint, name)
        values = {":v": {"S": "x"}, ":n": {"N": "1"}}
        used = {key: value for key, value in values.items() if key in expression}
        try:
            dynamodb.update_item(
                TableName=name,
                Key={"id": {"S": "1"}},
                UpdateExpression=expression,
                ExpressionAttributeValues=used,
            )
            answers.append(dynamodb.scan(TableName=name)["Items"])
        except ClientError as error:
            answers.append(error.response["Error"])
    assert answers[0] == answers[1]


def test_items_are_unchanged(moto_server: str, cloud: str) -> None:
    answers = []
    for endpoint in (cloud, moto_server):
        dynamodb = new_table(endpoint, "speedups")
        dynamodb.put_item(TableName="speedups", Item=ITEM)
        key = {"id": ITEM["id"]}
        batch = dynamodb.batch_get_item(RequestItems={"speedups": {"Keys": [key]}})
        update = dynamodb.update_item(
            TableName="speedups",
            Key=key,
            UpdateExpression="SET #n = :n",
            ExpressionAttributeNames={"#n": "number"},
            ExpressionAttributeValues={":n": {"N": "2"}},
            ReturnValues="ALL_OLD",
        )
        answers.append(
            [
                dynamodb.scan(TableName="speedups")["Items"],
                batch["Responses"],
                update["Attributes"],
            ]
        )
    assert answers[0] == answers[1]
    assert answers[0][2] == ITEM


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"S": "x"}, True),
        ({"L": [{"M": {"a": {"SS": ["x"]}}}]}, True),
        ({"B": b"x"}, False),
        ({"L": [{"M": {"a": {"B": b"x"}}}]}, False),
        ({"N": 1}, False),
        ({"S": "x", "N": "1"}, False),
        ({}, False),
        (object(), False),
    ],
)
def test_only_values_that_are_json_are_written_unchanged(value: object, expected: bool) -> None:
    assert speedups.is_json_value(value) is expected


part = st.text("ab-", min_size=1, max_size=2)


@given(st.lists(st.lists(part, min_size=1, max_size=3).map("/".join), unique=True))
def test_names_are_grouped_by_their_parent(paths: list[str]) -> None:
    inside = [f"{TREE}/{path}" for path in paths]
    groups = speedups.by_parent([*inside, "/elsewhere/a", "plain"])
    assert sorted(name for group in groups.values() for name in group) == sorted(inside)
    for parent, group in groups.items():
        assert [name for name in inside if name.rpartition("/")[0] == parent] == group
