"""Backfill of millions of event files: many workers read them into parts, one merges the parts.

A part is a parquet file with the rows of one batch of objects, in the checkpoint's bucket below
`backfill/EXECUTION/`; what a batch refused and left out lies beside it. A batch that is read again
writes the same parts again, and rows that a checkpoint has already are not added, so that each step
may be repeated. Objects that no part has are read by the next ordinary run, as any other object
that no checkpoint knows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from event_log.checkpoint_file import OBJECT_ID, CheckpointFile, additions, merge
from event_log.checkpoint_store import CheckpointStore, StoredCheckpoint
from event_log.errors import AdoptionError, CheckpointError, DamagedCheckpointError
from event_log.event_file import Reason
from event_log.file_names import is_event_file
from event_log.layout import Group
from event_log.ledger import LEDGER_SCHEMA, PARQUET, Ledger, entry
from event_log.reader import EventRead, NotRead, Refused, Source, Unread
from event_log.rows import RowBuffer
from event_log.schema import SCHEMA
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from event_log.layout import Layout
    from event_log.reader import EventReader, Outcome

_logger = logging.getLogger(__name__)

PREFIX: Final = "backfill/"

ROWS_AT_ONCE: Final = 500_000
"""Rows of parts that are merged at a time: a gigabyte of memory, and the fewer times a file is
written anew, the more there are."""

_PRACTICE, _DUPLICATE = "sandbox", "duplicate"
"""Reasons in the ledger of objects that are left out, as a run writes them."""

_WORKERS: Final = 8


class ListedObject(BaseModel):
    """An object as Step Functions lists it; `LastModified` in seconds since 1970.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    key: str = Field(alias="Key")
    etag: str = Field(alias="Etag")
    last_modified: dt.datetime = Field(alias="LastModified")
    size: int = Field(alias="Size", ge=0)

    def source(self) -> Source:
        """Return the object as a reader wants it."""
        return Source(self.key, self.etag.strip('"'), None, self.last_modified, self.size)


class BatchRead(BaseModel):
    """What became of the objects of a batch; the parts add up to `listed`.

    `deferred` are objects for which there was no time; the rest is as in a run's balance.
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
    """What became of an execution's parts.

    Attributes
    ----------
    parts, rows
        Parts that were read, and their rows.
    checkpoints
        Checkpoints that have rows of them.
    new_events
        Rows that were added; the others were there.
    rejected, filtered
        Objects that were refused, or are of practice projects.
    """

    parts: int
    rows: int
    checkpoints: int
    new_events: int
    rejected: int
    filtered: int


@dataclass(frozen=True)
class _Places:
    """Where the parts of an execution lie."""

    execution_id: str

    def prefix(self, kind: str) -> str:
        return f"{PREFIX}{self.execution_id}/{kind}/"

    def key(self, kind: str, batch: str) -> str:
        return f"{self.prefix(kind)}{batch}.parquet"


_ROWS, _REJECTED, _LEFT_OUT = "rows", "rejected", "left-out"


def read_batch(
    execution_id: str,
    items: Sequence[ListedObject],
    *,
    reader: EventReader,
    checkpoints: S3Objects,
    layout: Layout,
    prefix: str,
    now: dt.datetime,
    deadline: float | None = None,
) -> BatchRead:
    """Read objects into parts.

    Parameters
    ----------
    execution_id
        Of the backfill.
    items
        The objects.
    reader
        Reads them.
    checkpoints
        The bucket of the checkpoints, which gets the parts.
    layout
        Which event belongs in which checkpoint.
    prefix
        What the event files lie below.
    now
        The time that refusals are noted with.
    deadline
        Time of the reader's clock after which none is read.

    Raises
    ------
    S3Error
        A part could not be written.
    """
    batch = _Batch(layout, now)
    wanted = [one.source() for one in items if is_event_file(one.key, prefix)]
    for outcome in reader.read_all(wanted, deadline=deadline):
        batch.take(outcome)
    rows, counts = batch.rows.frame(), batch.counts
    frames = {
        _ROWS: rows.sort("timestamp"),
        _REJECTED: pl.DataFrame(batch.rejections, schema=LEDGER_SCHEMA),
        _LEFT_OUT: pl.DataFrame(batch.omissions, schema=LEDGER_SCHEMA),
    }
    places, name = _Places(execution_id), _name(items)
    for kind, frame in frames.items():
        if not frame.is_empty():
            checkpoints.put(places.key(kind, name), _content(frame), content_type=PARQUET)
    return counts.model_copy(
        update={
            "listed": len(items),
            "other_names": len(items) - len(wanted),
            "rows": rows.height,
            "rejected": len(batch.rejections),
            "filtered": len(batch.omissions),
        }
    )


def merge_parts(
    execution_id: str,
    *,
    client: S3Client,
    bucket: str,
    layout: Layout,
    now: dt.datetime,
    folder: Path,
    rows_at_once: int = ROWS_AT_ONCE,
) -> PartsMerged:
    """Add the rows of all parts of an execution to their checkpoints, and note what was refused.

    Parameters
    ----------
    client, bucket
        Of the checkpoints and the parts.
    layout
        Which event belongs in which checkpoint.
    now
        The time that duplicates are noted with.
    folder
        For files of the time of the merge.
    rows_at_once
        Rows of parts that are merged at a time.

    Raises
    ------
    CheckpointConflictError
        Another writer changed a checkpoint meanwhile: merge again.
    CheckpointError
        A checkpoint could not be read or written; the others are.
    S3Error
        A part could not be read.
    """
    objects, places = S3Objects(client, bucket), _Places(execution_id)
    merger = _Merger(client, bucket, layout, folder)
    parts = rows = 0
    for frames in _parts(objects, places.prefix(_ROWS), SCHEMA, rows_at_once):
        parts += len(frames)
        rows += sum(frame.height for frame in frames)
        merger.add(pl.concat(frames))
    merger.save()
    rejected = _ledger_parts(objects, places.prefix(_REJECTED))
    left_out = _ledger_parts(objects, places.prefix(_LEFT_OUT))
    nothing = rejected.clear().select(OBJECT_ID)
    Ledger(objects, layout.beside("rejected")).update(rejected, nothing)
    duplicates = merger.duplicates(now)
    Ledger(objects, layout.beside("left-out")).update(pl.concat([left_out, duplicates]), nothing)
    for error in merger.errors.values():
        raise error
    return PartsMerged(
        parts=parts,
        rows=rows,
        checkpoints=len(merger.targets),
        new_events=merger.new_events,
        rejected=rejected.height,
        filtered=left_out.height,
    )


@dataclass
class _Batch:
    """Takes what comes of the objects of a batch."""

    layout: Layout
    now: dt.datetime
    rows: RowBuffer = field(default_factory=RowBuffer)
    rejections: list[dict[str, object]] = field(default_factory=list)
    omissions: list[dict[str, object]] = field(default_factory=list)
    counts: BatchRead = field(default_factory=BatchRead)

    def take(self, outcome: Outcome) -> None:
        match outcome:
            case EventRead(source, event) if event.is_practice:
                self.omissions.append(entry(source, _PRACTICE, (), self.now))
            case EventRead(source, event):
                try:
                    self.layout.key_of(Group(event.study, event.datatype))
                except ValueError:
                    message = "study: is too long to be part of a checkpoint's key"
                    self._refuse(Refused(source, Reason.GROUP, (message,)))
                else:
                    self.rows.add(outcome)
            case Refused():
                self._refuse(outcome)
            case NotRead(source, why, message):
                setattr(self.counts, why, getattr(self.counts, why) + 1)
                if why is Unread.FAILED:
                    _logger.warning(
                        "An event file could not be read; the run after the backfill tries again",
                        extra={"source_key": source.key, "reason": message},
                    )

    def _refuse(self, refused: Refused) -> None:
        self.rejections.append(entry(refused.source, refused.reason, refused.errors, self.now))
        _logger.warning(
            "An event file was refused",
            extra={
                "source_key": refused.source.key,
                "reason": str(refused.reason),
                "validation_errors": list(refused.errors),
            },
        )


@dataclass
class _Target:
    """One checkpoint during a merge."""

    store: CheckpointStore
    stored: StoredCheckpoint | None
    file: CheckpointFile | None
    rows_before: int


@dataclass
class _Merger:
    """Adds rows to checkpoints, in files until all are added."""

    client: S3Client
    bucket: str
    layout: Layout
    folder: Path
    targets: dict[str, _Target] = field(default_factory=dict)
    new_events: int = 0
    errors: dict[str, CheckpointError] = field(default_factory=dict)
    _duplicates: list[pl.DataFrame] = field(default_factory=list)

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows of any groups."""
        by_key: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
        for (study, datatype), group in rows.group_by("study", "datatype", maintain_order=True):
            by_key[self.layout.key_of(Group(str(study), str(datatype)))].append(group)
        for key, groups in by_key.items():
            if key in self.errors:
                continue
            try:
                self._add(key, pl.concat(groups))
            except CheckpointError as error:
                # One group does not stop another.
                _logger.error("The parts of a group were not merged: %s", error, exc_info=error)
                self.errors[key] = error

    def save(self) -> None:
        """Write the checkpoints that have new rows."""
        for key, target in self.targets.items():
            added = (target.file.rows if target.file else 0) - target.rows_before
            if key in self.errors or not target.file or not added:
                continue
            try:
                target.store.upload(target.file, target.stored.etag if target.stored else None)
            except CheckpointError as error:
                _logger.error("A checkpoint was not saved: %s", error, exc_info=error)
                self.errors[key] = error
            else:
                self.new_events += added

    def duplicates(self, now: dt.datetime) -> pl.DataFrame:
        """Return the objects whose content is the row of another one, as a ledger has them."""
        found = [
            frame.select(
                *OBJECT_ID,
                "source_version_id",
                "source_last_modified",
                source_size=pl.lit(None, pl.Int64),
                reason=pl.lit(_DUPLICATE),
                errors=pl.lit(""),
                noted_at=pl.lit(now),
            )
            for frame in self._duplicates
        ]
        return pl.concat([pl.DataFrame(schema=LEDGER_SCHEMA), *found], how="vertical_relaxed").cast(
            pl.Schema(LEDGER_SCHEMA)
        )

    def _add(self, key: str, rows: pl.DataFrame) -> None:
        if key not in self.targets:
            self.targets[key] = self._open(key)
        target = self.targets[key]
        added = additions(target.file, rows)
        self._duplicates.append(added.duplicates)
        if added.rows.is_empty():
            return
        old = target.file
        try:
            target.file = merge(old, added.rows, self.folder / uuid.uuid4().hex)
        except DamagedCheckpointError as error:
            if target.stored is None:
                raise
            raise target.store.damaged(target.stored, error) from error
        if old:
            old.path.unlink()

    def _open(self, key: str) -> _Target:
        store = CheckpointStore(self.bucket, key, self.client)
        stored = store.download(self.folder)
        if stored is None:
            return _Target(store, None, None, 0)
        try:
            file = CheckpointFile.open(stored.path)
        except DamagedCheckpointError as error:
            raise store.damaged(stored, error) from error
        if not file.has_sources:
            raise AdoptionError(
                f"{store.path} does not say which objects its rows are from: let an ordinary run "
                "take it over before the backfill, or move it away",
                checkpoint_path=store.path,
            )
        return _Target(store, stored, file, file.rows)


def _parts(
    objects: S3Objects, prefix: str, schema: dict[str, pl.DataType], rows_at_once: int
) -> Iterator[list[pl.DataFrame]]:
    """Yield the parts below a prefix, as many at a time as have that many rows."""
    frames: list[pl.DataFrame] = []
    keys = (one.key for one in objects.list(prefix))
    for fetched in objects.get_many(keys, workers=_WORKERS):
        if fetched.stored is None:
            assert fetched.error  # noqa: S101 - for the type checker: one of both is set
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
    return pl.concat([pl.DataFrame(schema=LEDGER_SCHEMA), *found])


def _name(items: Sequence[ListedObject]) -> str:
    """Return a name that is the same for the same objects."""
    digest = hashlib.sha256()
    for one in items:
        digest.update(f"{one.key}\n{one.etag}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def _content(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
