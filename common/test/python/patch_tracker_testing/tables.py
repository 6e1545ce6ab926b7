"""The tracker's tables in a local DynamoDB, and their contents."""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_core import aws
from lambda_core.retry import RetryPolicy
from local_cloud import moto_patches
from patch_tracker.repositories.discussions import DiscussionRepository
from patch_tracker.repositories.patches import PatchRepository
from patch_tracker.repositories.table import DynamoTable, Item
from patch_tracker.sync.storing import MailStore
from run_local.dynamodb_tables import create_tables, read_definitions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROJECT = "example"


def tables_file() -> Path:
    """Return the definition of the tables, which Terraform reads too."""
    name = Path("terraform/stacks/patch_tracker/tables.json")
    return next(
        folder / name for folder in Path(__file__).resolve().parents if (folder / name).is_file()
    )


@dataclass
class Tables:
    """Both tables with their repositories; initially empty."""

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
        """Return all items of both tables by key."""
        return {
            name: {
                "|".join(filter(None, (item["id"], item.get("timestamp")))): _comparable(item)
                for item in table.scan_all()
                # Left over from a mail that is no longer a patch; readers never see it.
                if item.keys() - {"reply_count"} != {"id"} or item.get("reply_count")
            }
            for name, table in (
                ("patches", self.patches_table),
                ("discussions", self.discussions_table),
            )
        }

    @property
    def writes(self) -> int:
        """Number of items written so far."""
        return self.patches_table.counts["writes"] + self.discussions_table.counts["writes"]


def _comparable(item: Item) -> Item:
    return {
        name: sorted(value) if isinstance(value, set) else value for name, value in item.items()
    }


@functools.cache
def client_in_process() -> DynamoDBClient:
    """Return a client that calls moto in this process, which takes half the time of HTTP."""
    # Importing moto takes two seconds.
    from moto.core.botocore_stubber import BotocoreStubber

    moto_patches.apply("dynamodb")
    moto = BotocoreStubber()
    moto.enabled = True
    client = aws.client("dynamodb", endpoint_url="https://dynamodb.us-east-1.amazonaws.com")
    events = client.meta.events
    events.register_first("before-send.dynamodb", moto)  # type: ignore[arg-type]  # it may answer
    return client


def new_tables(endpoint: str | None = None, project: str = PROJECT) -> Tables:
    """Create both tables with new names, in a server or in this process."""
    client = aws.client("dynamodb", endpoint_url=endpoint) if endpoint else client_in_process()
    names = {key: f"{key}-{uuid.uuid4().hex[:12]}" for key in ("patches", "discussions")}
    create_tables(client, read_definitions(tables_file()), names)
    return Tables(client, names, project)


class CrashError(Exception):
    """Simulates a crash between two writes."""


_WRITES = frozenset(
    {"put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"}
)


class CrashingClient:
    """A client that raises `CrashError` instead of a certain write.

    Parameters
    ----------
    client
        Makes the calls.
    writes
        Number of writes before the crash.
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
