"""A run: what was not read before is read, and what is new becomes rows.

Every write depends on what was read before it, and every step may be repeated: a run that ends
anywhere is made good by the next.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from event_log.checkpoint_file import (
    CONTENT_ID,
    OBJECT_ID,
    Additions,
    CheckpointFile,
    additions,
    merge,
    rows_missing_from,
)
from event_log.checkpoint_store import CheckpointStore, StoredCheckpoint
from event_log.errors import (
    AdoptionError,
    CheckpointConflictError,
    CheckpointError,
    DamagedCheckpointError,
)
from event_log.event_file import Reason
from event_log.file_names import is_event_file
from event_log.known_objects import Kind, KnownObjects
from event_log.layout import Group
from event_log.ledger import LEDGER_SCHEMA, Ledger, entry
from event_log.models import SANDBOX
from event_log.reader import EventRead, NotRead, Refused, Unread, listed_source
from event_log.results import GroupResult, RunOptions, RunResult
from event_log.rows import RowBuffer
from event_log.schema import SCHEMA
from lambda_core.observability import timed_step
from lambda_core.s3 import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from event_log.layout import Layout
    from event_log.listing import Listing
    from event_log.reader import EventReader, Outcome, Source
    from lambda_core.s3 import ObjectSummary

_logger = logging.getLogger(__name__)

_LOOK_UP: Final = 10_000
"""Listed objects that are looked up at a time."""

_SANDBOX: Final = "sandbox"

_DUPLICATE: Final = "duplicate"

_CONFLICTS: Final = 20
"""How often another writer may be faster before the run gives up."""


@dataclass
class _Target:
    """One checkpoint during a run."""

    store: CheckpointStore
    stored: StoredCheckpoint | None = None
    file: CheckpointFile | None = None
    replace: bool = False
    """Whether the file is made anew, not added to."""
    error: CheckpointError | None = None


class CheckpointRun:
    """Brings checkpoints up to date with the event files of a bucket.

    Parameters
    ----------
    listing
        The event files.
    reader
        Reads them.
    client, bucket
        Of the checkpoints.
    layout
        Which event belongs in which checkpoint.
    options
        What to do beside the usual.
    now
        The time that refusals are noted with.
    """

    def __init__(
        self,
        listing: Listing,
        reader: EventReader,
        client: S3Client,
        bucket: str,
        layout: Layout,
        options: RunOptions,
        *,
        now: dt.datetime,
    ) -> None:
        self._listing = listing
        self._reader = reader
        self._client = client
        self._checkpoints = S3Objects(client, bucket)
        self._layout = layout
        self._options = options
        self._now = now
        self._rejected = Ledger(self._checkpoints, layout.beside("rejected"))
        self._left_out = Ledger(self._checkpoints, layout.beside("left-out"))
        self._targets: dict[str, _Target] = {}
        self._known = KnownObjects()
        self._result = RunResult()
        self._rejections: list[dict[str, object]] = []
        self._omissions: list[dict[str, object]] = []
        self._asked_for = 0
        self._buffers: defaultdict[str, RowBuffer] = defaultdict(RowBuffer)

    def run(self) -> RunResult:
        """Do it.

        Raises
        ------
        S3Error
            The objects could not be listed, or what is known of them could not be read or
            written.
        """
        with tempfile.TemporaryDirectory(prefix="checkpoint-") as name:
            folder = Path(name)
            with timed_step("load"):
                self._load(folder)
            with timed_step("read"):
                for outcome in self._reader.read_all(
                    self._unknown(), deadline=self._options.deadline
                ):
                    self._take(outcome)
            with timed_step("save"):
                self._save(folder)
        return self._result

    def _load(self, folder: Path) -> None:
        """Find out what need not be read."""
        for key in self._layout.existing(self._checkpoints):
            self._targets[key] = self._open(key, folder)
        if self._options.rebuild:
            return
        if not self._options.retry_rejected:
            self._known.add(Kind.REJECTED, [self._rejected.load()])
        for (reason,), entries in self._left_out.load().group_by("reason"):
            kind = Kind.FILTERED if reason == _SANDBOX else Kind.DUPLICATE
            self._known.add(kind, [entries])

    def _open(self, key: str, folder: Path) -> _Target:
        target = _Target(CheckpointStore(self._checkpoints.bucket, key, self._client))
        try:
            target.stored = target.store.download(folder)
            if target.stored:
                self._look_into(target, target.stored)
        except CheckpointError as error:
            # One group does not stop another.
            if self._layout.group_of(key) is None:
                raise
            target.error = error
        return target

    def _look_into(self, target: _Target, stored: StoredCheckpoint) -> None:
        target.replace = self._options.rebuild
        try:
            file = CheckpointFile.open(stored.path)
            if target.replace or not file.has_sources:
                file.check()
            else:
                self._known.add(Kind.ROW, file.pieces(*OBJECT_ID))
        except DamagedCheckpointError as error:
            if not target.replace:
                raise target.store.damaged(stored, error) from error
            _logger.warning("%s is damaged and is made anew", target.store.path)
            return
        target.file = file
        target.replace = target.replace or not file.has_sources

    def _unknown(self) -> Iterator[Source]:
        """Yield the objects that have to be read, and count the others."""
        balance = self._result.balance
        for entries in itertools.batched(self._event_files(), _LOOK_UP):
            kinds = self._known.look_up(
                [one.key for one in entries], [one.etag.strip('"') for one in entries]
            )
            for one, kind in zip(entries, kinds, strict=True):
                match kind:
                    case Kind.ROW:
                        balance.in_checkpoint += 1
                    case Kind.REJECTED:
                        balance.rejected += 1
                    case Kind.FILTERED:
                        balance.filtered += 1
                    case Kind.DUPLICATE:
                        balance.duplicates += 1
                    case _ if self._asked_for == self._options.most_objects:
                        balance.deferred += 1
                    case _:
                        self._asked_for += 1
                        yield listed_source(one)

    def _event_files(self) -> Iterator[ObjectSummary]:
        """Yield what is named as an event file; of versions with the same content the oldest."""
        balance = self._result.balance
        for key, versions in itertools.groupby(self._listing, lambda one: one.key):
            if self._reader.is_late(self._options.deadline):
                # What was read would be lost with the run, and with the next one too.
                self._result.listed_all = False
                return
            if not is_event_file(key, self._listing.prefix):
                others = sum(1 for _ in versions)
                balance.listed += others
                balance.other_names += others
                continue
            seen = set()
            # S3 lists the newest first.
            for one in reversed([*versions]):
                balance.listed += 1
                if one.etag in seen:
                    balance.duplicates += 1
                else:
                    seen.add(one.etag)
                    yield one

    def _take(self, outcome: Outcome) -> None:
        match outcome:
            case EventRead(source, event) if event.is_practice:
                self._result.filtered += 1
                self._result.balance.filtered += 1
                self._omissions.append(entry(source, _SANDBOX, (), self._now))
            case EventRead(source, event):
                try:
                    key = self._layout.key_of(Group(event.study, event.datatype))
                except ValueError:
                    message = "study: is too long to be part of a checkpoint's key"
                    self._refuse(Refused(source, Reason.GROUP, (message,)))
                else:
                    self._buffers[key].add(outcome)
            case Refused():
                self._refuse(outcome)
            case NotRead():
                self._leave(outcome)

    def _refuse(self, refused: Refused) -> None:
        source = refused.source
        self._result.balance.rejected += 1
        self._result.refused_keys.append(source.key)
        self._rejections.append(entry(source, refused.reason, refused.errors, self._now))
        _logger.warning(
            "An event file was refused",
            extra={
                "source_key": source.key,
                "reason": str(refused.reason),
                "validation_errors": list(refused.errors),
            },
        )

    def _leave(self, unread: NotRead) -> None:
        balance = self._result.balance
        match unread.why:
            case Unread.ARCHIVED:
                balance.archived += 1
            case Unread.GONE:
                balance.gone += 1
            case Unread.DEFERRED:
                balance.deferred += 1
            case Unread.FAILED:
                balance.failed += 1
                self._result.failed_keys.append(unread.source.key)
                _logger.warning(
                    "An event file could not be read; the next run tries again",
                    extra={"source_key": unread.source.key, "reason": unread.message},
                )

    def _save(self, folder: Path) -> None:
        duplicates = [pl.DataFrame(schema=LEDGER_SCHEMA)]
        rows = {key: buffer.frame() for key, buffer in self._buffers.items()}
        # What was read now need not be in the ledger of refused objects any more.
        resolved = pl.concat(
            frame.select(OBJECT_ID) for frame in (_ledger_frame(self._omissions), *rows.values())
        )
        for key in sorted({*self._targets, *rows}):
            target = self._targets.get(key) or _Target(
                CheckpointStore(self._checkpoints.bucket, key, self._client)
            )
            new = rows.pop(key, None)
            if new is None:
                new = pl.DataFrame(schema=SCHEMA)
            result, left_out = self._save_one(key, target, new, folder)
            self._result.groups.append(result)
            duplicates.append(left_out)
        options = self._options
        retried = resolved if options.retry_rejected else resolved.clear()
        self._rejected.update(_ledger_frame(self._rejections), retried, afresh=options.rebuild)
        self._left_out.update(
            pl.concat([_ledger_frame(self._omissions), *duplicates]),
            resolved.clear(),
            afresh=options.rebuild,
        )
        self._count_rows_without_object()

    def _save_one(
        self, key: str, target: _Target, rows: pl.DataFrame, folder: Path
    ) -> tuple[GroupResult, pl.DataFrame]:
        """Return what became of a checkpoint, and what of its rows is for the ledger."""
        balance, group = self._result.balance, self._layout.group_of(key)
        first = target.stored is None
        nothing = pl.DataFrame(schema=LEDGER_SCHEMA)
        rows_before = target.file.rows if target.file else 0
        try:
            if target.error:
                raise target.error
            added = self._write(target, rows, folder)
        except CheckpointError as error:
            if group is None:
                raise
            _logger.error("The checkpoint of a group was not saved: %s", error, exc_info=error)
            balance.unsaved += rows.height
            return GroupResult(key, group, error=error), nothing
        balance.in_checkpoint += rows.height - added.duplicates.height
        balance.duplicates += added.duplicates.height
        left_out = added.duplicates.select(
            *OBJECT_ID,
            "source_version_id",
            "source_last_modified",
            reason=pl.lit(_DUPLICATE),
            errors=pl.lit(""),
            noted_at=pl.lit(self._now),
        )
        result = GroupResult(key, group, first=first)
        if file := target.file:
            result = GroupResult(
                key,
                group,
                new_events=file.rows - rows_before if target.replace else added.rows.height,
                total_events=file.rows,
                last_timestamp=file.last_timestamp,
                size=file.path.stat().st_size,
                first=first,
            )
        return result, pl.concat([nothing, left_out], how="diagonal_relaxed")

    def _write(self, target: _Target, rows: pl.DataFrame, folder: Path) -> Additions:
        """Bring one checkpoint up to date, again where another writer was faster."""
        for _ in range(_CONFLICTS):
            base = None if target.replace else target.file
            added = additions(base, rows)
            if added.rows.is_empty() and not target.replace:
                return added
            carried = self._carried_over(target, added.rows)
            new_rows = pl.concat([added.rows, carried], how="diagonal").sort("timestamp")
            try:
                file = merge(base, new_rows, folder / uuid.uuid4().hex)
            except DamagedCheckpointError as error:
                assert target.stored  # noqa: S101 - for the type checker: nothing else is decoded
                raise target.store.damaged(target.stored, error) from error
            if target.replace and target.stored:
                target.store.keep_aside(target.stored, "replaced")
            try:
                target.store.upload(file, target.stored.etag if target.stored else None)
            except CheckpointConflictError:
                if target.replace:
                    raise
                _logger.info("Another writer was faster; merging again")
                file.path.unlink()
                self._reload(target, folder)
                continue
            target.file = file
            _logger.info(
                "The checkpoint was written",
                extra={"checkpoint_path": target.store.path, "rows": file.rows},
            )
            return added
        raise CheckpointConflictError(
            f"{target.store.path}: other writers were faster {_CONFLICTS} times",
            checkpoint_path=target.store.path,
        )

    def _reload(self, target: _Target, folder: Path) -> None:
        target.stored = target.store.download(folder)
        target.file = None
        if target.stored:
            try:
                target.file = CheckpointFile.open(target.stored.path)
            except DamagedCheckpointError as error:
                raise target.store.damaged(target.stored, error) from error
            if not target.file.has_sources:
                raise AdoptionError(
                    f"{target.store.path} was replaced by a checkpoint without sources meanwhile"
                )

    def _carried_over(self, target: _Target, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of a checkpoint that is made anew, as far as no object explains them.

        Their objects were deleted or overwritten, or could not be read now.
        """
        if not target.replace or target.file is None:
            return rows.clear()
        if target.file.has_sources:
            refused = _ledger_frame([*self._rejections, *self._omissions])
            carried = (
                target.file.all_rows()
                .join(rows, on=CONTENT_ID, how="anti", nulls_equal=True)
                .join(refused, on=OBJECT_ID, how="anti")
            )
        else:
            self._require_all_objects(target)
            carried = rows_missing_from(target.file.events(), rows).filter(
                ~pl.col("project_label").str.starts_with(SANDBOX)
            )
        _logger.warning(
            "A checkpoint is made anew",
            extra={
                "checkpoint_path": target.store.path,
                "rows": target.file.rows,
                "rows_without_object": carried.height,
            },
        )
        return carried

    def _require_all_objects(self, target: _Target) -> None:
        """Refuse to take over rows that an object may explain which is not read yet."""
        balance = self._result.balance
        missing = balance.failed + balance.deferred + balance.archived
        if missing or self._listing.since or not self._result.listed_all:
            raise AdoptionError(
                f"{target.store.path} does not say which objects its rows are from, and can be "
                "taken over only in a run that reads all of them: " + self._why_not_all(missing),
                checkpoint_path=target.store.path,
            )

    def _why_not_all(self, missing: int) -> str:
        if not self._result.listed_all:
            return "the time did not suffice to list them"
        return f"{missing} could not be read now" if missing else 'invoke with "full": true'

    def _count_rows_without_object(self) -> None:
        groups, listed_all = self._result.groups, self._result.listed_all
        if self._listing.since or not listed_all:
            return
        if not any(group.error for group in groups):
            self._result.rows_without_object = (
                sum(group.total_events for group in groups) - self._result.balance.in_checkpoint
            )


def _ledger_frame(entries: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(entries, schema=LEDGER_SCHEMA)
