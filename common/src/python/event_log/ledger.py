"""Records of objects that did not become rows and need not be read again.

There are two Parquet files. `rejected` is meant for people: which objects were rejected, when, and
why. `left-out` is only used by the next run: it lists sandbox objects and duplicates.
"""

from __future__ import annotations

import datetime as dt
import io
import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import polars as pl
from polars.exceptions import PolarsError

from event_log.checkpoint_file import OBJECT_ID
from event_log.schema import UTC_MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from event_log.reader import Source
    from lambda_core.s3 import S3Objects, StoredObject

_logger = logging.getLogger(__name__)

LEDGER_SCHEMA: Final[dict[str, pl.DataType]] = {
    "source_key": pl.String(),
    "source_etag": pl.String(),
    "source_version_id": pl.String(),
    "source_last_modified": UTC_MICROSECONDS,
    "source_size": pl.Int64(),
    "reason": pl.String(),
    "errors": pl.String(),
    "noted_at": UTC_MICROSECONDS,
}
"""Columns of both files. `errors` has one error per line."""


def entry(
    source: Source, reason: str, errors: Iterable[str], now: dt.datetime
) -> dict[str, object]:
    """Return the ledger entry of an object."""
    return {
        "source_key": source.key,
        "source_etag": source.etag,
        "source_version_id": source.version_id,
        "source_last_modified": source.last_modified,
        "source_size": source.size,
        "reason": reason,
        "errors": "\n".join(errors),
        "noted_at": now,
    }


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Return a frame as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


class Ledger:
    """One of the two files.

    Parameters
    ----------
    objects
        The checkpoint's bucket.
    key
        The file's key.
    """

    def __init__(self, objects: S3Objects, key: str) -> None:
        self._objects = objects
        self.key = key

    def load(self) -> pl.DataFrame:
        """Return all entries; there are none if the file does not exist.

        Raises
        ------
        S3Error
            The file could not be read.
        """
        return self._decode(self._objects.find(self.key))

    def update(
        self,
        added: pl.DataFrame,
        resolved: pl.DataFrame | None = None,
        *,
        discard_old: bool = False,
    ) -> None:
        """Add entries and remove resolved ones.

        Parameters
        ----------
        added
            New entries. Each replaces an older entry of the same object.
        resolved
            Objects, as `source_key` and `source_etag`, whose entries are removed.
        discard_old
            Remove all older entries.

        Raises
        ------
        S3Error
            The file could not be read or written.
        """
        if resolved is None:
            resolved = added.clear().select(OBJECT_ID)

        def change(current: StoredObject | None) -> bytes:
            old = pl.DataFrame(schema=LEDGER_SCHEMA) if discard_old else self._decode(current)
            for replaced in (added, resolved):
                old = old.join(replaced, on=OBJECT_ID, how="anti")
            return parquet_bytes(pl.concat([old, added]).sort("source_key", "source_etag"))

        if discard_old or not (added.is_empty() and resolved.is_empty()):
            self._objects.update(self.key, change, content_type=PARQUET)

    def _decode(self, stored: StoredObject | None) -> pl.DataFrame:
        empty = pl.DataFrame(schema=LEDGER_SCHEMA)
        if stored is None:
            return empty
        try:
            frame = pl.read_parquet(stored.content)
            return frame.select(list(LEDGER_SCHEMA)).cast(pl.Schema(LEDGER_SCHEMA))
        except PolarsError:
            # Nothing is lost, because its objects are read again.
            _logger.warning("%s is damaged; creating it again", self.key)
            return empty


PARQUET: Final = "application/vnd.apache.parquet"
"""Media type of Parquet files, https://www.iana.org/assignments/media-types."""


class LeftOut(StrEnum):
    """Why a valid event is not a row; the `reason` in the `left-out` file."""

    SANDBOX = "sandbox"
    """It belongs to a sandbox project."""
    DUPLICATE = "duplicate"
    """Its content is the row of another object with the same key."""


def ledger_frame(entries: list[dict[str, object]]) -> pl.DataFrame:
    """Return entries as a frame."""
    return pl.DataFrame(entries, schema=LEDGER_SCHEMA)


def duplicate_entries(rows: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """Return the ledger entries of rows that are duplicates."""
    return rows.select(
        *OBJECT_ID,
        "source_version_id",
        "source_last_modified",
        source_size=pl.lit(None, pl.Int64),
        reason=pl.lit(str(LeftOut.DUPLICATE)),
        errors=pl.lit(""),
        noted_at=pl.lit(now),
    ).cast(pl.Schema(LEDGER_SCHEMA))
