"""Last step of a run: save the checkpoints and the ledgers."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Final

import polars as pl

from event_log.adoption import adopted_rows, check_all_read
from event_log.checkpoint_file import CONTENT_ID, OBJECT_ID, Additions, additions
from event_log.errors import AdoptionError, CheckpointConflictError, CheckpointError
from event_log.ledger import duplicate_entries, ledger_frame
from event_log.results import GroupResult
from event_log.schema import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from event_log.checkpoint_bucket import CheckpointBucket
    from event_log.checkpoint_file import CheckpointFile
    from event_log.checkpoint_update import CheckpointUpdate
    from event_log.intake import Intake
    from event_log.plan import Plan
    from event_log.results import RunOptions

_logger = logging.getLogger(__name__)

_MAX_CONFLICTS: Final = 20
"""How often other writers may change a checkpoint first before the run fails."""


class Commit:
    """Saves what a run read.

    Parameters
    ----------
    checkpoints
        The checkpoints and their ledgers.
    plan
        The opened checkpoints; its balance is updated.
    intake
        What was read.
    options
        The run's options.
    since
        The day with which the listing began, if any.
    now
        The time noted for duplicates.
    """

    def __init__(
        self,
        checkpoints: CheckpointBucket,
        plan: Plan,
        intake: Intake,
        options: RunOptions,
        *,
        since: dt.date | None,
        now: dt.datetime,
    ) -> None:
        self._checkpoints = checkpoints
        self._plan = plan
        self._options = options
        self._since = since
        self._now = now
        self._rows = intake.rows()
        self._rejected = intake.rejected()
        self._left_out = intake.left_out()
        self._duplicates = [ledger_frame([])]

    def save(self, folder: Path) -> list[GroupResult]:
        """Save all checkpoints, then the ledgers. A failed group does not stop the others.

        Raises
        ------
        CheckpointError
            The single checkpoint could not be saved.
        S3Error
            A ledger could not be written.
        """
        # Objects that are no longer rejected.
        resolved = pl.concat(
            frame.select(OBJECT_ID) for frame in (self._left_out, *self._rows.values())
        )
        updates = self._plan.updates
        results = [
            self._save_checkpoint(key, updates.get(key) or self._checkpoints.update(key, folder))
            for key in sorted({*updates, *self._rows})
        ]
        rebuild = self._options.rebuild
        self._checkpoints.rejected.update(
            self._rejected,
            resolved if self._options.retry_rejected else None,
            discard_old=rebuild,
        )
        self._checkpoints.left_out.update(
            pl.concat([self._left_out, *self._duplicates]), discard_old=rebuild
        )
        return results

    def _save_checkpoint(self, key: str, update: CheckpointUpdate) -> GroupResult:
        balance, group = self._plan.balance, self._checkpoints.layout.group_of(key)
        rows = self._rows.pop(key, None)
        if rows is None:
            rows = pl.DataFrame(schema=SCHEMA)
        first = not update.exists
        try:
            if error := self._plan.errors.get(key):
                raise error
            added = self._rewrite(update, rows) if self._replaces(update) else _add(update, rows)
        except CheckpointError as error:
            if group is None:
                raise
            _logger.error("The checkpoint of a group was not saved: %s", error, exc_info=error)
            balance.unsaved += rows.height
            return GroupResult(key, group, error=error)
        balance.in_checkpoint += rows.height - added.duplicates.height
        balance.duplicates += added.duplicates.height
        self._duplicates.append(duplicate_entries(added.duplicates, self._now))
        file = update.file
        if file is None:
            return GroupResult(key, group, first=first)
        return GroupResult(
            key,
            group,
            new_events=update.new_rows,
            total_events=file.rows,
            last_timestamp=file.last_timestamp,
            size=file.path.stat().st_size,
            first=first,
        )

    def _replaces(self, update: CheckpointUpdate) -> bool:
        foreign = update.file is not None and not update.file.has_sources
        return update.exists and (self._options.rebuild or foreign)

    def _rewrite(self, update: CheckpointUpdate, rows: pl.DataFrame) -> Additions:
        """Replace a checkpoint, but keep rows whose object was deleted, changed or not read."""
        added = additions(None, rows)
        kept = rows.clear()
        if file := update.file:
            kept = self._kept_rows(update.store.path, file, added.rows)
            _logger.warning(
                "Rewriting a checkpoint",
                extra={
                    "checkpoint_path": update.store.path,
                    "rows": file.rows,
                    "rows_without_object": kept.height,
                },
            )
        update.replace(pl.concat([added.rows, kept], how="diagonal").sort("timestamp"))
        update.save()
        return added

    def _kept_rows(self, path: str, file: CheckpointFile, rows: pl.DataFrame) -> pl.DataFrame:
        if file.has_sources:
            not_rows = pl.concat([self._rejected, self._left_out])
            return (
                file.all_rows()
                .join(rows, on=CONTENT_ID, how="anti", nulls_equal=True)
                .join(not_rows, on=OBJECT_ID, how="anti")
            )
        plan = self._plan
        check_all_read(path, plan.balance, listed_all=plan.listed_all, since=self._since)
        return adopted_rows(file, rows)


def _add(update: CheckpointUpdate, rows: pl.DataFrame) -> Additions:
    """Add rows to a checkpoint. If another writer is faster, start again from its result."""
    for _ in range(_MAX_CONFLICTS):
        added = update.merge(rows)
        try:
            update.save()
        except CheckpointConflictError:
            _logger.info("Another writer changed %s; merging again", update.store.path)
            update.open()
            if update.file and not update.file.has_sources:
                raise AdoptionError(
                    f"another writer replaced {update.store.path} by a checkpoint without source "
                    "columns",
                    checkpoint_path=update.store.path,
                ) from None
        else:
            return added
    raise CheckpointConflictError(
        f"other writers changed {update.store.path} {_MAX_CONFLICTS} times during the run; "
        "try again later",
        checkpoint_path=update.store.path,
    )
