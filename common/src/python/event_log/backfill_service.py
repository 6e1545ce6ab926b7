"""What the function `event_log_backfill` does: read a batch of event files, or merge what was read.

It takes a validated request and a deadline on the clock of `time.monotonic` (None if there is no
limit). Settings come from the environment.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

from event_log.backfill import (
    BatchRead,
    MergeRequest,
    PartsMerged,
    ReadRequest,
    merge_parts,
    read_batch,
)
from event_log.checkpoint_bucket import CheckpointBucket
from event_log.reader import EventReader
from event_log.settings import CheckpointRequest, CheckpointSettings, ResolvedRequest
from lambda_core import aws


def backfill(
    request: ReadRequest | MergeRequest, *, deadline: float | None = None
) -> BatchRead | PartsMerged:
    """Read a batch of event files into parts, or merge the parts. Every failure raises.

    Raises
    ------
    ApplicationError
        The environment is incomplete, or S3 or a checkpoint could not be read or written.
    """
    settings = CheckpointSettings.from_environment()
    now = dt.datetime.now(dt.UTC)
    resolved = ResolvedRequest.resolve(CheckpointRequest(), settings, now.date())
    client = aws.client("s3", user_agent="event_log_backfill")
    checkpoints = CheckpointBucket(client, resolved.checkpoint_bucket, resolved.layout)
    if isinstance(request, MergeRequest):
        with tempfile.TemporaryDirectory(prefix="backfill-") as folder:
            return merge_parts(
                request.execution_id, checkpoints=checkpoints, now=now, folder=Path(folder)
            )
    return read_batch(
        request.execution_id,
        request.items,
        reader=EventReader(client, resolved.source_bucket, settings.read_limits()),
        checkpoints=checkpoints,
        prefix=resolved.prefix,
        now=now,
        deadline=deadline,
    )
