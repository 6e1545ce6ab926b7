"""Creates DynamoDB tables from the definitions that Terraform reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class IndexDefinition(BaseModel):
    """A global secondary index; `attributes` are included in addition to the keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hash_key: str
    range_key: str
    projection: str
    attributes: tuple[str, ...] = ()


class TableDefinition(BaseModel):
    """A table whose keys are all strings.

    Attributes
    ----------
    expiry
        Attribute with the Unix time in seconds after which DynamoDB may delete the item.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hash_key: str
    range_key: str | None
    expiry: str | None
    indexes: dict[str, IndexDefinition]


_ADAPTER: TypeAdapter[dict[str, TableDefinition]] = TypeAdapter(dict[str, TableDefinition])


def read_definitions(path: Path) -> dict[str, TableDefinition]:
    """Read the tables of a stack, such as `terraform/stacks/patch_tracker/tables.json`."""
    return _ADAPTER.validate_json(path.read_bytes())


def create_tables(
    client: DynamoDBClient, definitions: Mapping[str, TableDefinition], names: Mapping[str, str]
) -> None:
    """Create tables with on-demand billing and wait until they are ready.

    Parameters
    ----------
    names
        Names of the tables, by their keys in `definitions`.
    """
    for key, definition in definitions.items():
        client.create_table(**_request(names[key], definition))
    for key in definitions:
        client.get_waiter("table_exists").wait(
            TableName=names[key], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )


def let_items_expire(
    client: DynamoDBClient, definitions: Mapping[str, TableDefinition], names: Mapping[str, str]
) -> None:
    """Let DynamoDB delete expired items. DynamoDB Local does not delete them."""
    for key, definition in definitions.items():
        if definition.expiry:
            client.update_time_to_live(
                TableName=names[key],
                TimeToLiveSpecification={"Enabled": True, "AttributeName": definition.expiry},
            )


def _request(name: str, definition: TableDefinition) -> dict[str, Any]:
    attributes = {definition.hash_key, definition.range_key}
    indexes = []
    for index_name, index in definition.indexes.items():
        attributes |= {index.hash_key, index.range_key}
        projection: dict[str, Any] = {"ProjectionType": index.projection}
        if index.attributes:
            projection["NonKeyAttributes"] = list(index.attributes)
        indexes.append(
            {
                "IndexName": index_name,
                "KeySchema": _key_schema(index.hash_key, index.range_key),
                "Projection": projection,
            }
        )
    request = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _key_schema(definition.hash_key, definition.range_key),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"}
            for name in sorted(filter(None, attributes))
        ],
    }
    return request | ({"GlobalSecondaryIndexes": indexes} if indexes else {})


def _key_schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return schema + ([{"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else [])
