"""The tracker's tables on a local DynamoDB, and what is in them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_core import aws
from lambda_core.retry import RetryPolicy
from patch_tracker.repositories.discussions import DiscussionRepository
from patch_tracker.repositories.patches import PatchRepository
from patch_tracker.repositories.table import DynamoTable, Item
from patch_tracker.sync.storing import MailStore
from run_local.dynamodb_tables import create_tables, read_definitions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROJECT = "example"


def tables_file() -> Path:
    """Return the file that Terraform reads too."""
    name = Path("terraform/stacks/patch_tracker/tables.json")
    return next(
        folder / name for folder in Path(__file__).resolve().parents if (folder / name).is_file()
    )


@dataclass
class Tables:
    """Both tables, empty at first, and all that works on them."""

    client: DynamoDBClient
    names: dict[str, str]
    project: str = PROJECT

    def __post_init__(self) -> None:
        retry = RetryPolicy(attempts=3, base_seconds=0)
        self.patches_table = DynamoTable(self.client, self.names["patches"], retry=retry)
        self.discussions_table = DynamoTable(self.client, self.names["discussions"], retry=retry)
        self.patches = PatchRepository(self.patches_table, self.project)
        self.discussions = DiscussionRepository(self.discussions_table, self.project)
        self.store = MailStore(self.discussions, self.patches_table)

    def everything(self) -> dict[str, dict[str, Any]]:
        """Return all items of both tables by their keys."""
        return {
            name: {
                "|".join(filter(None, (item["id"], item.get("timestamp")))): _comparable(item)
                for item in rows.scan_all()
                # Left of a mail that turned out to be no patch; nobody is shown it.
                if item.keys() - {"reply_count"} != {"id"} or item.get("reply_count")
            }
            for name, rows in (
                ("patches", self.patches_table),
                ("discussions", self.discussions_table),
            )
        }

    @property
    def writes(self) -> int:
        """How many items were written until now."""
        return self.patches_table.counts["writes"] + self.discussions_table.counts["writes"]

    def clear(self) -> None:
        """Delete every item."""
        for rows in (self.patches_table, self.discussions_table):
            names = ("id", "timestamp") if rows is self.discussions_table else ("id",)
            rows.write_many(
                deletes=[{name: item[name] for name in names} for item in list(rows.scan_all())]
            )


def _comparable(item: Item) -> Item:
    return {
        name: sorted(value) if isinstance(value, set) else value for name, value in item.items()
    }


def new_tables(endpoint: str, project: str = PROJECT) -> Tables:
    """Make both tables under new names."""
    client = aws.client("dynamodb", endpoint_url=endpoint)
    names = {key: f"{key}-{uuid.uuid4().hex[:12]}" for key in ("patches", "discussions")}
    create_tables(client, read_definitions(tables_file()), names)
    return Tables(client, names, project)


class CrashError(Exception):
    """What a test lets happen between two writes."""


_WRITES = frozenset(
    {"put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"}
)


class CrashingClient:
    """A client that breaks off instead of making its n-th write.

    Parameters
    ----------
    client
        Makes the calls.
    writes
        How many writes are made before the crash.
    """

    def __init__(self, client: DynamoDBClient, writes: int) -> None:
        self._client = client
        self.left = writes

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call of the client
        if name in _WRITES:
            if self.left == 0:
                raise CrashError(name)
            self.left -= 1
        return getattr(self._client, name)
