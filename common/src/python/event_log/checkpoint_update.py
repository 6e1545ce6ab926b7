"""Opens a stored checkpoint, merges rows into it, and saves it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from event_log.checkpoint_file import OBJECT_ID, Additions, CheckpointFile, additions, merge
from event_log.errors import DamagedCheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from event_log.checkpoint_store import CheckpointStore, StoredCheckpoint

_logger = logging.getLogger(__name__)


class CheckpointUpdate:
    """One checkpoint during a run or a backfill.

    Call `open`, then `merge` any number of times or `replace`, then `save`. After a
    `CheckpointConflictError`, call `open` again.

    Parameters
    ----------
    store
        The checkpoint in S3.
    folder
        For temporary files: twice the size of the checkpoint.

    Attributes
    ----------
    file
        The checkpoint with everything merged so far. None if it does not exist, or is damaged and
        opened for a rebuild.
    """

    def __init__(self, store: CheckpointStore, folder: Path) -> None:
        self.store = store
        self.file: CheckpointFile | None = None
        self._folder = folder
        self._stored: StoredCheckpoint | None = None
        self._rows_opened = 0
        self._changed = False

    @property
    def exists(self) -> bool:
        """Whether the checkpoint existed when it was opened, damaged or not."""
        return self._stored is not None

    @property
    def new_rows(self) -> int:
        """Rows added since the checkpoint was opened; negative if a rebuild removed rows."""
        return (self.file.rows if self.file else 0) - self._rows_opened

    def open(self, *, for_rebuild: bool = False) -> None:
        """Download the checkpoint, if it exists, and inspect it.

        Parameters
        ----------
        for_rebuild
            Accept a damaged checkpoint, which will be replaced.

        Raises
        ------
        CheckpointError
            The checkpoint could not be read.
        DamagedCheckpointError
            It is damaged. It was backed up.
        """
        if self.file:
            self.file.path.unlink(missing_ok=True)
        self.file, self._rows_opened, self._changed = None, 0, False
        self._stored = self.store.download(self._folder)
        if self._stored is None:
            return
        try:
            with self._damage_backed_up(needed=not for_rebuild):
                file = CheckpointFile.open(self._stored.path)
                if for_rebuild or not file.has_sources:
                    file.check()
        except DamagedCheckpointError:
            if not for_rebuild:
                raise
            _logger.warning("%s is damaged; rebuilding it", self.store.path)
        else:
            self.file, self._rows_opened = file, file.rows

    def object_ids(self) -> Iterator[pl.DataFrame]:
        """Yield the keys and ETags of all rows, in pieces.

        Raises
        ------
        DamagedCheckpointError
            The checkpoint is damaged. It was backed up.
        """
        if self.file:
            with self._damage_backed_up():
                yield from self.file.pieces(*OBJECT_ID)

    def merge(self, rows: pl.DataFrame) -> Additions:
        """Add the rows that the checkpoint does not have yet.

        Raises
        ------
        DamagedCheckpointError
            The stored checkpoint is damaged. It was backed up.
        CheckpointError
            The merged file could not be written.
        """
        old = self.file
        added = additions(old, rows)
        if not added.rows.is_empty():
            with self._damage_backed_up():
                self.file = merge(old, added.rows, self._new_path())
            self._changed = True
            if old:
                old.path.unlink()
        return added

    def replace(self, rows: pl.DataFrame) -> None:
        """Replace all rows, and back up the stored checkpoint.

        Raises
        ------
        CheckpointError
            The new file or the backup could not be written.
        """
        self.file = merge(None, rows, self._new_path())
        self._changed = True
        if self._stored:
            self.store.back_up(self._stored, "replaced")

    def save(self) -> None:
        """Write the checkpoint to S3 if it changed.

        Raises
        ------
        CheckpointConflictError
            Another writer changed the checkpoint after it was opened.
        CheckpointError
            The checkpoint could not be written.
        """
        if not self._changed or self.file is None:
            return
        self.store.upload(self.file, self._stored.etag if self._stored else None)
        _logger.info(
            "The checkpoint was written",
            extra={"checkpoint_path": self.store.path, "rows": self.file.rows},
        )

    def _new_path(self) -> Path:
        return self._folder / uuid.uuid4().hex

    @contextmanager
    def _damage_backed_up(self, *, needed: bool = True) -> Iterator[None]:
        try:
            yield
        except DamagedCheckpointError as error:
            # After a merge, the damaged file would not be the stored one.
            if not needed or self._stored is None or self._changed:
                raise
            raise self.store.damaged(self._stored, error) from error
