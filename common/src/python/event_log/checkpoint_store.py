"""A checkpoint in S3: never overwritten unseen, and missing only where S3 says so."""

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
from event_log.layout import hidden_beside
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
    """A checkpoint's object as it was read, damaged or not.

    Attributes
    ----------
    path
        The file with its content.
    etag
        By which it may be replaced.
    last_modified
        When it was written.
    """

    path: Path
    etag: str
    last_modified: dt.datetime


class CheckpointStore:
    """One checkpoint in S3.

    `load` and `save` are for whoever works with a checkpoint in memory: what is saved replaces
    what was loaded (nothing, where `load` was not called), and only that.

    Parameters
    ----------
    bucket, key
        Where it lies.
    client
        Of S3; made from the environment by default.
    """

    def __init__(self, bucket: str, key: str, client: S3Client | None = None) -> None:
        self.key = key
        self._objects = S3Objects(client or aws.client("s3"), bucket)
        self._etag: str | None = None

    @property
    def path(self) -> str:
        """The address, `s3://bucket/key`."""
        return f"s3://{self._objects.bucket}/{self.key}"

    def exists(self) -> bool:
        """Whether there is a checkpoint.

        Raises
        ------
        CheckpointError
            S3 does not say.
        """
        try:
            return any(one.key == self.key for one in self._objects.list(self.key))
        except S3Error as error:
            raise self._failure("looked for", error) from error

    def load(self) -> Checkpoint | None:
        """Read the checkpoint; None where S3 says that there is none.

        Raises
        ------
        CheckpointError
            It could not be read.
        DamagedCheckpointError
            It is no checkpoint; a copy was kept aside.
        """
        with _workplace() as folder:
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
        """Write the checkpoint in place of the one that was loaded; returns its address.

        Raises
        ------
        CheckpointConflictError
            There is one that was not loaded: load it and add the events again.
        CheckpointError
            It could not be written.
        """
        with _workplace() as folder:
            file = merge(None, checkpoint.dataframe, folder / "new")
            self._etag = self.upload(file, self._etag)
        _logger.info("The checkpoint was written", extra={"checkpoint_path": self.path})
        return self.path

    def download(self, folder: Path) -> StoredCheckpoint | None:
        """Read the object into a file of a folder; None where S3 says that there is none.

        Raises
        ------
        CheckpointError
            It could not be read.
        """
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        try:
            found = self._objects.download(self.key, Path(name))
        except ObjectNotFoundError:
            return None
        except S3Error as error:
            raise self._failure("read", error) from error
        return StoredCheckpoint(found.path, found.etag, found.last_modified)

    def upload(self, file: CheckpointFile, etag: str | None) -> str:
        """Write a file in place of the object with this ETag, or of none; returns the new ETag.

        Raises
        ------
        CheckpointConflictError
            Another writer was faster, or may have been.
        CheckpointError
            It could not be written.
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
                f"{self.path} was changed by another writer since it was read",
                checkpoint_path=self.path,
            ) from error
        except S3Error as error:
            raise self._failure("written", error) from error

    def damaged(self, stored: StoredCheckpoint, error: DamagedCheckpointError) -> CheckpointError:
        """Keep a copy of a damaged checkpoint and return the error that says so.

        Raises
        ------
        CheckpointError
            The copy could not be written.
        """
        copy = self.keep_aside(stored, "damaged")
        return DamagedCheckpointError(
            f"{self.path}: {error}; a copy is {copy}. Invoke the function with "
            '"rebuild": true to make it anew from the event files',
            checkpoint_path=self.path,
            copy=copy,
        )

    def keep_aside(self, stored: StoredCheckpoint, what: str) -> str:
        """Keep a copy of what was read, under a name with its date; returns its address.

        Raises
        ------
        CheckpointError
            It could not be written.
        """
        etag = re.sub(r"[^0-9A-Za-z]", "", stored.etag)[:8]
        key = hidden_beside(self.key, f"{what}-{stored.last_modified:%Y%m%dT%H%M%SZ}-{etag}")
        try:
            self._objects.put(key, stored.path, if_none_match=True)
        except (PreconditionFailedError, WriteUnknownError):
            _logger.info("%s was kept aside before", key)
        except S3Error as error:
            raise self._failure("kept aside", error) from error
        return f"s3://{self._objects.bucket}/{key}"

    def _failure(self, what: str, error: S3Error) -> CheckpointError:
        failure = CheckpointError(
            f"{self.path} could not be {what}: {error}", checkpoint_path=self.path
        )
        failure.transient = error.transient
        return failure


@contextmanager
def _workplace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as folder:
        yield Path(folder)
