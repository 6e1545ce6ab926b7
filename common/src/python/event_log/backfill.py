"""Backfill of millions of event files: many workers read them into parts; one merges the parts.

A part is a Parquet file with the rows of one batch of objects. Parts are stored in the checkpoint's
bucket under `backfill/EXECUTION/`, together with the ledger entries of the batch. Every step can be
repeated: a batch that is read again writes the same parts again, and rows that a checkpoint already
has are not added. Objects that are in no part are read by the next regular run.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from event_log.errors import AdoptionError, CheckpointError
from event_log.file_names import is_event_file
from event_log.intake import Intake
from event_log.layout import Group
from event_log.ledger import LEDGER_SCHEMA, PARQUET, duplicate_entries, ledger_frame, parquet_bytes
from event_log.reader import Source
from event_log.schema import SCHEMA
from lambda_core.contracts import ExecutionId

if TYPE_CHECKING:
    from event_log.checkpoint_bucket import CheckpointBucket
    from event_log.checkpoint_update import CheckpointUpdate
    from event_log.reader import EventReader
    from lambda_core.s3 import S3Objects

_logger = logging.getLogger(__name__)

PREFIX: Final = "backfill/"

ROWS_AT_ONCE: Final = 500_000
"""Rows of parts merged at a time. This takes a gigabyte of memory; the more rows, the less often a
file is rewritten."""

_ROWS, _REJECTED, _LEFT_OUT = "rows", "rejected", "left-out"
"""The kinds of parts."""

_WORKERS: Final = 8


class ListedObject(BaseModel):
    """An object as Step Functions lists it; `LastModified` is in seconds since 1970.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    key: str = Field(alias="Key")
    etag: str = Field(alias="Etag")
    last_modified: dt.datetime = Field(alias="LastModified")
    size: int = Field(alias="Size", ge=0)

    def source(self) -> Source:
        """Return the object as the reader expects it."""
        return Source(self.key, self.etag.strip('"'), None, self.last_modified, self.size)


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


type BackfillRequest = Annotated[ReadRequest | MergeRequest, Field(discriminator="mode")]


class BatchRead(BaseModel):
    """What happened to the objects of a batch; the other counts add up to `listed`.

    `deferred` counts objects for which there was no time. The other counts are those of
    `event_log.results.Balance`.
    """

    listed: int = 0
    other_names: int = 0
    rows: int = 0
    filtered: int = 0
    rejected: int = 0
    archived: int = 0
    gone: int = 0
    failed: int = 0
    deferred: int = 0


class PartsMerged(BaseModel):
    """The result of merging an execution's parts.

    Attributes
    ----------
    parts, rows
        Number of parts, and of their rows.
    checkpoints
        Number of checkpoints to which these rows belong.
    new_events
        Rows added. The other rows were already there.
    rejected, filtered
        Objects that were rejected, or belong to sandbox projects.
    """

    parts: int
    rows: int
    checkpoints: int
    new_events: int
    rejected: int
    filtered: int


def read_batch(
    execution_id: str,
    items: Sequence[ListedObject],
    *,
    reader: EventReader,
    checkpoints: CheckpointBucket,
    prefix: str,
    now: dt.datetime,
    deadline: float | None = None,
) -> BatchRead:
    """Read objects into parts.

    Parameters
    ----------
    execution_id
        The backfill's execution.
    items
        The objects.
    reader
        Reads them.
    checkpoints
        The bucket in which the parts are stored.
    prefix
        The prefix of the event files.
    now
        The time noted for rejected objects.
    deadline
        Time on the reader's clock after which nothing more is read.

    Raises
    ------
    S3Error
        A part could not be written.
    """
    intake = Intake(checkpoints.layout, now)
    sources = [item.source() for item in items if is_event_file(item.key, prefix)]
    for outcome in reader.read_all(sources, deadline=deadline):
        intake.add(outcome)
    rows = pl.concat([pl.DataFrame(schema=SCHEMA), *intake.rows().values()])
    rejected, left_out = intake.rejected(), intake.left_out()
    frames = {_ROWS: rows.sort("timestamp"), _REJECTED: rejected, _LEFT_OUT: left_out}
    name = _name(items)
    for kind, frame in frames.items():
        if not frame.is_empty():
            key = f"{_parts_prefix(execution_id, kind)}{name}.parquet"
            checkpoints.objects.put(key, parquet_bytes(frame), content_type=PARQUET)
    return BatchRead(
        listed=len(items),
        other_names=len(items) - len(sources),
        rows=rows.height,
        rejected=rejected.height,
        filtered=left_out.height,
        **{str(why): count for why, count in intake.unread.items()},
    )


def merge_parts(
    execution_id: str,
    *,
    checkpoints: CheckpointBucket,
    now: dt.datetime,
    folder: Path,
    rows_at_once: int = ROWS_AT_ONCE,
) -> PartsMerged:
    """Add the rows of all parts of an execution to their checkpoints, and update the ledgers.

    Parameters
    ----------
    execution_id
        The backfill's execution.
    checkpoints
        The checkpoints, in the same bucket as the parts.
    now
        The time noted for duplicates.
    folder
        For temporary files.
    rows_at_once
        Rows of parts merged at a time.

    Raises
    ------
    CheckpointConflictError
        Another writer changed a checkpoint during the merge: merge again.
    CheckpointError
        A checkpoint could not be read or written. The others were saved.
    S3Error
        A part could not be read.
    """
    objects = checkpoints.objects
    merger = _Merger(checkpoints, folder, now)
    parts = rows = 0
    prefix = _parts_prefix(execution_id, _ROWS)
    for frames in _parts(objects, prefix, SCHEMA, rows_at_once):
        parts += len(frames)
        rows += sum(frame.height for frame in frames)
        merger.add(pl.concat(frames))
    merger.save()
    rejected = _ledger_parts(objects, _parts_prefix(execution_id, _REJECTED))
    left_out = _ledger_parts(objects, _parts_prefix(execution_id, _LEFT_OUT))
    checkpoints.rejected.update(rejected)
    checkpoints.left_out.update(pl.concat([left_out, *merger.duplicates]))
    for error in merger.errors.values():
        raise error
    return PartsMerged(
        parts=parts,
        rows=rows,
        checkpoints=len(merger.updates),
        new_events=merger.new_events,
        rejected=rejected.height,
        filtered=left_out.height,
    )


@dataclass
class _Merger:
    """Adds rows to checkpoints on disk until all are added, then saves the checkpoints."""

    checkpoints: CheckpointBucket
    folder: Path
    now: dt.datetime
    updates: dict[str, CheckpointUpdate] = field(default_factory=dict)
    errors: dict[str, CheckpointError] = field(default_factory=dict)
    duplicates: list[pl.DataFrame] = field(default_factory=list)
    new_events: int = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows of any groups."""
        by_key: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
        for (study, datatype), group in rows.group_by("study", "datatype", maintain_order=True):
            key = self.checkpoints.layout.key_of(Group(str(study), str(datatype)))
            by_key[key].append(group)
        for key, groups in by_key.items():
            self._try(key, partial(self._merge, key, pl.concat(groups)))

    def save(self) -> None:
        """Save the checkpoints that have new rows."""
        for key, update in self.updates.items():
            self._try(key, partial(self._save, update))

    def _try(self, key: str, step: Callable[[], None]) -> None:
        """Run a step for a checkpoint. A group that failed does not stop the others."""
        if key in self.errors:
            return
        try:
            step()
        except CheckpointError as error:
            _logger.error("The parts of a checkpoint were not merged: %s", error, exc_info=error)
            self.errors[key] = error

    def _merge(self, key: str, rows: pl.DataFrame) -> None:
        if key not in self.updates:
            update = self.checkpoints.update(key, self.folder)
            update.open()
            if update.file and not update.file.has_sources:
                path = update.store.path
                raise AdoptionError(
                    f"{path} does not say which objects its rows come from. Before the backfill, "
                    "adopt it with a regular run, or move it elsewhere",
                    checkpoint_path=path,
                )
            self.updates[key] = update
        added = self.updates[key].merge(rows)
        self.duplicates.append(duplicate_entries(added.duplicates, self.now))

    def _save(self, update: CheckpointUpdate) -> None:
        update.save()
        self.new_events += update.new_rows


def _parts_prefix(execution_id: str, kind: str) -> str:
    return f"{PREFIX}{execution_id}/{kind}/"


def _parts(
    objects: S3Objects, prefix: str, schema: dict[str, pl.DataType], rows_at_once: int
) -> Iterator[list[pl.DataFrame]]:
    """Yield the parts under a prefix in lists, each with at least `rows_at_once` rows."""
    frames: list[pl.DataFrame] = []
    keys = (listed.key for listed in objects.list(prefix))
    for fetched in objects.get_many(keys, workers=_WORKERS):
        if fetched.stored is None:
            assert fetched.error  # noqa: S101 - for the type checker: either is set
            raise fetched.error
        frames.append(pl.read_parquet(fetched.stored.content).cast(pl.Schema(schema)))
        if sum(frame.height for frame in frames) >= rows_at_once:
            yield frames
            frames = []
    if frames:
        yield frames


def _ledger_parts(objects: S3Objects, prefix: str) -> pl.DataFrame:
    found = [
        frame for frames in _parts(objects, prefix, LEDGER_SCHEMA, ROWS_AT_ONCE) for frame in frames
    ]
    return pl.concat([ledger_frame([]), *found])


def _name(items: Sequence[ListedObject]) -> str:
    """Return a name that depends only on the objects."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{item.key}\n{item.etag}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]
