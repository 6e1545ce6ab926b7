"""The bucket that holds the checkpoints and their sidecar files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_log.checkpoint_store import CheckpointStore
from event_log.checkpoint_update import CheckpointUpdate
from event_log.ledger import Ledger
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from event_log.layout import Layout


class CheckpointBucket:
    """The checkpoints of one layout.

    Parameters
    ----------
    client
        S3 client.
    bucket
        Name of the bucket.
    layout
        Maps events to checkpoints.

    Attributes
    ----------
    objects
        The bucket's objects.
    rejected, left_out
        The ledgers, which all checkpoints of the layout share.
    """

    def __init__(self, client: S3Client, bucket: str, layout: Layout) -> None:
        self.layout = layout
        self.objects = S3Objects(client, bucket)
        self.rejected = Ledger(self.objects, layout.sidecar("rejected"))
        self.left_out = Ledger(self.objects, layout.sidecar("left-out"))
        self._client = client

    def existing(self) -> Iterator[str]:
        """Yield the keys of checkpoints that exist or may exist."""
        return self.layout.existing(self.objects)

    def update(self, key: str, folder: Path) -> CheckpointUpdate:
        """Return an update of one checkpoint, with a folder for its temporary files."""
        return CheckpointUpdate(CheckpointStore(self.objects.bucket, key, self._client), folder)
