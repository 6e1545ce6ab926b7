"""Backfill: a batch of event files, or the merge of all; see `event_log.backfill`.

What it is set up with is what `event_log_checkpoint` is set up with. Whatever fails raises: the
state machine decides what becomes of it.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from event_log.backfill import ListedObject, merge_parts, read_batch
from event_log.reader import EventReader, ReadLimits
from event_log.settings import Assignment, CheckpointRequest, CheckpointSettings
from lambda_core import aws
from lambda_core.contracts import ExecutionId, parse_event
from lambda_core.deadline import deadline
from lambda_core.observability import instrumented
from lambda_core.s3 import S3Objects

SERVICE = "event_log_backfill"

MARGIN_SECONDS = 15.0
"""Left for writing the parts when the reading is ended."""

READ_SECONDS = 50.0
"""A batch begins no read later, so that it can be tried twice, however slow the last read is: the
express execution around it ends after five minutes. What is left is read at the end, by an ordinary
run."""


class ReadRequest(BaseModel):
    """Read a batch of objects into parts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mode: Literal["read"]
    execution_id: ExecutionId
    items: list[ListedObject] = Field(min_length=1)


class MergeRequest(BaseModel):
    """Merge the parts of an execution into the checkpoints."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mode: Literal["merge"]
    execution_id: ExecutionId


_REQUEST: TypeAdapter[ReadRequest | MergeRequest] = TypeAdapter(
    Annotated[ReadRequest | MergeRequest, Field(discriminator="mode")]
)


@instrumented(SERVICE, namespace="EventLogCheckpoint")
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take a `ReadRequest` or a `MergeRequest`; answer a `BatchRead` or a `PartsMerged`."""
    request = parse_event(_REQUEST, event)
    settings = CheckpointSettings.from_environment()
    now = dt.datetime.now(dt.UTC)
    assignment = Assignment.of(CheckpointRequest(), settings, now.date())
    client = aws.client("s3", user_agent=SERVICE)
    if isinstance(request, MergeRequest):
        with tempfile.TemporaryDirectory(prefix="backfill-") as folder:
            return merge_parts(
                request.execution_id,
                client=client,
                bucket=assignment.checkpoint_bucket,
                layout=assignment.layout,
                now=now,
                folder=Path(folder),
            ).model_dump()
    limits = ReadLimits(event_bytes=settings.max_event_bytes, concurrency=settings.read_concurrency)
    return read_batch(
        request.execution_id,
        request.items,
        reader=EventReader(client, assignment.source_bucket, limits),
        checkpoints=S3Objects(client, assignment.checkpoint_bucket),
        layout=assignment.layout,
        prefix=assignment.prefix,
        now=now,
        deadline=deadline(context, MARGIN_SECONDS, at_most=READ_SECONDS),
    ).model_dump()
