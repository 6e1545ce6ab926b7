"""A checkpoint in S3: every write is conditional, and it is missing only if S3 says so."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from event_log.checkpoint import Checkpoint
from event_log.checkpoint_file import CheckpointFile, merge
from event_log.errors import CheckpointConflictError, CheckpointError, DamagedCheckpointError
from event_log.layout import sidecar_key
from event_log.ledger import PARQUET
from lambda_core import aws
from lambda_core.s3 import (
    ObjectNotFoundError,
    PreconditionFailedError,
    S3Error,
    S3Objects,
    WriteUnknownError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "CheckpointConflictError",
    "CheckpointError",
    "CheckpointStore",
    "DamagedCheckpointError",
    "StoredCheckpoint",
]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A downloaded checkpoint, damaged or not.

    Attributes
    ----------
    path
        The local file.
    etag
        The object's ETag, required to replace it.
    last_modified
        When the object was written.
    """

    path: Path
    etag: str
    last_modified: dt.datetime


class CheckpointStore:
    """One checkpoint in S3.

    Use `load` and `save` to work with a checkpoint in memory. `save` only replaces what `load`
    returned. If `load` was not called, it only creates a new checkpoint.

    Parameters
    ----------
    bucket, key
        The checkpoint's location.
    client
        S3 client; created from the environment by default.
    """

    def __init__(self, bucket: str, key: str, client: S3Client | None = None) -> None:
        self.key = key
        self._objects = S3Objects(client or aws.client("s3"), bucket)
        self._etag: str | None = None

    @property
    def path(self) -> str:
        """The URL, `s3://bucket/key`."""
        return f"s3://{self._objects.bucket}/{self.key}"

    def exists(self) -> bool:
        """Whether the checkpoint exists.

        Raises
        ------
        CheckpointError
            The request to S3 failed.
        """
        try:
            return any(listed.key == self.key for listed in self._objects.list(self.key))
        except S3Error as error:
            raise self._failure("looked for", error) from error

    def load(self) -> Checkpoint | None:
        """Read the checkpoint; returns None if S3 says that it does not exist.

        Raises
        ------
        CheckpointError
            The checkpoint could not be read.
        DamagedCheckpointError
            The object is not a checkpoint. It was backed up.
        """
        with _temporary_folder() as folder:
            stored = self.download(folder)
            self._etag = stored.etag if stored else None
            if stored is None:
                return None
            try:
                file = CheckpointFile.open(stored.path)
                rows = file.all_rows() if file.has_sources else file.events()
            except DamagedCheckpointError as error:
                raise self.damaged(stored, error) from error
            return Checkpoint(pl.concat([Checkpoint.empty().dataframe, rows], how="diagonal"))

    def save(self, checkpoint: Checkpoint) -> str:
        """Replace the loaded checkpoint; returns its URL.

        Raises
        ------
        CheckpointConflictError
            The stored checkpoint is not the loaded one: load it and add the events again.
        CheckpointError
            The checkpoint could not be written.
        """
        with _temporary_folder() as folder:
            file = merge(None, checkpoint.dataframe, folder / "new")
            self._etag = self.upload(file, self._etag)
        _logger.info("The checkpoint was written", extra={"checkpoint_path": self.path})
        return self.path

    def download(self, folder: Path) -> StoredCheckpoint | None:
        """Download the object into a folder; returns None if S3 says that it does not exist.

        Raises
        ------
        CheckpointError
            The object could not be read.
        """
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        try:
            found = self._objects.download(self.key, Path(name))
        except ObjectNotFoundError:
            Path(name).unlink()
            return None
        except S3Error as error:
            raise self._failure("read", error) from error
        return StoredCheckpoint(found.path, found.etag, found.last_modified)

    def upload(self, file: CheckpointFile, etag: str | None) -> str:
        """Replace the object with this ETag, or create it if the ETag is None.

        Returns
        -------
        str
            The new ETag.

        Raises
        ------
        CheckpointConflictError
            Another writer changed the object, or may have changed it.
        CheckpointError
            The object could not be written.
        """
        try:
            return self._objects.put(
                self.key,
                file.path,
                content_type=PARQUET,
                if_match=etag,
                if_none_match=etag is None,
            )
        except (PreconditionFailedError, WriteUnknownError) as error:
            raise CheckpointConflictError(
                f"another writer changed {self.path} after it was read",
                checkpoint_path=self.path,
            ) from error
        except S3Error as error:
            raise self._failure("written", error) from error

    def damaged(self, stored: StoredCheckpoint, error: DamagedCheckpointError) -> CheckpointError:
        """Back up a damaged checkpoint; returns the error to raise.

        Raises
        ------
        CheckpointError
            The backup could not be written.
        """
        copy = self.back_up(stored, "damaged")
        return DamagedCheckpointError(
            f"{self.path}: {error}. It was backed up to {copy}. To rebuild it from the event "
            'files, invoke the function with "rebuild": true',
            checkpoint_path=self.path,
            copy=copy,
        )

    def back_up(self, stored: StoredCheckpoint, reason: str) -> str:
        """Copy a downloaded checkpoint to a sidecar key with its date; returns the copy's URL.

        Raises
        ------
        CheckpointError
            The copy could not be written.
        """
        etag = re.sub(r"[^0-9A-Za-z]", "", stored.etag)[:8]
        key = sidecar_key(self.key, f"{reason}-{stored.last_modified:%Y%m%dT%H%M%SZ}-{etag}")
        try:
            self._objects.put(key, stored.path, if_none_match=True)
        except (PreconditionFailedError, WriteUnknownError):
            _logger.info("The backup %s already exists", key)
        except S3Error as error:
            raise self._failure("backed up", error) from error
        return f"s3://{self._objects.bucket}/{key}"

    def _failure(self, action: str, error: S3Error) -> CheckpointError:
        failure = CheckpointError(
            f"{self.path} could not be {action}: {error}", checkpoint_path=self.path
        )
        failure.transient = error.transient
        return failure


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as folder:
        yield Path(folder)
